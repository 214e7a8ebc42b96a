"""What the bench sells: one organisation, classes and tables, made through the public API.

The first session of each offering is made like any other; the rest are copies of it, by SQL, each
a day after the one before.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import asyncpg

from bench.system import System
from devstack import web
from devstack.client import Client
from devstack.keys import word
from payments.providers.stripe.notifications import ACTED_ON

CAPACITY = 100_000
TABLES = 60
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Target:
    """A place to hold."""

    session_id: str
    starts_at: str
    ends_at: str
    resource_id: str | None = None
    wish: dict[str, Any] | None = None  # what the guest asks for, where it is more than the place

    @property
    def as_json(self) -> list[Any]:
        return [self.session_id, self.starts_at, self.ends_at, self.resource_id, self.wish]


@dataclass
class Shop:
    """Everything that can be booked, dealt out so that no two measurements share a place."""

    org_id: str
    staff: Client
    publishable_key: str
    classes: list[Target]
    tables: list[Target]
    one_night: list[Target]
    lesson_id: str
    night_id: str
    resources: list[str]
    activities: list[Target]
    dinners: list[Target]
    _dealt: int = 0
    _seated: int = 0
    _opened: int = 0

    def class_places(self) -> list[Target]:
        """Many sessions with room for everyone."""
        return self.classes[1:]

    def single_session(self) -> list[Target]:
        """One session with room for everyone."""
        return self.classes[:1]

    def tables_of_one_night(self, count: int) -> list[Target]:
        """So many tables of the same session, that nobody had before."""
        dealt, self.one_night = self.one_night[:count], self.one_night[count:]
        return dealt

    def table_places(self, count: int) -> list[Target]:
        """So many tables that nobody had before.

        Raises:
            ValueError: there are no more; raise the number of sessions.
        """
        dealt = self.tables[self._dealt : self._dealt + count]
        if len(dealt) < count:
            raise ValueError("the bench has run out of tables")
        self._dealt += count
        return dealt

    def dinner_places(self, count: int) -> list[Target]:
        """So many parties of two, no more in one evening than there are tables.

        Raises:
            ValueError: there are no more evenings.
        """
        dealt = self.dinners[self._seated : self._seated + count]
        if len(dealt) < count:
            raise ValueError("the bench has run out of evenings")
        self._seated += count
        return dealt

    def another_session(self, capacity: int | None) -> str:
        """The id of a new class of that capacity, or of a new night of all tables if it is None."""
        self._opened += 1
        day = date(2034, 1, 1) + timedelta(days=self._opened)
        body: dict[str, Any] = {"starts_at": f"{day}T18:00:00Z", "ends_at": f"{day}T20:00:00Z"}
        body |= (
            {"offering_id": self.night_id, "resource_ids": self.resources}
            if capacity is None
            else {"offering_id": self.lesson_id, "capacity": capacity}
        )
        return str(self.staff.post("/v1/sessions", body)["id"])


async def open_shop(system: System, *, sessions: int) -> Shop:
    """One organisation with `sessions` classes and as many nights of `TABLES` tables."""
    operator = Client(system.gateway, api_key=system.operator_key())
    organisation = operator.post(
        "/v1/organisations",
        {
            "slug": "bench",
            "name": "Bench",
            "default_country": "SE",
            "reference_template": "B-XXXXXXXXXX",
        },
    )
    org_id = str(organisation["id"])
    key = operator.post(
        "/v1/api-keys",
        {
            "organisation_id": org_id,
            "name": "bench",
            "scopes": [
                f"manage:{module}" for module in ("bookings", "catalogue", "customers", "payments")
            ],
        },
    )
    staff = Client(system.gateway, api_key=key["key"])
    venue = staff.post(
        "/v1/venues",
        {"slug": "bench", "name": "Bench", "timezone": "Europe/Stockholm", "currency": "SEK"},
    )
    publishable_key = _payment_account(system, staff)
    lesson = staff.post(
        "/v1/offerings",
        {
            "venue_id": venue["id"],
            "preset": "class",
            "title": "Class",
            "inventory": {"capacity": CAPACITY},
            "pricing": {"amount_minor": 18000},
        },
    )
    night = staff.post(
        "/v1/offerings",
        {
            "venue_id": venue["id"],
            "preset": "event_table",
            "title": "Night",
            "pricing": {"amount_minor": 5000},
        },
    )
    resources = [
        staff.post(
            "/v1/resources",
            {
                "venue_id": venue["id"],
                "number": number,
                "label": f"Table {number}",
                "seats_min": 1,
                "seats_max": 6,
            },
        )["id"]
        for number in range(1, TABLES + 1)
    ]
    await _sessions(system, staff, lesson["id"], [], sessions)
    await _sessions(system, staff, night["id"], resources, sessions)
    classes = await _listed(system, lesson["id"])
    nights = await _listed(system, night["id"])
    tables = [
        Target(one.session_id, one.starts_at, one.ends_at, resource)
        for resource, one in product(resources, nights[1:])
    ]
    activity = _activity(staff, venue["id"])
    dinner = _dinner(staff, venue["id"])
    adults = {"quantities": {"adult": 2}}
    activities = [
        replace(one, wish={"session_id": one.session_id, **adults})
        for one in await _listed(system, activity)
    ]
    evenings = await _listed(system, dinner)
    # Half of the evenings fill up before the others begin, so that (b) and its repetition with a
    # past both go from an empty house to a full one.
    half = len(evenings) // 2
    dinners = [
        _party(dinner, one, n)
        for some in (evenings[:half], evenings[half:])
        for n, one in product(range(TABLES), some)
    ]
    first = nights[0]
    one_night = [
        Target(first.session_id, first.starts_at, first.ends_at, resource) for resource in resources
    ]
    return Shop(
        org_id,
        staff,
        publishable_key,
        classes,
        tables,
        one_night,
        lesson["id"],
        night["id"],
        resources,
        activities,
        dinners,
    )


def _activity(staff: Client, venue_id: str) -> str:
    """Hourly sessions by rule, with room for everyone, sold by the head."""
    made = staff.post(
        "/v1/offerings",
        {
            "venue_id": venue_id,
            "preset": "activity",
            "title": "Activity",
            "schedule": {"advance_booking_days": None},
            "inventory": {"capacity": CAPACITY},
            "pricing": {"tiers": [{"key": "adult", "label": "Adult", "amount_minor": 9000}]},
        },
    )
    return str(made["id"])


def _dinner(staff: Client, venue_id: str) -> str:
    """Evenings at the tables, which the house gives out."""
    made = staff.post(
        "/v1/offerings",
        {
            "venue_id": venue_id,
            "preset": "dining",
            "title": "Dinner",
            "schedule": {
                "advance_booking_days": None,
                "weekly": {day: [{"opens": "17:00", "closes": "23:00"}] for day in DAYS},
            },
            "inventory": {"pacing_covers": 1000},
            "pricing": {"kind": "deposit", "amount_minor": 5000},
        },
    )
    return str(made["id"])


def _party(offering_id: str, evening: Target, number: int) -> Target:
    """A party of two at a quarter of an hour that changes from party to party."""
    starts_at = datetime.fromisoformat(evening.starts_at) + timedelta(minutes=15 * (number % 17))
    wish = {"offering_id": offering_id, "starts_at": _text(starts_at), "party_size": 2}
    return replace(evening, wish=wish)


async def _sessions(
    system: System, staff: Client, offering_id: str, resources: list[str], count: int
) -> None:
    body: dict[str, Any] = {
        "offering_id": offering_id,
        "title": "Session",
        "starts_at": "2035-01-01T18:00:00Z",
        "ends_at": "2035-01-01T20:00:00Z",
    }
    if resources:
        body["resource_ids"] = resources
    first = staff.post("/v1/sessions", body)["id"]
    connection = await asyncpg.connect(system.database)
    try:
        columns = [
            row["column_name"]
            for row in await connection.fetch(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_name = 'sessions' AND table_schema = 'public'"
            )
            if row["column_name"] not in {"id", "starts_at", "ends_at"}
        ]
        same = ", ".join(columns)
        await connection.execute(
            f"WITH copies AS (INSERT INTO sessions (id, starts_at, ends_at, {same}) "
            f"SELECT gen_random_uuid(), starts_at + n * interval '1 day', "
            f"ends_at + n * interval '1 day', {same} "
            f"FROM sessions, generate_series(1, {count - 1}) AS n WHERE id = '{first}' "
            "RETURNING id, org_id) "
            "INSERT INTO session_resources (session_id, resource_id, org_id) "
            "SELECT copies.id, r.resource_id, copies.org_id "
            f"FROM copies, session_resources r WHERE r.session_id = '{first}'"
        )
        await connection.execute("ANALYZE sessions, session_resources")
    finally:
        await connection.close()


async def _listed(system: System, offering_id: str) -> list[Target]:
    connection = await asyncpg.connect(system.database)
    try:
        rows = await connection.fetch(
            "SELECT id, starts_at, ends_at FROM sessions WHERE offering_id = $1::uuid "
            "AND starts_at > now() + interval '1 day' ORDER BY starts_at",
            offering_id,
        )
    finally:
        await connection.close()
    return [Target(str(row["id"]), _text(row["starts_at"]), _text(row["ends_at"])) for row in rows]


def _text(instant: datetime) -> str:
    return instant.isoformat()


def _payment_account(system: System, staff: Client) -> str:
    """An account of the organisation's own at the sandbox, with its webhook; its public key."""
    name = word()
    account = staff.post(
        "/v1/payment-accounts",
        {
            "provider": "stripe",
            "secret_key": f"sk_test_{name}",
            "publishable_key": f"pk_test_{name}",
        },
    )
    endpoints = system.stack.endpoints
    endpoint = web.call(
        "POST",
        f"{endpoints['sandbox']['stripe']}/v1/webhook_endpoints",
        form={
            "url": f"{endpoints['webhooks']}{account['webhook_path']}",
            **{f"enabled_events[{n}]": name for n, name in enumerate(ACTED_ON)},
        },
        headers={"Authorization": f"Bearer sk_test_{name}"},
    )
    staff.post(
        f"/v1/payment-accounts/{account['id']}/webhook-secret", {"secret": endpoint.body["secret"]}
    )
    return f"pk_test_{name}"
