"""A payment was prepared for a booking: remember which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.store import bookings

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction


async def note_payment(tx: Transaction, booking_id: UUID, payment_id: UUID) -> None:
    """Set the booking's payment unless it has one; the state does not change."""
    await bookings.note_payment(tx, booking_id, payment_id)
