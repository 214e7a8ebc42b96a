"""The customers service knows who the guest is: keep its id with the booking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.store import audit, bookings

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction


async def attach_customer(tx: Transaction, booking_id: UUID, customer_id: UUID) -> None:
    """Set the booking's customer; saying it again changes nothing."""
    if await bookings.attach_customer(tx, booking_id, customer_id):
        await audit.note(
            tx,
            "booking",
            booking_id,
            "booking.customer_attached",
            actor="customers",
            at=await tx.now(),
            after={"customer_id": customer_id},
        )
