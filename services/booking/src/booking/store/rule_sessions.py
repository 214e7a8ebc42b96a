"""Sessions that rules make: all of an offering's are brought in step by a few statements.

``slot_at`` is the start at which the rule wants a session, and unique within an offering, so that
making sessions twice, or in two processes at once, makes none twice (SCH-09).
"""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import Offering
from booking.domain.lifecycle import OCCUPYING
from booking.domain.schedule import Span
from chassis.ids import uuid7

if TYPE_CHECKING:
    from chassis.db import Transaction

_LIVE = [status.value for status in OCCUPYING]

_LAST = "SELECT max(slot_at) FROM sessions WHERE offering_id = $1 AND slot_at IS NOT NULL"

_SLOTS = """
SELECT slot_at FROM sessions
WHERE offering_id = $1 AND slot_at IS NOT NULL AND slot_at > $2
"""

# What a rule should change, locked against holds: one that has its place already is seen by the
# statements after this, and one that waits here finds the session's new version (as in an edit).
_LOCK = """
SELECT s.id, s.starts_at, s.ends_at, w.starts_at IS NULL AS stale
FROM sessions s
LEFT JOIN unnest($2::timestamptz[], $3::timestamptz[]) AS w (starts_at, ends_at)
    ON w.starts_at = s.slot_at
WHERE s.offering_id = $1 AND s.origin = 'rule' AND s.starts_at > $4
    AND CASE WHEN w.starts_at IS NULL THEN s.status = 'open'
        ELSE (s.ends_at, s.title, s.capacity, s.status)
            IS DISTINCT FROM (w.ends_at, $5, $6::integer, 'open') END
ORDER BY s.id
FOR UPDATE OF s
"""

HAS_TABLES_TAKEN = """EXISTS (
    SELECT FROM allocations a WHERE a.session_id = {session}.id AND a.released_at IS NULL
        AND a.resource_id IS NOT NULL)"""
# Whether a live booking starts outside a new span: by the ledger where there are tables, else by
# the bookings, which start within their session's present span.
_STARTS_OUTSIDE = """(EXISTS (
    SELECT FROM allocations a WHERE a.session_id = {session}.id AND a.released_at IS NULL
        AND a.resource_id IS NOT NULL AND NOT lower(a.during) BETWEEN w.starts_at AND w.ends_at)
    OR EXISTS (
    SELECT FROM bookings b WHERE b.session_id = {session}.id AND b.org_id = {session}.org_id
        AND b.starts_at BETWEEN {session}.starts_at AND {session}.ends_at
        AND b.status = ANY({live}) AND NOT b.starts_at BETWEEN w.starts_at AND w.ends_at))"""

# Where guests choose their starts, a service that moves takes its bookings along if all fit.
_MOVE = f"""
UPDATE sessions s SET slot_at = w.starts_at, starts_at = w.starts_at, ends_at = w.ends_at,
    version = s.version + 1
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS w (id, starts_at, ends_at)
WHERE s.id = w.id AND NOT {_STARTS_OUTSIDE.format(session="s", live="$4")}
"""

# $7: whether bookings have starts of their own. If not, what is booked keeps its session's time as
# it was. The capacity never falls below what is taken.
_ALIGN = f"""
UPDATE sessions s SET title = n.title, ends_at = n.ends_at, capacity = n.capacity,
    status = n.status, version = s.version + 1
FROM (
    SELECT m.id, m.status AS was,
        CASE WHEN w.starts_at IS NULL THEN 'closed' ELSE 'open' END AS status,
        CASE WHEN w.starts_at IS NULL THEN m.title ELSE $5 END AS title,
        CASE WHEN w.starts_at IS NULL OR m.taken > $6::integer THEN m.capacity
            ELSE $6::integer END AS capacity,
        CASE WHEN w.starts_at IS NULL OR w.ends_at = m.ends_at THEN m.ends_at
            WHEN m.taken = 0 AND NOT {HAS_TABLES_TAKEN.format(session="m")} THEN w.ends_at
            WHEN $7 AND NOT {_STARTS_OUTSIDE.format(session="m", live="$8")} THEN w.ends_at
            ELSE m.ends_at END AS ends_at
    FROM sessions m
    LEFT JOIN unnest($2::timestamptz[], $3::timestamptz[]) AS w (starts_at, ends_at)
        ON w.starts_at = m.slot_at
    WHERE m.id = ANY($1::uuid[]) AND m.starts_at > $4
) n
WHERE s.id = n.id AND (s.title, s.ends_at, s.capacity, s.status)
    IS DISTINCT FROM (n.title, n.ends_at, n.capacity, n.status)
RETURNING s.status, n.was
"""

