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
RETURNING outcome
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


async def refunded(tx: Transaction, payment_id: UUID, total: Money) -> str | None:
    """Raise what was refunded of a payment to ``total``; its outcome, or None if nothing rose."""
    outcome = await tx.fetchval(_REFUNDED, payment_id, total.amount_minor, total.currency)
    return None if outcome is None else str(outcome)
