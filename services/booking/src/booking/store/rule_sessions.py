"""Sessions that rules make: all of an offering's are brought in step by a few statements.

``slot_at`` is the start at which the rule wants a session, and unique within an offering, so that
making sessions twice, or in two processes at once, makes none twice (SCH-09).

What is to be done is decided outside (``booking.domain.upkeep``), and the statements go by ids:
a join of thousands of wanted times with sessions just made would be planned without statistics.
"""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import SessionOrigin, SessionStatus
from booking.domain.lifecycle import OCCUPYING
from booking.domain.schedule import Span
from booking.domain.upkeep import Kept
from chassis.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from booking.domain.catalogue import Offering
    from chassis.db import Transaction

_LIVE = [status.value for status in OCCUPYING]

# No session lasts longer than 48 hours: by its start alone the index finds those not over.
_AHEAD = """
SELECT id, slot_at, starts_at, ends_at, title, capacity, status, origin FROM sessions
WHERE offering_id = $1 AND starts_at > $2::timestamptz - interval '48 hours' AND ends_at > $2
"""

# Locked against holds: one that has its place already is seen by the statements after this, and
# one that waits here finds the session's new version, as in an edit.
_LOCK = """
SELECT id FROM sessions
WHERE id = ANY($1::uuid[]) AND origin = 'rule' ORDER BY id FOR UPDATE
"""

HAS_TABLES_TAKEN = """EXISTS (
    SELECT FROM allocations a WHERE a.session_id = {session}.id AND a.released_at IS NULL
        AND a.resource_id IS NOT NULL)"""
# Whether a live booking starts outside a new span: by the ledger where there are tables, else by
# the bookings, which start within their session's present span.
_STARTS_OUTSIDE = """(EXISTS (
    SELECT FROM allocations a WHERE a.session_id = {session}.id AND a.released_at IS NULL
        AND a.resource_id IS NOT NULL AND NOT lower(a.during) BETWEEN {starts_at} AND w.ends_at)
    OR EXISTS (
    SELECT FROM bookings b WHERE b.session_id = {session}.id AND b.org_id = {session}.org_id
        AND b.starts_at BETWEEN {session}.starts_at AND {session}.ends_at
        AND b.status = ANY({live}) AND NOT b.starts_at BETWEEN {starts_at} AND w.ends_at))"""

# Where guests choose their starts, a service that moves takes its bookings along if all fit.
_MOVE = f"""
UPDATE sessions s SET slot_at = w.starts_at, starts_at = w.starts_at, ends_at = w.ends_at,
    version = s.version + 1
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS w (id, starts_at, ends_at)
WHERE s.id = w.id AND s.origin = 'rule'
    AND NOT {_STARTS_OUTSIDE.format(session="s", starts_at="w.starts_at", live="$4")}
RETURNING s.id
"""

# No wanted end: the rules want no such session. $5: whether bookings have starts of their own. If
# not, what is booked keeps its session's time as it was. The capacity never falls below what is
# taken.
_ALIGN = f"""
UPDATE sessions s SET title = n.title, ends_at = n.ends_at, capacity = n.capacity,
    status = n.status, version = s.version + 1
FROM (
    SELECT m.id,
        CASE WHEN w.ends_at IS NULL THEN 'closed' ELSE 'open' END AS status,
        CASE WHEN w.ends_at IS NULL THEN m.title ELSE $3 END AS title,
        CASE WHEN w.ends_at IS NULL OR m.taken > $4::integer THEN m.capacity
            ELSE $4::integer END AS capacity,
        CASE WHEN w.ends_at IS NULL OR w.ends_at = m.ends_at THEN m.ends_at
            WHEN m.taken = 0 AND NOT {HAS_TABLES_TAKEN.format(session="m")} THEN w.ends_at
            WHEN $5 AND NOT {
    _STARTS_OUTSIDE.format(session="m", starts_at="m.starts_at", live="$6")
} THEN w.ends_at
            ELSE m.ends_at END AS ends_at
    FROM unnest($1::uuid[], $2::timestamptz[]) AS w (id, ends_at) JOIN sessions m ON m.id = w.id
    WHERE m.origin = 'rule'
) n
WHERE s.id = n.id AND (s.title, s.ends_at, s.capacity, s.status)
    IS DISTINCT FROM (n.title, n.ends_at, n.capacity, n.status)
RETURNING s.id, s.status = 'closed' AS closed, s.status = 'open' AND s.waiting > 0 AS waited_for
"""

