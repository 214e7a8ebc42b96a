"""Note on a booking that its money is disputed: where staff look, and nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.money import Money
from booking.store import audit

if TYPE_CHECKING:
    from datetime import datetime

    from chassis.db import Transaction

ACTOR = "payments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A dispute as payments tells of it."""

    id: UUID
    booking_id: UUID
    payment_id: UUID
    amount: Money
    reason: str


async def note_dispute(tx: Transaction, dispute: Dispute, evidence_due_by: datetime | None) -> None:
    """Note that the customer asked their bank or PayPal for the money back.

    The booking stands: whether the guest still comes, and what of that, is for staff to say.
    """
    due = {"evidence_due_by": evidence_due_by.isoformat()} if evidence_due_by else {}
    await _note(tx, dispute, "booking.payment_disputed", due)


async def note_dispute_closed(tx: Transaction, dispute: Dispute, outcome: str) -> None:
    """Note how it was decided."""
    await _note(tx, dispute, "booking.dispute_closed", {"outcome": outcome})


async def _note(tx: Transaction, dispute: Dispute, action: str, more: dict[str, str]) -> None:
    await audit.note(
        tx,
        "booking",
        dispute.booking_id,
        action,
        actor=ACTOR,
        at=await tx.now(),
        reason=dispute.reason,
        after={
            "amount_minor": dispute.amount.amount_minor,
            "currency": dispute.amount.currency,
            "dispute_id": str(dispute.id),
            "payment_id": str(dispute.payment_id),
            **more,
        },
    )
