"""What must always be true of an organisation's bookings, and the rows of which it is not.

Constraints and transactions keep these true; a report exists for what they cannot see: a restored
backup, a hand in the database, a fault of ours (INT-01..03, ORP-01..03, OPN-13).
"""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson

from booking.domain.lifecycle import OCCUPYING, WAITING

if TYPE_CHECKING:
    from datetime import datetime

    from chassis.db import Transaction

MOST_ROWS = 100
"""Rows told of each kind; the count is of all."""

PATIENCE = timedelta(minutes=5)
"""How long after its deadline something may still be on its way."""

_OCCUPYING = ", ".join(f"'{status.value}'" for status in sorted(OCCUPYING))
_WAITING = ", ".join(f"'{status.value}'" for status in sorted(WAITING))
_SOLD = ", ".join(f"'{status.value}'" for status in sorted(OCCUPYING - WAITING))
_HAS_LIVE = """EXISTS (SELECT FROM allocations a
    WHERE a.booking_id = b.id AND a.released_at IS NULL)"""
_BOOKING = """b.id, jsonb_build_object('reference', b.reference, 'status', b.status,
    'payment_status', b.payment_status, 'session_id', b.session_id, 'starts_at', b.starts_at,
    'expires_at', b.expires_at) AS facts"""
_RECEIPT = """r.payment_id AS id, jsonb_build_object('booking_id', b.id, 'reference', b.reference,
    'status', b.status, 'outcome', r.outcome, 'amount_minor', r.amount_minor,
    'refunded_minor', r.refunded_minor, 'currency', r.currency,
    'received_at', r.received_at) AS facts"""


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that must hold. ``$1``: bookings that begin from then on; ``$2``: late by then."""

    kind: str
    meaning: str
    faults: str


INVARIANTS: Final = (
    Invariant(
        "capacity_drift",
        "A session counts other units as taken than its bookings have",
        """SELECT s.id, jsonb_build_object('title', s.title, 'starts_at', s.starts_at,
            'capacity', s.capacity, 'taken', s.taken, 'live', coalesce(live.units, 0)) AS facts
        FROM sessions s LEFT JOIN (
            SELECT a.session_id, sum(a.units) AS units
            FROM bookings b JOIN allocations a ON a.booking_id = b.id AND a.released_at IS NULL
            WHERE b.starts_at >= $1 GROUP BY a.session_id
        ) live ON live.session_id = s.id
        WHERE s.starts_at >= $1
            AND s.taken <> coalesce(live.units, 0) AND $2::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "pacing_drift",
        "A session counts other arrivals in a slot than its bookings are",
        """SELECT id, jsonb_build_object('slots', jsonb_agg(jsonb_build_object(
            'slot', slot, 'covers', covers, 'live', units) ORDER BY slot)) AS facts
        FROM (
            SELECT session_id AS id, slot, coalesce(counted.covers, 0) AS covers,
                coalesce(live.units, 0) AS units
            FROM (
                SELECT p.session_id, p.slot, p.covers
                FROM sessions s JOIN pacing p ON p.session_id = s.id WHERE s.starts_at >= $1
            ) counted FULL JOIN (
                SELECT a.session_id, a.slot, sum(a.units) AS units
                FROM bookings b JOIN allocations a ON a.booking_id = b.id
                    AND a.released_at IS NULL AND a.slot IS NOT NULL
                JOIN sessions s ON s.id = a.session_id AND s.starts_at >= $1
                WHERE b.starts_at >= $1 GROUP BY a.session_id, a.slot
            ) live USING (session_id, slot)
        ) slots WHERE covers <> units AND $2::timestamptz IS NOT NULL GROUP BY id""",
    ),
    Invariant(
        "line_drift",
        "A session counts other groups in line than there are",
        """SELECT s.id, jsonb_build_object('title', s.title, 'starts_at', s.starts_at,
            'waiting', s.waiting, 'in_line', coalesce(line.groups, 0)) AS facts
        FROM sessions s LEFT JOIN (
            SELECT session_id, count(*) AS groups FROM waitlist_entries
            WHERE state = 'waiting' AND until >= $1 GROUP BY session_id
        ) line ON line.session_id = s.id
        WHERE s.starts_at >= $1 AND s.waiting <> coalesce(line.groups, 0)
            AND $2::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "orphan_allocations",
        "A booking that is over still has its place",
        f"""SELECT {_BOOKING} FROM bookings b
        WHERE b.starts_at >= $1 AND b.status NOT IN ({_OCCUPYING}) AND {_HAS_LIVE}
            AND $2::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "missing_allocations",
        "A booking that should have a place has none",
        f"""SELECT {_BOOKING} FROM bookings b
        WHERE b.starts_at >= $1 AND b.status IN ({_OCCUPYING}) AND NOT {_HAS_LIVE}
            AND $2::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "stuck_holds",
        "A hold has ended, and no timer is left to say so",
        f"""SELECT {_BOOKING} FROM bookings b
        WHERE b.status IN ({_WAITING}) AND b.expires_at < $2 AND b.payment_status <> 'processing'
            AND NOT EXISTS (SELECT FROM messaging.outbox t WHERE t.timer_key = 'hold:' || b.id)
            AND $1::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "stuck_changes",
        "A change of a booking has ended, and no timer is left to say so",
        f"""SELECT {_BOOKING} FROM changes c JOIN bookings b ON b.change_id = c.id
        WHERE c.state = 'pending' AND c.expires_at < $2 AND NOT EXISTS (
            SELECT FROM messaging.outbox t WHERE t.timer_key = 'change:' || c.id)
            AND $1::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "stuck_payments",
        "A payment is still being cleared after its deadline",
        f"""SELECT {_BOOKING} FROM bookings b
        WHERE b.status IN ({_WAITING}) AND b.expires_at < $2 AND b.payment_status = 'processing'
            AND $1::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "unpaid_bookings",
        "A booking was confirmed for money that is not on record",
        f"""SELECT {_BOOKING} FROM bookings b
        WHERE b.starts_at >= $1 AND b.status IN ({_SOLD}) AND b.amount_due_now > 0
            AND NOT EXISTS (SELECT FROM receipts r
                WHERE r.booking_id = b.id AND r.outcome = 'counted')
            AND $2::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "unkept_receipts",
        "Money counts for a booking that was never confirmed with it",
        f"""SELECT {_RECEIPT} FROM receipts r JOIN bookings b ON b.id = r.booking_id
        WHERE r.received_at >= $1 AND r.outcome = 'counted' AND r.received_at < $2
            AND b.status IN ({_WAITING}, 'expired', 'payment_failed')
            AND r.refunded_minor < r.amount_minor""",
    ),
    Invariant(
        "unreturned_receipts",
        "Money that should go back has not gone",
        f"""SELECT {_RECEIPT} FROM receipts r JOIN bookings b ON b.id = r.booking_id
        WHERE r.outcome <> 'counted' AND r.refunded_minor < r.amount_minor AND r.received_at < $2
            AND $1::timestamptz IS NOT NULL
        UNION ALL
        SELECT {_RECEIPT} FROM bookings b JOIN receipts r ON r.booking_id = b.id
        WHERE b.status = 'unfulfillable' AND r.outcome = 'counted'
            AND r.refunded_minor < r.amount_minor AND r.received_at < $2""",
    ),
    Invariant(
        "promo_drift",
        "A promo code counts other uses than bookings have",
        """SELECT p.id, jsonb_build_object('code', p.code, 'used', p.used,
            'live', count(u.booking_id)) AS facts
        FROM promo_codes p LEFT JOIN promo_uses u ON u.promo_id = p.id AND u.returned_at IS NULL
        GROUP BY p.id HAVING p.used <> count(u.booking_id)
            AND $1::timestamptz IS NOT NULL AND $2::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "gift_card_drift",
        "A gift card has another balance than its entries add up to",
        """SELECT c.id, jsonb_build_object('last4', c.last4, 'balance_minor', c.balance_minor,
            'entries_minor', sum(e.amount_minor), 'currency', c.currency) AS facts
        FROM gift_cards c LEFT JOIN gift_entries e ON e.card_id = c.id
        GROUP BY c.id HAVING c.balance_minor <> coalesce(sum(e.amount_minor), 0)
            AND $1::timestamptz IS NOT NULL AND $2::timestamptz IS NOT NULL""",
    ),
    Invariant(
        "kept_codes",
        "A booking that ended unpaid still has its promo code or its gift card's share",
        f"""SELECT {_BOOKING} FROM bookings b
        WHERE b.id IN (
            SELECT booking_id FROM promo_uses WHERE returned_at IS NULL
            UNION ALL
            SELECT booking_id FROM gift_entries WHERE booking_id IS NOT NULL
            GROUP BY booking_id HAVING sum(amount_minor) < 0
        ) AND b.status IN ('expired', 'payment_failed', 'unfulfillable') AND b.starts_at >= $1
            AND $2::timestamptz IS NOT NULL""",
    ),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of which an invariant is not true."""

    id: UUID
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant: how often it is not true, and the first rows."""

    invariant: Invariant
    count: int
    faults: list[Fault]


