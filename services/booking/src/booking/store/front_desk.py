"""Bookings as staff list them: filtered, searched, in the order of time, page by page.

Who else is a tenant is hidden by row-level security; only searching asks the owner's function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking.domain.money import Money

if TYPE_CHECKING:
    import asyncpg

    from chassis.db import Transaction

MOST_FOUND = 2_000
"""Beyond so many, what is searched for is so common that it soon turns up in the order of time."""

_COLUMNS = """
b.id, b.reference, b.status, b.payment_status, b.version, b.offering_id, b.venue_id, b.session_id,
b.starts_at, b.ends_at, b.party_size, b.display_name, b.sealed_contact, b.currency, b.amount_total,
b.amount_due_now, b.amount_paid, b.amount_refunded, b.source, b.created_at, b.customer_id,
o.title AS offering, o.preset, s.title, v.name AS venue, v.timezone, b.arrives_at, b.quantities,
ARRAY(SELECT r.number FROM resources r WHERE r.id = ANY(b.resource_ids) ORDER BY r.number) AS tables
"""
# The page first, by an index in its order; what each line also says is joined to the page alone.
_PAGE = """
SELECT {columns} FROM (
    SELECT b.* FROM bookings b WHERE {where}
    ORDER BY b.starts_at {direction}, b.id {direction} LIMIT {limit}
) b
JOIN venues v ON v.id = b.venue_id JOIN offerings o ON o.id = b.offering_id
JOIN sessions s ON s.id = b.session_id
ORDER BY b.starts_at {direction}, b.id {direction}
"""

SEARCH = "SELECT search_bookings($1, $2, $3, $4, $5) AS id"
_IS_MEANT = """(search_name(b.display_name) LIKE search_pattern({}) OR b.email_hash = {}
    OR b.phone_hash = {} OR (b.reference >= {} AND b.reference < {}))"""

_MIDNIGHT = """{}::date::timestamp AT TIME ZONE
    (SELECT v.timezone FROM venues v WHERE v.id = b.venue_id)"""
# Filters often go together (an offering has one venue), which makes the planner expect fewer rows
# than there are and read and sort them all. In the order of the index, a page is soon full.
_IN_ORDER = "SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
# The instants at which a day begins at any of the tenant's venues, found once for the statement:
# where the index is read from and to.
_FIRST_MIDNIGHT, _LAST_MIDNIGHT = (
    f"(SELECT {which}({{}}::date::timestamp AT TIME ZONE v.timezone) FROM venues v)"  # noqa: S608
    for which in ("min", "max")
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is searched for, hashed where only hashes are kept; None: not this way."""

    name: str | None = None
    email: bytes | None = None
    phone: bytes | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which bookings; what is None or empty does not matter.

    ``since`` and ``until`` are instants, ``first_day`` and ``last_day`` days at each booking's own
    venue, the last included. All are about when bookings begin.
    """

    since: datetime | None = None
    until: datetime | None = None
    first_day: date | None = None
    last_day: date | None = None
    statuses: tuple[str, ...] = ()
    payment_statuses: tuple[str, ...] = ()
    offering_id: UUID | None = None
    venue_id: UUID | None = None
    session_id: UUID | None = None
    source: str | None = None
    terms: Terms | None = None
    newest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list."""

    id: UUID
    reference: str
    status: str
    payment_status: str
    version: int
    offering_id: UUID
    offering: str
    offering_kind: str
    venue_id: UUID
    venue: str
    session_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    party_size: int
    name: str
    sealed_contact: str
    amount_total: Money
    amount_due_now: Money
    amount_paid: Money
    amount_refunded: Money
    source: str
    created_at: datetime
    customer_id: UUID | None
    arrives_at: datetime | None
    quantities: Mapping[str, int]
    tables: Sequence[int]


After = tuple[datetime, UUID]
"""Start and id of the last booking of the page before."""


