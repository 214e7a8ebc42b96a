"""Which live bookings stand against a change of the catalogue, and keeping new ones out of it.

A booking is live while it has something that is not over: past ones never stand in the way
(F-84), and neither does a hold that has lapsed.
"""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from chassis.db import Transaction


class Within(StrEnum):
    """Where to look: the sessions (s) of one thing of the catalogue, whose id is $1."""

    SESSION = "s.id = $1"
    OFFERING = "s.offering_id = $1"
    VENUE = "s.offering_id IN (SELECT o.id FROM offerings o WHERE o.venue_id = $1)"


# No session lasts longer than 48 hours: by its start alone the index finds those not over.
_NOT_OVER = "s.starts_at > messaging.now() - interval '48 hours' AND s.ends_at > messaging.now()"
_LAPSED = """(b.status IN ('pending_payment', 'requires_authentication')
    AND b.expires_at <= messaging.now())"""

# Tables are in the ledger with the booking's own time, which may end before the session's. Where
# there are none, the counter tells.
_HAVE_BOOKINGS = """
SELECT EXISTS (
    SELECT FROM sessions s
    CROSS JOIN LATERAL (
        SELECT count(*) AS tables,
            count(*) FILTER (WHERE upper(a.during) > messaging.now() AND NOT {lapsed}) AS live
        FROM allocations a JOIN bookings b ON b.id = a.booking_id
        WHERE a.session_id = s.id AND a.released_at IS NULL AND a.resource_id IS NOT NULL
    ) ledger
    WHERE {within} AND {not_over} AND (ledger.live > 0 OR (ledger.tables = 0 AND s.taken > coalesce(
        (SELECT sum(b.units) FROM bookings b WHERE b.session_id = s.id AND {lapsed}), 0)))
)
"""

_KEEP_HOLDS_OUT = """
WITH locked AS (
    SELECT s.id FROM sessions s WHERE {within} AND {not_over} ORDER BY s.id FOR UPDATE
)
UPDATE sessions s SET version = s.version + 1 FROM locked WHERE s.id = locked.id
"""

# Archiving locks the session first. Once it is through, the next statement sees what it did.
_AWAIT_ARCHIVING = "SELECT FROM sessions WHERE id = $1 FOR KEY SHARE"
_STILL_OFFERED = """
SELECT EXISTS (
    SELECT FROM sessions s JOIN offerings o ON o.id = s.offering_id
        JOIN venues v ON v.id = o.venue_id
    WHERE s.id = $1 AND 'archived' NOT IN (s.status, o.status, v.status)
) AND NOT EXISTS (SELECT FROM resources WHERE id = ANY($2::uuid[]) AND status = 'archived')
"""

TABLE_BOOKED = f"""
SELECT EXISTS (
    SELECT FROM allocations a JOIN bookings b ON b.id = a.booking_id
    WHERE a.resource_id = $1 AND a.released_at IS NULL AND upper(a.during) > messaging.now()
        AND NOT {_LAPSED}
        AND ($2::integer IS NULL OR b.party_size > (
            SELECT sum(CASE WHEN r.id = $1 THEN $2::integer ELSE r.seats_max END)
            FROM resources r WHERE r.id = ANY(b.resource_ids)))
)
"""

TABLES_BOOKED = f"""
SELECT EXISTS (
    SELECT FROM allocations a JOIN bookings b ON b.id = a.booking_id
    WHERE a.session_id = $1 AND a.resource_id IS NOT NULL AND a.released_at IS NULL
        AND NOT (a.resource_id = ANY($2::uuid[])) AND upper(a.during) > messaging.now()
        AND NOT {_LAPSED}
)
"""

_HAVE_SESSIONS = (
    f"SELECT EXISTS (SELECT FROM sessions s WHERE {Within.VENUE.value} AND {_NOT_OVER})"
)

_EVER_BOOKED = """
SELECT EXISTS (SELECT FROM bookings WHERE venue_id = $1)
"""


async def still_offered(tx: Transaction, session_id: UUID, resource_ids: Sequence[UUID]) -> bool:
    """Whether nothing of what a booking had is archived, now and until this transaction ends."""
    await tx.execute(_AWAIT_ARCHIVING, session_id)
    return bool(await tx.fetchval(_STILL_OFFERED, session_id, list(resource_ids)))


async def keep_holds_out(tx: Transaction, within: Within, thing_id: UUID) -> None:
    """Let no hold that has not seen this transaction's changes take a place of these sessions.

    Holds at work are waited for. What ``have_bookings`` says afterwards stays true.
    """
    await tx.execute(_KEEP_HOLDS_OUT.format(within=within.value, not_over=_NOT_OVER), thing_id)


async def have_bookings(tx: Transaction, within: Within, thing_id: UUID) -> bool:
    """Whether any of these sessions has a live booking."""
    return bool(await tx.fetchval(live_bookings(within), thing_id))


def live_bookings(within: Within) -> str:
    """The query for a live booking, $1: the thing's id."""
    return _HAVE_BOOKINGS.format(within=within.value, not_over=_NOT_OVER, lapsed=_LAPSED)


async def has_table(tx: Transaction, resource_id: UUID) -> bool:
    """Whether a live booking has this table."""
    return bool(await tx.fetchval(TABLE_BOOKED, resource_id, None))


async def outgrows_table(tx: Transaction, resource_id: UUID, seats: int) -> bool:
    """Whether a live booking would not fit any more if this table had so many seats."""
    return bool(await tx.fetchval(TABLE_BOOKED, resource_id, seats))


async def has_other_tables(tx: Transaction, session_id: UUID, kept: list[UUID]) -> bool:
    """Whether a live booking of the session has a table that is not among ``kept``."""
    return bool(await tx.fetchval(TABLES_BOOKED, session_id, kept))


async def ever_booked(tx: Transaction, venue_id: UUID) -> bool:
    """Whether the venue has, or ever had, a booking."""
    return bool(await tx.fetchval(_EVER_BOOKED, venue_id))


async def has_sessions(tx: Transaction, venue_id: UUID) -> bool:
    """Whether the venue has sessions that are not over."""
    return bool(await tx.fetchval(_HAVE_SESSIONS, venue_id))