async def check(tx: Transaction, invariant: Invariant, since: datetime, late: datetime) -> Finding:
    """Where an invariant does not hold."""
    rows = await tx.fetch(
        f"""WITH found AS MATERIALIZED ({invariant.faults})
        SELECT id, facts::text AS facts, count(*) OVER () AS count
        FROM found ORDER BY id LIMIT {MOST_ROWS}""",
        since,
        late,
    )
    return Finding(
        invariant,
        rows[0]["count"] if rows else 0,
        [Fault(row["id"], orjson.loads(row["facts"])) for row in rows],
    )


_RECOUNT = """
WITH was AS (SELECT id, taken FROM sessions WHERE id = $1 FOR UPDATE),
live AS (
    SELECT coalesce(sum(a.units), 0)::integer AS units FROM was JOIN allocations a
        ON a.session_id = was.id AND a.released_at IS NULL
)
UPDATE sessions s SET taken = live.units FROM was, live
WHERE s.id = was.id AND was.taken <> live.units
RETURNING was.taken AS before, live.units AS after
"""
_RECOUNT_SLOTS = """
WITH live AS (
    SELECT a.slot, sum(a.units)::integer AS units FROM allocations a
    WHERE a.session_id = $1 AND a.released_at IS NULL AND a.slot IS NOT NULL GROUP BY a.slot
),
mended AS (
    INSERT INTO pacing AS p (session_id, slot, org_id, covers)
    SELECT s.id, live.slot, s.org_id, live.units FROM live, sessions s WHERE s.id = $1
    ORDER BY live.slot
    ON CONFLICT (session_id, slot) DO UPDATE SET covers = EXCLUDED.covers
        WHERE p.covers <> EXCLUDED.covers
    RETURNING 1
),
emptied AS (
    UPDATE pacing p SET covers = 0 WHERE p.session_id = $1 AND p.covers <> 0
        AND NOT EXISTS (SELECT FROM live WHERE live.slot = p.slot)
    RETURNING 1
)
SELECT (SELECT count(*) FROM mended) + (SELECT count(*) FROM emptied)
"""
_RECOUNT_LINE = """
WITH line AS (
    SELECT count(*)::integer AS groups FROM waitlist_entries
    WHERE session_id = $1 AND state = 'waiting'
),
was AS (SELECT waiting FROM sessions WHERE id = $1)
UPDATE sessions s SET waiting = line.groups FROM line, was
WHERE s.id = $1 AND s.waiting <> line.groups
RETURNING was.waiting AS before, line.groups AS after
"""
_LOCK_SESSION = "SELECT FROM sessions WHERE id = $1 FOR UPDATE"
_HAS_PLACE = "SELECT EXISTS (SELECT FROM allocations WHERE booking_id = $1 AND released_at IS NULL)"
_RELEASE = """
UPDATE allocations SET released_at = $2 WHERE booking_id = $1 AND released_at IS NULL
RETURNING session_id
"""
_RECEIPT_OF = """
SELECT booking_id, outcome, amount_minor, refunded_minor, currency FROM receipts
WHERE payment_id = $1
"""


