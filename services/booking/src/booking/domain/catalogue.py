"""What is on offer: organisations, venues, offerings, resources and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking.domain.inventory import Inventory, Seats, Table
from booking.domain.money import Money
from booking.domain.policy import Policy
from booking.domain.presets import Preset
from booking.domain.pricing import Pricing
from booking.domain.refusals import NotOnSale, SessionClosed, SessionStarted
from booking.domain.schedule import Schedule

if TYPE_CHECKING:
    from booking.domain.menus import MenuItem  # noqa: TC004 - it imports this module


class OrganisationStatus(StrEnum):
    """Suspended takes no new bookings and honours those it has (OPN-10)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class ListingStatus(StrEnum):
    """Archived things stay, with their history, and are no longer sold."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class SessionStatus(StrEnum):
    """A closed session keeps its bookings and takes no new ones; an archived one is not shown."""

    OPEN = "open"
    CLOSED = "closed"
    ARCHIVED = "archived"


class SessionOrigin(StrEnum):
    """Who keeps a session: staff, or the rules of the offering's schedule."""

    MANUAL = "manual"
    RULE = "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A tenant."""

    org_id: UUID
    slug: str
    name: str
    status: OrganisationStatus
    default_country: str
    locale: str
    reference_template: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """A place with a time zone and a currency; its contact e-mail, phone and address are public.

    ``manager_email``, ``kitchen_email`` and ``review_url`` are for staff and for messages
    (TEN-10). ``theme``: how its booking pages look, checked where it comes in (F-82).
    ``billing_countries``: whose cards its forms are for (ISO 3166-1 alpha-2); empty: any (PAY-09).
    """

    id: UUID
    org_id: UUID
    slug: str
    name: str
    timezone: str
    currency: str
    locale: str
    contact_email: str | None
    contact_phone: str | None
    address: str | None
    manager_email: str | None
    kitchen_email: str | None
    review_url: str | None
    statement_descriptor: str | None
    billing_countries: tuple[str, ...]
    embed_key: str
    theme: Mapping[str, Any]
    status: ListingStatus
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """Something to book: four independent settings and a title."""

    id: UUID
    org_id: UUID
    venue_id: UUID
    preset: Preset
    title: str
    description: str | None
    image_url: str | None
    sort_order: int
    schedule: Schedule
    inventory: Inventory
    pricing: Pricing
    policy: Policy
    status: ListingStatus
    version: int

    def price(self, currency: str) -> Money | None:
        """What one booking, or one person, costs at least; None: it depends on what is chosen."""
        prices = self.pricing.prices()
        return Money(min(prices), currency) if prices else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something bookable by itself: a table with a number and seats (CAT-05).

    Tables of one ``join_group`` can be put together; of tables that fit equally well, the one with
    the lower ``priority`` is given out first.
    """

    id: UUID
    org_id: UUID
    venue_id: UUID
    number: int
    label: str
    floor: str | None
    seats: Seats
    features: tuple[str, ...]
    vip: bool
    description: str | None
    join_group: str | None
    priority: int
    status: ListingStatus
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One dated occurrence of an offering. ``capacity`` None: resources limit it."""

    id: UUID
    org_id: UUID
    offering_id: UUID
    venue_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    capacity: int | None
    taken: int
    status: SessionStatus
    version: int
    origin: SessionOrigin = SessionOrigin.MANUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """How a session is announced, beside its title (CAT-01). The links are http or https."""

    description: str | None = None
    image_url: str | None = None
    ticket_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Everything a hold needs to know that rarely changes, at one version of the offering.

    Editing the organisation, the venue, its resources or its menu raises that version too.
    ``tables`` are the venue's active ones in the order in which they are given out, ``seats``
    their seats. ``menu``: the dishes of the offering's sections, available or not.
    """

    organisation: Organisation
    venue: Venue
    offering: Offering
    seats: Mapping[UUID, Seats]
    tables: tuple[Table, ...] = ()
    menu: Mapping[UUID, MenuItem] = field(default_factory=dict)


def check_on_sale(
    listing: Listing, session: Session, now: datetime, starts_at: datetime | None = None
) -> None:
    """Refuse a new booking where none may be made. ``starts_at``: its own start, if it has one.

    Raises:
        NotOnSale: the organisation is suspended or closed, the venue or offering archived.
        SessionClosed, SessionStarted: the session takes no more bookings (F-15, F-65).
    """
    if (
        listing.organisation.status is not OrganisationStatus.ACTIVE
        or listing.venue.status is not ListingStatus.ACTIVE
        or listing.offering.status is not ListingStatus.ACTIVE
    ):
        raise NotOnSale
    if session.status is not SessionStatus.OPEN:
        raise SessionClosed
    if now >= (starts_at or session.starts_at):
        raise SessionStarted
