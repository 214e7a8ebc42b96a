"""Money went back to the guest: keep the booking's account of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.lifecycle import PaymentStatus
from booking.domain.money import Money
from booking.store import audit, bookings, receipts
from chassis import metrics

if TYPE_CHECKING:
    from chassis.db import Transaction

ACTOR = "payments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """``total`` is all that went back of the payment so far."""

    booking_id: UUID
    payment_id: UUID
    total: Money


async def record_refund(tx: Transaction, refund: Refunded) -> None:
    """Set what was refunded; a partial refund never frees a place (F-34).

    Totals are cumulative, so repeated and reordered messages change nothing twice. A refund of
    money that the booking never kept leaves the booking alone.
    """
    booking = await bookings.lock(tx, refund.booking_id)
    if booking is None:
        return
    total = await receipts.refunded(tx, refund.payment_id, refund.total)
    if total is None or total.currency != booking.paid.currency:
        return
    back = Money(min(total.amount_minor, booking.paid.amount_minor), booking.paid.currency)
    refunded = replace(
        booking,
        version=booking.version + 1,
        refunded=back,
        payment_status=(
            PaymentStatus.REFUNDED if back == booking.paid else PaymentStatus.PARTIALLY_REFUNDED
        ),
    )
    await bookings.save(tx, booking, refunded, "booking.refunded", actor=ACTOR, moved=False)


async def record_failed_refund(
    tx: Transaction, booking_id: UUID, payment_id: UUID, amount: Money, code: str
) -> None:
    """Note that a refund did not go through, where staff look for it."""
    metrics.ALARMS.labels("refund_failed").inc()
    await audit.note(
        tx,
        "booking",
        booking_id,
        "booking.refund_failed",
        actor=ACTOR,
        at=await tx.now(),
        reason=code,
        after={
            "amount_minor": amount.amount_minor,
            "currency": amount.currency,
            "payment_id": str(payment_id),
        },
    )
