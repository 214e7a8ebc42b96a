"""Somebody decides about a refund that the policy promises but does not pay by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published
from booking.domain.money import Money
from booking.domain.refusals import NoRefundPending, Unknown
from booking.store import approvals, audit, bookings, receipts

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideRefund:
    """Who decides what, and why."""

    booking_id: UUID
    approved: bool
    reason: str
    actor: str


async def decide_refund(tx: Transaction, command: DecideRefund) -> Money:
    """Settle it once; what goes back, zero when it was rejected.

    What was refunded meanwhile counts towards what was promised.

    Raises:
        Unknown: there is no such booking.
        NoRefundPending: nothing of it waits for a decision, or somebody decided first.
    """
    booking = await bookings.lock(tx, command.booking_id)
    if booking is None:
        raise Unknown
    now = await tx.now()
    promised = await approvals.decide(
        tx, booking.id, now, command.actor, command.reason, approved=command.approved
    )
    if promised is None:
        raise NoRefundPending
    nothing = Money(0, promised.refund.currency)
    refund = booking.less_unasked(promised.in_all) if command.approved else nothing
    await audit.note(
        tx,
        "booking",
        booking.id,
        "booking.refund_approved" if command.approved else "booking.refund_rejected",
        actor=command.actor,
        at=now,
        reason=command.reason,
        before={"awaiting": promised.refund.amount_minor, "currency": refund.currency},
        after={"refund": refund.amount_minor, "currency": refund.currency},
    )
    if refund.amount_minor > 0:
        goal = published.goal(promised.in_all, await receipts.counted(tx, booking.id))
        tx.publish(
            published.refund_due(booking, None, refund, "approved", refund_goal=goal),
            key=str(booking.id),
            sequence=booking.version,
        )
    return refund
