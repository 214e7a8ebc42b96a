"""Reading a booking, locking it, and saving what became of it."""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from booking import timers
from booking.domain.booking import BookedResource
from booking.domain.lifecycle import OCCUPYING
from booking.store import audit, gift_cards, places, promos
from booking.store.ledger import WAITED_FOR
from booking.store.rows import COLUMNS, TABLES, booking_of
from chassis.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from booking.domain.booking import Booking
    from booking.domain.money import Money
    from chassis.db import Transaction

READ = f"SELECT {COLUMNS} FROM {TABLES} WHERE b.id = $1"
LOCK = f"{READ} FOR UPDATE OF b"

# Rows that others are deciding about right now are theirs: skipping them cannot deadlock. Each
# lapsed hold has at least one unit, so no more rows than units are wanted; the rest is for rivals.
LAPSED_UNITS = f"""
SELECT {COLUMNS} FROM {TABLES}
WHERE b.session_id = $1 AND b.status IN ('pending_payment', 'requires_authentication')
    AND b.expires_at <= $2
ORDER BY b.expires_at LIMIT $3
FOR UPDATE OF b SKIP LOCKED
"""
LAPSED_RESOURCES = f"""
SELECT {COLUMNS} FROM {TABLES}
WHERE b.id IN (SELECT live.booking_id FROM live_allocations($1, tstzrange($3, $4)) live)
    AND b.status IN ('pending_payment', 'requires_authentication') AND b.expires_at <= $2
ORDER BY b.id
FOR UPDATE OF b SKIP LOCKED
"""

# Why ``wanted`` did not get its place, as everybody may see it: nobody has it any more, or some of
# those in the way have lapsed and are locked by whoever is ending them.
_STANDING_RESOURCES = """
SELECT count(*) = 0 AS free, coalesce(bool_or(
    b.status IN ('pending_payment', 'requires_authentication') AND b.expires_at <= $2
    OR EXISTS (SELECT FROM changes c WHERE c.booking_id = b.id AND c.state = 'pending'
        AND c.expires_at <= $2)), false) AS undecided
FROM live_allocations($1, tstzrange($3, $4)) live JOIN bookings b ON b.id = live.booking_id
WHERE b.id <> $5
"""
_STANDING_UNITS = """
SELECT s.taken + $3 <= s.capacity AS free, EXISTS (
    SELECT FROM bookings b WHERE b.session_id = s.id AND b.expires_at <= $2 AND b.id <> $4
        AND b.status IN ('pending_payment', 'requires_authentication')) AS undecided
FROM sessions s WHERE s.id = $1
"""

LAPSED = f"""
SELECT {COLUMNS} FROM {TABLES}
WHERE b.id = ANY($1::uuid[]) AND b.expires_at <= $2
    AND b.status IN ('pending_payment', 'requires_authentication')
ORDER BY b.id
FOR UPDATE OF b SKIP LOCKED
"""

# The guest's own place, where each guest has one: whether it only stands in the way by mistake.
OF_GUEST = f"""
SELECT {COLUMNS} FROM {TABLES}
WHERE b.session_id = $1 AND (b.email_hash = $2 OR b.phone_hash = $3) AND b.one_per_customer
    AND b.status IN ('pending_payment', 'requires_authentication', 'confirmed', 'checked_in',
        'completed', 'no_show')
ORDER BY b.id FOR UPDATE OF b
"""

# An offer from the waitlist ends with its booking's hold, one way or the other.
SETTLE_OFFER = """
offer AS (
    UPDATE waitlist_entries w SET
        state = CASE $3 WHEN 'confirmed' THEN 'accepted' WHEN 'cancelled' THEN 'left'
            ELSE 'lapsed' END,
        version = w.version + 1, settled_at = $14
    FROM changed WHERE w.booking_id = changed.id AND w.state = 'offered'
        AND $3 IN ('confirmed', 'cancelled', 'expired', 'payment_failed')
    RETURNING w.id, w.org_id, w.state
),
offer_noted AS (
    INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor)
    SELECT offer.id, $26::uuid, offer.org_id, 'waitlist_entry',
        'waitlist.' || offer.state, $14, $19::text
    FROM offer
)
"""

