"""The guest has paid and the provider is clearing it: the place stays until that is over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from booking import timers
from booking.domain.lifecycle import PaymentStatus, Verb, after, allows
from booking.store import bookings

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction


async def mark_processing(
    tx: Transaction, booking_id: UUID, payment_id: UUID, sequence: int
) -> None:
    """Prolong the hold to the clearing deadline, never past the start (F-11).

    Ignored when the booking is not waiting for a payment, or the message is older than what is
    known of the payment.
    """
    booking = await bookings.lock(tx, booking_id)
    if (
        booking is None
        or booking.expires_at is None
        or not allows(Verb.RESUME_PAYMENT, booking.status)
        or sequence <= booking.payment_sequence
    ):
        return
    deadline = booking.policy.clearing_ends(
        await tx.now(), booking.expires_at, booking.occasion.starts_at
    )
    processing = replace(
        booking,
        status=after(Verb.RESUME_PAYMENT, booking.status),
        payment_status=PaymentStatus.PROCESSING,
        version=booking.version + 1,
        payment_id=payment_id,
        payment_sequence=sequence,
        expires_at=deadline,
    )
    await bookings.save(tx, booking, processing, "booking.payment_processing", actor="payments")
    tx.schedule(
        timers.HoldDue(booking_id=booking.id), due_at=deadline, key=timers.key_of(booking.id)
    )
