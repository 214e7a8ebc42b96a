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
    from booking.domain.booking import Booking
    from chassis.db import Transaction

ACTOR = "payments"


class NotPaidYet(Exception):  # an answer, not a fault
    """It is told of a refund of money that has not arrived here; it is about to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """All that went back of the payment so far, as of its version ``sequence``.

    ``unasked``: of it, and of what is on its way, what this booking did not ask for; None: it is
    not told.
    """

    booking_id: UUID
    payment_id: UUID
    total: Money
    sequence: int
    unasked: Money | None = None


async def record_refund(tx: Transaction, refund: Refunded) -> None:
    """Set what was refunded; a partial refund never frees a place (F-34).

    Totals are cumulative, so repeated and reordered messages change nothing twice; a refund that
    bounces later lowers them. A refund of money that the booking never kept leaves it alone.

    Raises:
        NotPaidYet: the booking is known, its money isn't.
    """
    booking = await bookings.lock(tx, refund.booking_id)
    if booking is None:
        return
    totals = receipts.Totals(refunded=refund.total, unasked=refund.unasked)
    found = await receipts.refunded(tx, refund.payment_id, totals, refund.sequence)
    if found is None:
        if not await receipts.exists(tx, refund.payment_id):
            raise NotPaidYet
        return
    refunded_minor, unasked_minor = found
    after = _after(booking, refunded_minor, unasked_minor)
    if after != booking:
        after = replace(after, version=booking.version + 1)
        await bookings.save(tx, booking, after, _action(booking, after), actor=ACTOR, moved=False)


def _after(booking: Booking, refunded_minor: int, unasked_minor: int) -> Booking:
    paid = booking.paid
    back = Money(min(refunded_minor, paid.amount_minor), paid.currency)
    if back == paid:
        status = PaymentStatus.REFUNDED
    else:
        status = PaymentStatus.PARTIALLY_REFUNDED if back.amount_minor else PaymentStatus.PAID
    return replace(booking, refunded=back, unasked_minor=unasked_minor, payment_status=status)


def _action(before: Booking, after: Booking) -> str:
    back, was = after.refunded.amount_minor, before.refunded.amount_minor
    if back > was:
        return "booking.refunded"
    return "booking.refund_bounced" if back < was else "booking.refund_told"


async def record_failed_refund(
    tx: Transaction, booking_id: UUID, payment_id: UUID, amount: Money, code: str
) -> None:
    """Note that a refund did not go through, where staff look for it."""
    metrics.ALARMS.labels("refund_failed").inc()
    await bookings.lock(tx, booking_id)  # so that it is noted in order with what staff do about it
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