class _Statement:
    """Conditions, and their values in the order of their numbers."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.values: list[Any] = []

    def number(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def require(self, condition: str, *values: object) -> None:
        self.conditions.append(condition.format(*map(self.number, values)))


async def page(tx: Transaction, wanted: Wanted, after: After | None, limit: int) -> list[Listed]:
    """Bookings by start and id, those after the given ones, at most ``limit``."""
    found = None if wanted.terms is None else await _search(tx, wanted.terms)
    if found is None:
        await tx.execute(_IN_ORDER)
    sql, values = statement(wanted, found, after, limit)
    return [_listed(row) for row in await tx.fetch(sql, *values)]


async def _search(tx: Transaction, terms: Terms) -> list[UUID] | None:
    """The bookings meant, or None when they are too many to look at each."""
    rows = await tx.fetch(
        SEARCH, terms.name, terms.email, terms.phone, terms.reference, MOST_FOUND + 1
    )
    ids = {row["id"] for row in rows}
    return list(ids) if len(ids) <= MOST_FOUND else None


def statement(
    wanted: Wanted, found: list[UUID] | None, after: After | None, limit: int
) -> tuple[str, list[Any]]:
    """The query for a page and its values. ``found``: what the search gave, see ``_search``."""
    query = _Statement()
    _when(query, wanted)
    for column, value in (
        ("b.offering_id", wanted.offering_id),
        ("b.venue_id", wanted.venue_id),
        ("b.session_id", wanted.session_id),
        ("b.source", wanted.source),
    ):
        if value is not None:
            query.require(column + " = {}", value)
    if wanted.session_id is not None:
        # Its bookings lie within it, and by time there is an index.
        query.require(
            "b.starts_at BETWEEN (SELECT starts_at FROM sessions WHERE id = {}) "
            "AND (SELECT ends_at FROM sessions WHERE id = {})",
            wanted.session_id,
            wanted.session_id,
        )
    if len(wanted.statuses) == 1:
        # One alone can be looked for in an index that is read in order.
        query.require("b.status = {}", *wanted.statuses)
    elif wanted.statuses:
        query.require("b.status = ANY({}::text[])", list(wanted.statuses))
    if wanted.payment_statuses:
        query.require("b.payment_status = ANY({}::text[])", list(wanted.payment_statuses))
    if wanted.terms is not None:
        _meant(query, wanted.terms, found)
    way, direction = ("<", "DESC") if wanted.newest_first else (">", "ASC")
    if after is not None:
        query.require(f"(b.starts_at, b.id) {way} ({{}}, {{}})", *after)
    where = " AND ".join(query.conditions) or "true"
    sql = _PAGE.format(
        columns=_COLUMNS, where=where, direction=direction, limit=query.number(limit)
    )
    return sql, query.values


def _when(query: _Statement, wanted: Wanted) -> None:
    if wanted.since is not None:
        query.require("b.starts_at >= {}", wanted.since)
    if wanted.until is not None:
        query.require("b.starts_at < {}", wanted.until)
    # A day is each venue's own: roughly by the index, then exactly.
    if wanted.first_day is not None:
        query.require(f"b.starts_at >= {_FIRST_MIDNIGHT}", wanted.first_day)
        query.require(f"b.starts_at >= {_MIDNIGHT}", wanted.first_day)
    if wanted.last_day is not None:
        following = wanted.last_day + timedelta(days=1)
        query.require(f"b.starts_at < {_LAST_MIDNIGHT}", following)
        query.require(f"b.starts_at < {_MIDNIGHT}", following)


def _meant(query: _Statement, terms: Terms, found: list[UUID] | None) -> None:
    if found is not None:
        query.require("b.id = ANY({}::uuid[])", found)
        return
    prefix = terms.reference
    beyond = None if prefix is None else f"{prefix}~"
    query.require(_IS_MEANT, terms.name, terms.email, terms.phone, prefix, beyond)


def _listed(row: asyncpg.Record) -> Listed:
    currency = row["currency"]
    return Listed(
        id=row["id"],
        reference=row["reference"],
        status=row["status"],
        payment_status=row["payment_status"],
        version=row["version"],
        offering_id=row["offering_id"],
        offering=row["offering"],
        offering_kind=row["preset"],
        venue_id=row["venue_id"],
        venue=row["venue"],
        session_id=row["session_id"],
        title=row["title"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        timezone=row["timezone"],
        party_size=row["party_size"],
        name=row["display_name"],
        sealed_contact=row["sealed_contact"],
        amount_total=Money(row["amount_total"], currency),
        amount_due_now=Money(row["amount_due_now"], currency),
        amount_paid=Money(row["amount_paid"], currency),
        amount_refunded=Money(row["amount_refunded"], currency),
        source=row["source"],
        created_at=row["created_at"],
        customer_id=row["customer_id"],
        arrives_at=row["arrives_at"],
        quantities=row["quantities"],
        tables=row["tables"],
    )
