"""Money that arrived, payment by payment: each counts once, however often it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.money import Money
from chassis.ids import uuid7

if TYPE_CHECKING:
    from datetime import datetime

    from chassis.db import Transaction

# With its line in the audit log (AUD-02), in one round trip.
_RECORD = """
WITH received AS (
    INSERT INTO receipts
        (payment_id, org_id, booking_id, amount_minor, currency, outcome, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (payment_id) DO NOTHING
    RETURNING payment_id
),
noted AS (
    INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor, reason, after, message_id)
    SELECT $3, $8::uuid, $2, 'booking', 'booking.payment_received', $7, 'payments',
        nullif($6, 'counted'),
        jsonb_build_object('amount_minor', $4::bigint, 'currency', $5::text, 'payment_id', $1),
        $9::uuid
    FROM received
)
SELECT payment_id FROM received
"""
# The total is cumulative: an older message that arrives later lowers nothing.
_REFUNDED = """
UPDATE receipts SET refunded_minor = $2
WHERE payment_id = $1 AND currency = $3 AND refunded_minor < $2
RETURNING outcome, (
    SELECT coalesce(sum(other.refunded_minor), 0) FROM receipts other
    WHERE other.booking_id = receipts.booking_id AND other.payment_id <> receipts.payment_id
        AND other.outcome = 'counted')::bigint AS of_others
"""
# The newest payment first: it is the likeliest to be refundable still.
_GIVE_BACK = """
WITH rest AS (
    SELECT payment_id, received_at, amount_minor - greatest(refunded_minor, returned_minor) AS rest
    FROM receipts WHERE booking_id = $1 AND outcome = 'counted'
),
share AS (
    SELECT payment_id, least(rest, $2::bigint - coalesce(sum(rest) OVER (
        ORDER BY received_at DESC, payment_id DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))::bigint AS back
    FROM rest WHERE rest > 0
)
UPDATE receipts r SET returned_minor = r.returned_minor + share.back
FROM share WHERE r.payment_id = share.payment_id AND share.back > 0
RETURNING r.payment_id, share.back
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment that brought money to a booking."""

    payment_id: UUID
    booking_id: UUID
    amount: Money


COUNTED = "counted"
"""The outcome of money that the booking keeps, or would have kept had its place been free."""


async def record(tx: Transaction, receipt: Receipt, outcome: str, at: datetime) -> bool:
    """Note what became of a payment's money; False when that was noted before."""
    return (
        await tx.fetchval(
            _RECORD,
            receipt.payment_id,
            tx.org_id,
            receipt.booking_id,
            receipt.amount.amount_minor,
            receipt.amount.currency,
            outcome,
            at,
            uuid7(at),
            tx.cause.message_id if tx.cause else None,
        )
        is not None
    )


async def refunded(tx: Transaction, payment_id: UUID, total: Money) -> Money | None:
    """Raise what was refunded of a payment to ``total``; None if nothing rose that counts.

    The answer: what was refunded of all the booking's payments that count, together.
    """
    row = await tx.fetchrow(_REFUNDED, payment_id, total.amount_minor, total.currency)
    if row is None or row["outcome"] != COUNTED:
        return None
    return total + Money(row["of_others"], total.currency)


async def give_back(tx: Transaction, booking_id: UUID, amount: Money) -> list[tuple[UUID, Money]]:
    """Note that so much goes back, and of which payments; less when less is left of them."""
    if not amount.amount_minor:
        return []
    rows = await tx.fetch(_GIVE_BACK, booking_id, amount.amount_minor)
    return [(row["payment_id"], Money(row["back"], amount.currency)) for row in rows]
