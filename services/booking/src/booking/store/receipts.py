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
# Totals as of a version of the payment: an older message that arrives later changes nothing.
_REFUNDED = """
WITH told AS (
    UPDATE receipts SET refunded_minor = $2, refunds_sequence = $5,
        unasked_minor = coalesce($4, unasked_minor)
    WHERE payment_id = $1 AND currency = $3 AND refunds_sequence < $5
    RETURNING payment_id, booking_id, refunded_minor, unasked_minor
)
SELECT coalesce(sum(coalesce(told.refunded_minor, r.refunded_minor)), 0)::bigint AS refunded,
    coalesce(sum(coalesce(told.unasked_minor, r.unasked_minor)), 0)::bigint AS unasked
FROM receipts r LEFT JOIN told USING (payment_id)
WHERE r.outcome = 'counted' AND r.booking_id = (SELECT booking_id FROM told)
HAVING bool_or(told.payment_id IS NOT NULL)
"""
# The newest payment first: it is the likeliest to be refundable still.
_COUNTED = """
SELECT payment_id FROM receipts WHERE booking_id = $1 AND outcome = 'counted'
ORDER BY received_at DESC, payment_id DESC
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What went back of payments so far; ``unasked``: without the booking having asked, or soon.

    None: it is not told.
    """

    refunded: Money
    unasked: Money | None


async def refunded(
    tx: Transaction, payment_id: UUID, totals: Totals, sequence: int
) -> tuple[int, int] | None:
    """Note a payment's totals as of one of its versions; None if they are older, or don't count.

    The answer: the totals of all the booking's payments that count, in minor units.
    """
    row = await tx.fetchrow(
        _REFUNDED,
        payment_id,
        totals.refunded.amount_minor,
        totals.refunded.currency,
        None if totals.unasked is None else totals.unasked.amount_minor,
        sequence,
    )
    return None if row is None else (row["refunded"], row["unasked"])


async def exists(tx: Transaction, payment_id: UUID) -> bool:
    """Whether a payment's money has arrived here."""
    return bool(await tx.fetchval("SELECT true FROM receipts WHERE payment_id = $1", payment_id))


async def counted(tx: Transaction, booking_id: UUID) -> list[UUID]:
    """The payments whose money the booking keeps, the newest first."""
    rows = await tx.fetch(_COUNTED, booking_id)
    return [row["payment_id"] for row in rows]
