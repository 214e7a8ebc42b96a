"""Disputes: one row for each that a provider knows of a payment."""

from uuid import UUID

from asyncpg import Record

from chassis.db import Transaction
from payments.domain.disputes import Dispute, Status
from payments.domain.money import Money

_SELECT = """
SELECT id, org_id, booking_id, payment_id, provider_ref, status, reason, amount_minor, currency,
       respond_by, opened_at, closed_at
FROM disputes
"""

_SAVE = """
INSERT INTO disputes (id, org_id, booking_id, payment_id, provider_ref, status, reason,
                      amount_minor, currency, respond_by, opened_at, closed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO UPDATE SET status = $6, reason = $7, amount_minor = $8, respond_by = $10,
                               closed_at = $12
"""


async def save(tx: Transaction, dispute: Dispute) -> None:
    """Write a new or changed dispute; the caller holds the payment's lock."""
    await tx.execute(
        _SAVE,
        dispute.id,
        dispute.org_id,
        dispute.booking_id,
        dispute.payment_id,
        dispute.provider_ref,
        dispute.status,
        dispute.reason,
        dispute.amount.amount_minor,
        dispute.amount.currency,
        dispute.respond_by,
        dispute.opened_at,
        dispute.closed_at,
    )


async def of_payment(tx: Transaction, payment_id: UUID, ref: str) -> Dispute | None:
    """The dispute of a payment that its provider knows by `ref`."""
    row = await tx.fetchrow(
        f"{_SELECT} WHERE payment_id = $1 AND provider_ref = $2", payment_id, ref
    )
    return _dispute(row) if row else None


async def newest(
    tx: Transaction, status: Status | None, before: UUID | None, limit: int
) -> list[Dispute]:
    """Disputes of the transaction's organisation, newest first."""
    rows = await tx.fetch(
        f"""{_SELECT} WHERE ($1::text IS NULL OR status = $1) AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC LIMIT $3""",
        status,
        before,
        limit,
    )
    return [_dispute(row) for row in rows]


async def read(tx: Transaction, dispute_id: UUID) -> Dispute | None:
    """One dispute of the transaction's organisation."""
    row = await tx.fetchrow(f"{_SELECT} WHERE id = $1", dispute_id)
    return _dispute(row) if row else None


def _dispute(row: Record) -> Dispute:
    return Dispute(
        id=row["id"],
        org_id=row["org_id"],
        booking_id=row["booking_id"],
        payment_id=row["payment_id"],
        provider_ref=row["provider_ref"],
        status=Status(row["status"]),
        reason=row["reason"],
        amount=Money(row["amount_minor"], row["currency"]),
        respond_by=row["respond_by"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
    )