# All new sessions of an offering in one statement.
_MAKE = """
WITH made AS (
    INSERT INTO sessions (id, org_id, offering_id, venue_id, title, starts_at, ends_at, slot_at,
        origin, capacity, status, version, created_at)
    SELECT w.id, $1, $2, $3, $4, w.starts_at, w.ends_at, w.starts_at, 'rule', $5, 'open', 1, $6
    FROM unnest($7::uuid[], $8::timestamptz[], $9::timestamptz[]) AS w (id, starts_at, ends_at)
    ON CONFLICT (offering_id, slot_at) WHERE slot_at IS NOT NULL DO NOTHING
    RETURNING id
)
SELECT count(*) FROM made
"""

# Tables may have come to the venue since a session was made.
_OFFER = """
INSERT INTO session_resources (session_id, resource_id, org_id)
SELECT s.id, r.id, s.org_id
FROM sessions s CROSS JOIN unnest($2::uuid[]) AS r (id)
WHERE s.offering_id = $1 AND s.origin = 'rule' AND s.ends_at > $3
    AND s.starts_at > $3::timestamptz - interval '48 hours'
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Aligned:
    """A session that was changed. ``waited_for``: it is open and somebody is in line for it."""

    id: UUID
    closed: bool
    waited_for: bool


async def ahead(tx: Transaction, offering_id: UUID, now: datetime) -> list[Kept]:
    """Every session of an offering that is not over, whoever keeps it."""
    return [
        Kept(
            id=row["id"],
            slot_at=row["slot_at"],
            span=Span(row["starts_at"], row["ends_at"]),
            title=row["title"],
            capacity=row["capacity"],
            open=row["status"] == SessionStatus.OPEN.value,
            by_hand=row["origin"] == SessionOrigin.MANUAL.value,
        )
        for row in await tx.fetch(_AHEAD, offering_id, now)
    ]


async def lock(tx: Transaction, session_ids: Iterable[UUID]) -> None:
    """Lock sessions of rules against holds."""
    await tx.execute(_LOCK, list(session_ids))


async def move(tx: Transaction, moves: Mapping[UUID, Span]) -> set[UUID]:
    """Give locked sessions another span, each if all its bookings start within it; the moved."""
    rows = await tx.fetch(
        _MOVE,
        list(moves),
        [span.starts_at for span in moves.values()],
        [span.ends_at for span in moves.values()],
        _LIVE,
    )
    return {row["id"] for row in rows}


async def align(
    tx: Transaction, offering: Offering, ends: Mapping[UUID, datetime | None]
) -> list[Aligned]:
    """Bring locked sessions in step, without breaking what is booked; those that changed.

    ``ends``: when the rules want each to end; None: they do not want it.
    """
    rows = await tx.fetch(
        _ALIGN,
        list(ends),
        list(ends.values()),
        offering.title,
        offering.inventory.session_capacity(None),
        offering.schedule.starts_are_chosen,
        _LIVE,
    )
    return [Aligned(row["id"], row["closed"], row["waited_for"]) for row in rows]


async def make(tx: Transaction, offering: Offering, spans: Sequence[Span], now: datetime) -> int:
    """Make the sessions of these spans that are not there; how many were made."""
    made: int = await tx.fetchval(
        _MAKE,
        offering.org_id,
        offering.id,
        offering.venue_id,
        offering.title,
        offering.inventory.session_capacity(None),
        now,
        [uuid7(now) for _ in spans],
        [span.starts_at for span in spans],
        [span.ends_at for span in spans],
    )
    return made


async def offer(
    tx: Transaction, offering_id: UUID, resource_ids: Sequence[UUID], now: datetime
) -> None:
    """Let all sessions of the rule that are not over offer these resources."""
    if resource_ids:
        await tx.execute(_OFFER, offering_id, list(resource_ids), now)