# All new sessions of an offering in one statement. A session that staff opened at the same time
# stands for the rule's.
_MAKE = """
WITH made AS (
    INSERT INTO sessions (id, org_id, offering_id, venue_id, title, starts_at, ends_at, slot_at,
        origin, capacity, status, version, created_at)
    SELECT w.id, $1, $2, $3, $4, w.starts_at, w.ends_at, w.starts_at, 'rule', $5, 'open', 1, $6
    FROM unnest($7::uuid[], $8::timestamptz[], $9::timestamptz[]) AS w (id, starts_at, ends_at)
    WHERE NOT EXISTS (
        SELECT FROM sessions s
        WHERE s.offering_id = $2 AND s.starts_at = w.starts_at AND s.status = 'open')
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
WHERE s.offering_id = $1 AND s.origin = 'rule' AND s.starts_at > $3
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """What the rules want of an offering's sessions after ``now``."""

    offering: Offering
    spans: Sequence[Span]
    capacity: int | None
    now: datetime

    @property
    def starts(self) -> list[datetime]:
        """Starts of the wanted sessions."""
        return [span.starts_at for span in self.spans]

    @property
    def ends(self) -> list[datetime]:
        """Ends of the wanted sessions, in the same order."""
        return [span.ends_at for span in self.spans]


@dataclass(frozen=True, slots=True)
class Misfit:
    """A session that is not as the rules want it; locked."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    stale: bool


async def last_slot(tx: Transaction, offering_id: UUID) -> datetime | None:
    """The latest start for which there is a session of the rule."""
    last: datetime | None = await tx.fetchval(_LAST, offering_id)
    return last


async def lock_misfits(tx: Transaction, rule: Rule) -> list[Misfit]:
    """The sessions that a rule should close, change or open again, locked against holds."""
    rows = await tx.fetch(
        _LOCK,
        rule.offering.id,
        rule.starts,
        rule.ends,
        rule.now,
        rule.offering.title,
        rule.capacity,
    )
    return [Misfit(row["id"], row["starts_at"], row["ends_at"], row["stale"]) for row in rows]


async def slots(tx: Transaction, rule: Rule) -> set[datetime]:
    """The starts for which there are sessions of the rule, open or closed."""
    rows = await tx.fetch(_SLOTS, rule.offering.id, rule.now)
    return {row["slot_at"] for row in rows}


async def move(tx: Transaction, moves: Sequence[tuple[UUID, Span]]) -> None:
    """Give sessions another span, each if all its bookings start within it."""
    await tx.execute(
        _MOVE,
        [session_id for session_id, _ in moves],
        [span.starts_at for _, span in moves],
        [span.ends_at for _, span in moves],
        _LIVE,
    )


async def align(tx: Transaction, rule: Rule, session_ids: Sequence[UUID]) -> list[tuple[str, str]]:
    """Bring locked sessions in step, without breaking what is booked.

    Returns:
        The status before and after of each that changed.
    """
    rows = await tx.fetch(
        _ALIGN,
        list(session_ids),
        rule.starts,
        rule.ends,
        rule.now,
        rule.offering.title,
        rule.capacity,
        rule.offering.schedule.starts_are_chosen,
        _LIVE,
    )
    return [(row["was"], row["status"]) for row in rows]


async def make(
    tx: Transaction, rule: Rule, spans: Sequence[Span], resource_ids: Sequence[UUID]
) -> int:
    """Make the sessions of these spans that are not there, offering these resources; how many."""
    offering = rule.offering
    made: int = await tx.fetchval(
        _MAKE,
        offering.org_id,
        offering.id,
        offering.venue_id,
        offering.title,
        rule.capacity,
        rule.now,
        [uuid7(rule.now) for _ in spans],
        [span.starts_at for span in spans],
        [span.ends_at for span in spans],
    )
    if resource_ids:
        await tx.execute(_OFFER, offering.id, list(resource_ids), rule.now)
    return made