# State, ledger, counter and audit change together or not at all. What is freed while somebody waits
# for it is said, and an offer to somebody who waited is settled by what its booking becomes.
SAVE = f"""
WITH changed AS (
    UPDATE bookings SET
        previous_status = CASE WHEN $17 THEN status ELSE previous_status END,
        status = $3, payment_status = $4, version = $2 + 1, amount_paid = $5,
        amount_refunded = $6, expires_at = $7, confirmed_at = $8, cancelled_at = $9,
        payment_id = $10, payment_sequence = $11, failure_code = $12, failure_message_key = $13,
        status_at = CASE WHEN $17 THEN $14 ELSE status_at END, resource_ids = $24::uuid[],
        amount_unasked = $25
    WHERE id = $1 AND version = $2
    RETURNING id, org_id
),
live AS (
    SELECT a.session_id, a.units, a.slot FROM changed JOIN allocations a
        ON a.booking_id = changed.id AND a.released_at IS NULL
    WHERE $15::boolean
),
{places.COUNT_BACK},
freed AS (
    UPDATE allocations a SET released_at = $14 FROM changed
    WHERE a.booking_id = changed.id AND a.released_at IS NULL AND $15::boolean
        AND (SELECT count(*) FROM counted) + (SELECT count(*) FROM unpaced) IS NOT NULL
    RETURNING a.session_id, a.resource_id, a.units, a.during
),
noted AS (
    INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor, reason, before, after,
        message_id)
    SELECT changed.id, $16::uuid, changed.org_id, 'booking', $18::text, $14, $19::text, $20::text,
        $21::text::jsonb, $22::text::jsonb, $23::uuid
    FROM changed
),
{SETTLE_OFFER}
SELECT EXISTS (SELECT FROM changed) AS saved, {WAITED_FOR} AS waited_for
"""

RESOURCES = """
SELECT number, label, floor, seats_min, seats_max FROM resources WHERE id = ANY($1) ORDER BY number
"""
REFERENCES = "SELECT id, reference FROM bookings WHERE id = ANY($1::uuid[])"
ATTACH_CUSTOMER = """
UPDATE bookings SET customer_id = $2 WHERE id = $1 AND customer_id IS DISTINCT FROM $2
RETURNING id
"""
NOTE_PAYMENT = "UPDATE bookings SET payment_id = $2 WHERE id = $1 AND payment_id IS NULL"


class Standing(NamedTuple):
    """How a place stands that was not to be had a moment ago."""

    free: bool
    undecided: bool


class StaleBooking(Exception):
    """A booking was saved that was not the one last read under its lock."""


async def read(tx: Transaction, booking_id: UUID) -> Booking | None:
    """The booking as it is, without locking it."""
    row = await tx.fetchrow(READ, booking_id)
    return None if row is None else booking_of(row)


async def lock(tx: Transaction, booking_id: UUID) -> Booking | None:
    """The booking, with its row locked: from here on its state decides, and nobody else does."""
    row = await tx.fetchrow(LOCK, booking_id)
    return None if row is None else booking_of(row)


async def lock_lapsed_in_the_way_of(
    tx: Transaction, wanted: Booking, now: datetime
) -> list[Booking]:
    """Lapsed holds on the place that ``wanted`` could not get, locked; rivals' are left alone."""
    if wanted.claim.resource_ids:
        rows = await tx.fetch(
            LAPSED_RESOURCES,
            list(wanted.claim.resource_ids),
            now,
            wanted.occasion.starts_at,
            wanted.occasion.ends_at,
        )
    else:
        rows = await tx.fetch(LAPSED_UNITS, wanted.session_id, now, wanted.claim.units)
    return [booking_of(row) for row in rows]


async def standing(tx: Transaction, wanted: Booking, now: datetime) -> Standing:
    """How the place that ``wanted`` could not get stands now, nothing locked."""
    occasion, claim = wanted.occasion, wanted.claim
    if claim.resource_ids:
        row = await tx.fetchrow(
            _STANDING_RESOURCES,
            list(claim.resource_ids),
            now,
            occasion.starts_at,
            occasion.ends_at,
            wanted.id,
        )
    else:
        row = await tx.fetchrow(_STANDING_UNITS, wanted.session_id, now, claim.units, wanted.id)
    return Standing(
        free=row is not None and bool(row["free"]), undecided=row is not None and row["undecided"]
    )


