"""Expire a hold: its time is over, the place is free, and payments must cancel what it began."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from booking import published, timers
from booking.domain.lifecycle import Verb, after
from booking.store import bookings

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from booking.domain.booking import Booking
    from chassis.db import Transaction


async def expire(tx: Transaction, booking_id: UUID) -> None:
    """The hold's timer rang. Expires the hold if it has lapsed; state decides (HLD-01, F-07).

    A booking that was paid, cancelled or expired meanwhile is left alone; a hold that was
    prolonged, or a timer that rang early, gets a new timer for the exact instant.
    """
    booking = await bookings.lock(tx, booking_id)
    now = await tx.now()
    if booking is None or not booking.is_waiting() or booking.expires_at is None:
        return
    if booking.has_lapsed(now):
        await expire_locked(tx, booking, now, actor="timer")
    else:
        tx.schedule(
            timers.HoldDue(booking_id=booking.id),
            due_at=booking.expires_at,
            key=timers.key_of(booking.id),
        )


async def expire_locked(tx: Transaction, booking: Booking, now: datetime, *, actor: str) -> None:
    """Expire a booking whose row is locked.

    Raises:
        IllegalTransition: it is not waiting for a payment.
    """
    expired = replace(
        booking, status=after(Verb.EXPIRE, booking.status), version=booking.version + 1
    )
    await bookings.save(tx, booking, expired, "booking.expired", actor=actor)
    tx.unschedule(timers.key_of(booking.id))
    tx.publish(published.expired(expired, now), key=str(expired.id), sequence=expired.version)
