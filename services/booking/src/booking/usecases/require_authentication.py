"""The guest's bank asks for a further step: the place stays held, to the same instant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from booking import published
from booking.domain.lifecycle import PaymentStatus, Verb, after, allows
from booking.store import bookings

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction


async def require_authentication(
    tx: Transaction, booking_id: UUID, payment_id: UUID, sequence: int
) -> None:
    """Show that the guest must act (PAY-06); the deadline does not move (F-09).

    Ignored when the booking is not waiting for a payment, or the message is older than what is
    known of the payment.
    """
    booking = await bookings.lock(tx, booking_id)
    if (
        booking is None
        or not allows(Verb.REQUIRE_AUTHENTICATION, booking.status)
        or sequence <= booking.payment_sequence
    ):
        return
    waiting = replace(
        booking,
        status=after(Verb.REQUIRE_AUTHENTICATION, booking.status),
        payment_status=PaymentStatus.UNPAID,
        version=booking.version + 1,
        payment_id=payment_id,
        payment_sequence=sequence,
    )
    await bookings.save(tx, booking, waiting, "booking.requires_authentication", actor="payments")
    tx.publish(
        published.requires_authentication(waiting), key=str(booking.id), sequence=waiting.version
    )