async def lock_lapsed(tx: Transaction, booking_ids: Sequence[UUID], now: datetime) -> list[Booking]:
    """Those of the bookings whose holds have lapsed, locked; rivals' are left alone."""
    return [booking_of(row) for row in await tx.fetch(LAPSED, list(booking_ids), now)]


async def lock_of_guest(
    tx: Transaction, wanted: Booking, hashes: tuple[bytes, bytes | None]
) -> list[Booking]:
    """Places that this guest has in the session, where the offering gives each guest one."""
    rows = await tx.fetch(OF_GUEST, wanted.session_id, *hashes)
    return [booking_of(row) for row in rows]


async def save(
    tx: Transaction,
    before: Booking,
    after: Booking,
    action: str,
    *,
    actor: str,
    moved: bool = True,
    reason: str | None = None,
    gift_back: Money | None = None,
) -> None:
    """Write what became of a locked booking, freeing its place when its new state has none.

    With the place go its promo code, unless it was paid for, and what its gift card paid: all of
    it, or ``gift_back``. ``after.version`` must be one more than ``before.version``. ``moved``
    False: the change is no step in the lifecycle, such as a refund.

    Raises:
        StaleBooking: the row is not at ``before.version``; the caller did not lock it.
    """
    now = await tx.now()
    old, new = audit.change(before, after)
    gives_up = before.status in OCCUPYING and after.status not in OCCUPYING
    # Cards are locked before sessions and promo codes after them, here as in a hold.
    if gives_up and before.quote.gift is not None:
        amount = before.quote.gift if gift_back is None else gift_back
        await gift_cards.give_back(tx, before, amount, after.version, actor=actor)
    row = await tx.fetchrow(
        SAVE,
        after.id,
        before.version,
        after.status.value,
        after.payment_status.value,
        after.paid.amount_minor,
        after.refunded.amount_minor,
        after.expires_at,
        after.confirmed_at,
        after.cancelled_at,
        after.payment_id,
        after.payment_sequence,
        after.failure.code if after.failure else None,
        after.failure.message_key if after.failure else None,
        now,
        gives_up,
        uuid7(now),
        moved,
        action,
        actor,
        reason,
        audit.document(old),
        audit.document(new),
        tx.cause.message_id if tx.cause else None,
        list(after.claim.resource_ids),
        after.unasked_minor,
        uuid7(now),
    )
    if row is None or not row["saved"] or after.version != before.version + 1:
        raise StaleBooking(f"booking {after.id} is not at version {before.version}")
    if gives_up and before.quote.has_promo() and not before.is_paid_for():
        await promos.give_back(tx, before)
    timers.wake_waitlists(tx, row["waited_for"], now)


async def resources_of(tx: Transaction, resource_ids: Sequence[UUID]) -> list[BookedResource]:
    """The resources a booking has, as its guest knows them; no query when it has none (CAT-07)."""
    if not resource_ids:
        return []
    rows = await tx.fetch(RESOURCES, list(resource_ids))
    return [BookedResource(**row) for row in rows]


async def references_of(tx: Transaction, booking_ids: Collection[UUID]) -> dict[UUID, str]:
    """The references of bookings by id; no query when there are none."""
    if not booking_ids:
        return {}
    rows = await tx.fetch(REFERENCES, list(booking_ids))
    return {row["id"]: row["reference"] for row in rows}


async def attach_customer(tx: Transaction, booking_id: UUID, customer_id: UUID) -> bool:
    """Set the customer; False when it was set already or there is no such booking."""
    return await tx.fetchval(ATTACH_CUSTOMER, booking_id, customer_id) is not None


async def note_payment(tx: Transaction, booking_id: UUID, payment_id: UUID) -> None:
    """Set the payment of a booking that has none yet."""
    await tx.execute(NOTE_PAYMENT, booking_id, payment_id)
