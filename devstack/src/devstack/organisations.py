"""The demo organisations, one for each kind of business: what an operator would type in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Settings = Mapping[str, Any]  # the body of a request

_WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
_NUMBERED = "BK-XXXXXX-XXXX"


@dataclass(frozen=True)
class Table:
    """A table, for one party at a time; those of a group can be put together."""

    number: int
    seats_min: int
    seats_max: int
    floor: str
    vip: bool = False
    group: str | None = None


@dataclass(frozen=True)
class Dish:
    """An item of the menu; the price is in the currency's minor unit."""

    name: str
    price_minor: int
    allergens: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """Something to book: a preset with what differs from it, and its sessions where it has dates.

    `sessions`: days ahead, local times and title. `section`: of the menu, to choose dishes from.
    """

    settings: Settings
    sessions: tuple[Settings, ...] = ()
    section: str | None = None

    @property
    def title(self) -> str:
        return str(self.settings["title"])


@dataclass(frozen=True)
class Demo:
    """One organisation with one venue, its tables, its menu and what it offers."""

    organisation: Settings
    venue: Settings
    offers: tuple[Offer, ...]
    tables: tuple[Table, ...] = ()
    menu: Mapping[str, tuple[Dish, ...]] = field(default_factory=dict)
    swish: str | None = None  # the number that its guests may pay to

    @property
    def slug(self) -> str:
        return str(self.organisation["slug"])


NIGHTCLUB = Demo(
    organisation={
        "slug": "backroom-leeds",
        "name": "The Backroom",
        "default_country": "GB",
        "locale": "en",
        "reference_template": "BRL-{YYYY}-XXXXX",
    },
    venue={
        "slug": "backroom-leeds",
        "name": "The Backroom, Leeds",
        "timezone": "Europe/London",
        "currency": "GBP",
        "locale": "en",
        "contact_email": "hello@backroom.example",
        "statement_descriptor": "BACKROOM LEEDS",
        "billing_countries": ["GB"],
    },
    offers=(
        Offer(
            {
                "preset": "event_table",
                "title": "Table at a club night",
                "pricing": {"amount_minor": 5000},
            },
            sessions=tuple(
                {"days": days, "start_time": "22:00", "end_time": "03:00", "title": "Club night"}
                for days in (10, 17, 24, 31)
            ),
        ),
    ),
    tables=(
        *(Table(number, 2, 6, "Main floor") for number in range(1, 9)),
        *(Table(number, 4, 12, "Upper floor", vip=True) for number in range(9, 13)),
    ),
)

PUB = Demo(
    organisation={
        "slug": "the-anchor",
        "name": "The Anchor",
        "default_country": "GB",
        "locale": "en",
        "reference_template": _NUMBERED,
    },
    venue={
        "slug": "the-anchor",
        "name": "The Anchor",
        "timezone": "Europe/London",
        "currency": "GBP",
        "locale": "en",
        "contact_email": "hello@anchor.example",
        "statement_descriptor": "THE ANCHOR",
    },
    offers=(
        Offer({"preset": "sunday_lunch", "title": "Sunday lunch"}, section="Sunday lunch"),
        Offer({"preset": "dining", "title": "A table for dinner"}),
    ),
    tables=(
        *(Table(number, 1, 2, "Bar") for number in range(1, 5)),
        *(Table(number, 2, 4, "Dining room", group="window") for number in range(5, 9)),
        *(Table(number, 4, 6, "Dining room") for number in range(9, 12)),
        Table(12, 6, 10, "Snug"),
    ),
    menu={
        "Sunday lunch": (
            Dish("Roast topside of beef", 1895, ("gluten", "milk", "egg")),
            Dish("Roast leg of lamb", 1995, ("gluten", "milk")),
            Dish("Roast half chicken", 1795, ("gluten",)),
            Dish("Nut roast", 1595, ("nuts",)),
            Dish("Children's roast", 995, ("gluten",)),
            Dish("Sticky toffee pudding", 750, ("gluten", "milk", "egg")),
        ),
    },
)

STUDIO = Demo(
    organisation={
        "slug": "studio-sodermalm",
        "name": "Studio Södermalm",
        "default_country": "SE",
        "locale": "sv",
        "reference_template": _NUMBERED,
    },
    venue={
        "slug": "studio-sodermalm",
        "name": "Studio Södermalm",
        "timezone": "Europe/Stockholm",
        "currency": "SEK",
        "locale": "sv",
        "contact_email": "hej@studio.example",
        "statement_descriptor": "STUDIO SODERMALM",
    },
    swish="1231234567",
    offers=(
        Offer(
            {
                "preset": "class",
                "title": "Pilates",
                "inventory": {"capacity": 20},
                "pricing": {"amount_minor": 18000, "payment_methods": ["card", "swish"]},
            },
            sessions=tuple(
                {"days": days, "start_time": "18:00", "end_time": "19:00", "title": title}
                for days, title in (
                    (3, "Pilates mat"),
                    (5, "Pilates reformer"),
                    (7, "Pilates mat"),
                )
            ),
        ),
    ),
)

ESCAPE_ROOMS = Demo(
    organisation={
        "slug": "lockbox",
        "name": "Lockbox Escape Rooms",
        "default_country": "US",
        "locale": "en",
        "reference_template": _NUMBERED,
    },
    venue={
        "slug": "lockbox-downtown",
        "name": "Lockbox Downtown",
        "timezone": "America/New_York",
        "currency": "USD",
        "locale": "en",
        "contact_email": "hello@lockbox.example",
        "statement_descriptor": "LOCKBOX",
    },
    offers=(
        Offer(
            {
                "preset": "activity",
                "title": "The Vault",
                "schedule": {
                    "operating_days": _WORKDAYS,
                    "start_time": "09:00",
                    "end_time": "21:00",
                    "interval_minutes": 60,
                    "custom_hours_enabled": True,
                    "custom_hours": {
                        "saturday": {"enabled": True, "start_time": "10:00", "end_time": "18:00"}
                    },
                },
                "inventory": {"capacity": 8},
                "pricing": {
                    "tiers": [
                        {"key": "adult", "label": "Adult", "amount_minor": 3500},
                        {"key": "child", "label": "Child", "amount_minor": 2500},
                        {"key": "vip", "label": "VIP Pass", "amount_minor": 5000},
                    ]
                },
            }
        ),
    ),
)

BOATHOUSE = Demo(
    organisation={
        "slug": "harbor-kayaks",
        "name": "Harbor Kayaks",
        "default_country": "US",
        "locale": "en",
        "reference_template": _NUMBERED,
    },
    venue={
        "slug": "harbor-kayaks",
        "name": "Harbor Kayaks, Pier 7",
        "timezone": "America/Los_Angeles",
        "currency": "USD",
        "locale": "en",
        "contact_email": "hello@kayaks.example",
        "statement_descriptor": "HARBOR KAYAKS",
    },
    offers=(
        Offer(
            {
                "preset": "activity",
                "title": "Sunset tour",
                "schedule": {
                    "operating_days": ["friday", "saturday", "sunday"],
                    "start_time": "15:00",
                    "end_time": "21:00",
                    "interval_minutes": 120,
                },
                "inventory": {"capacity": 12},
                "pricing": {"tiers": [{"key": "guest", "label": "Guest", "amount_minor": 3000}]},
                "policy": {
                    "refund_tiers": [
                        {"hours": 48, "percent": 100},
                        {"hours": 24, "percent": 50},
                    ]
                },
            }
        ),
    ),
)

DEMOS = (NIGHTCLUB, PUB, STUDIO, ESCAPE_ROOMS, BOATHOUSE)
