"""Refunds that wait for somebody to decide about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.money import Money

if TYPE_CHECKING:
    from chassis.db import Transaction

_ASK = """
INSERT INTO refund_approvals
    (booking_id, org_id, amount_minor, in_all_minor, currency, status, requested_at, requested_by)
VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7)
"""
# The state decides in the statement itself: of two who decide at once, one does.
_DECIDE = """
UPDATE refund_approvals
SET status = $2, decided_at = $3, decided_by = $4, reason = $5
WHERE booking_id = $1 AND status = 'pending'
RETURNING amount_minor, in_all_minor, currency
"""
PENDING = """
SELECT a.booking_id, a.amount_minor, a.currency, a.requested_at, a.requested_by, b.reference,
    b.display_name, b.starts_at, s.title
FROM refund_approvals a JOIN bookings b ON b.id = a.booking_id
    JOIN sessions s ON s.id = b.session_id
WHERE a.org_id = $1 AND a.status = 'pending' AND (a.requested_at, a.booking_id) > ($2, $3)
ORDER BY a.requested_at, a.booking_id LIMIT $4
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A refund that waits, and the cancelled booking it is for."""

    booking_id: UUID
    reference: str
    name: str
    title: str
    starts_at: datetime
    amount: Money
    requested_at: datetime
    requested_by: str


@dataclass(frozen=True, slots=True)
class Promise:
    """What waits to go back, and what is to be back with it in all, changes apart."""

    refund: Money
    in_all: Money


async def ask(
    tx: Transaction, booking_id: UUID, promise: Promise, at: datetime, actor: str
) -> None:
    """Put a refund on the list: what the policy promises, above zero."""
    refund = promise.refund
    await tx.execute(
        _ASK,
        booking_id,
        tx.org_id,
        refund.amount_minor,
        promise.in_all.amount_minor,
        refund.currency,
        at,
        actor,
    )


async def decide(
    tx: Transaction, booking_id: UUID, at: datetime, actor: str, reason: str, *, approved: bool
) -> Promise | None:
    """Settle a waiting refund; what was promised, or None when none of this booking waits."""
    status = "approved" if approved else "rejected"
    row = await tx.fetchrow(_DECIDE, booking_id, status, at, actor, reason)
    if row is None:
        return None
    currency = row["currency"]
    return Promise(Money(row["amount_minor"], currency), Money(row["in_all_minor"], currency))


async def pending(tx: Transaction, after: tuple[datetime, UUID], limit: int) -> list[Approval]:
    """Those that wait, longest first."""
    rows = await tx.fetch(PENDING, tx.org_id, *after, limit)
    return [
        Approval(
            booking_id=row["booking_id"],
            reference=row["reference"],
            name=row["display_name"],
            title=row["title"],
            starts_at=row["starts_at"],
            amount=Money(row["amount_minor"], row["currency"]),
            requested_at=row["requested_at"],
            requested_by=row["requested_by"],
        )
        for row in rows
    ]