async def recount(tx: Transaction, session_id: UUID) -> tuple[int, int] | None:
    """Set a session's counter to what its bookings have: before and after; None: it was right.

    Raises:
        asyncpg.CheckViolationError: they have more than its capacity.
    """
    # First the lock, then a new look: bookings made while we waited for it count.
    await tx.execute(_LOCK_SESSION, session_id)
    row = await tx.fetchrow(_RECOUNT, session_id)
    return None if row is None else (row["before"], row["after"])


async def recount_slots(tx: Transaction, session_id: UUID) -> int:
    """Set the counters of a session's slots to what its bookings have; how many were wrong."""
    await tx.execute(_LOCK_SESSION, session_id)
    return int(await tx.fetchval(_RECOUNT_SLOTS, session_id))


async def recount_line(tx: Transaction, session_id: UUID) -> tuple[int, int] | None:
    """Set a session's count of groups in line: before and after; None: it was right."""
    await tx.execute(_LOCK_SESSION, session_id)
    row = await tx.fetchrow(_RECOUNT_LINE, session_id)
    return None if row is None else (row["before"], row["after"])


async def has_place(tx: Transaction, booking_id: UUID) -> bool:
    """Whether anything in the ledger is a booking's."""
    return bool(await tx.fetchval(_HAS_PLACE, booking_id))


async def release(tx: Transaction, booking_id: UUID, at: datetime) -> list[UUID]:
    """Free what a booking has; the sessions that must be recounted."""
    rows = await tx.fetch(_RELEASE, booking_id, at)
    return sorted({row["session_id"] for row in rows})


@dataclass(frozen=True, slots=True)
class Money:
    """A receipt: what came, what became of it, and what went back, in minor units."""

    booking_id: UUID
    outcome: str
    amount_minor: int
    refunded_minor: int
    currency: str


async def money_of(tx: Transaction, payment_id: UUID) -> Money | None:
    """The receipt of a payment."""
    row = await tx.fetchrow(_RECEIPT_OF, payment_id)
    return None if row is None else Money(*row.values())
