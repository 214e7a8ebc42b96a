"""Somebody decides about a refund that the policy promises but does not pay by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published
from booking.domain.money import Money
from booking.domain.refusals import NoRefundPending, Unknown
from booking.store import approvals, audit, bookings

if TYPE_CHECKING:
    from booking.domain.booking import Booking
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

    Never more than what is left of the payment: some may have been refunded meanwhile.

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
    refund = _left_of(booking, promised) if command.approved else Money(0, promised.currency)
    await audit.note(
        tx,
        "booking",
        booking.id,
        "booking.refund_approved" if command.approved else "booking.refund_rejected",
        actor=command.actor,
        at=now,
        reason=command.reason,
        before={"awaiting": promised.amount_minor, "currency": promised.currency},
        after={"refund": refund.amount_minor, "currency": refund.currency},
    )
    if refund.amount_minor > 0:
        tx.publish(
            published.refund_due(booking, None, refund, "approved"),
            key=str(booking.id),
            sequence=booking.version,
        )
    return refund


def _left_of(booking: Booking, promised: Money) -> Money:
    return Money(min(promised.amount_minor, booking.left.amount_minor), promised.currency)
