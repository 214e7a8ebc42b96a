"""A booking's history as staff read it: every change, and every message about it with its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.refusals import Unknown
from booking.store import bookings, history

if TYPE_CHECKING:
    from uuid import UUID

    from booking.store.history import Entry
    from chassis.db import Transaction


async def timeline(tx: Transaction, booking_id: UUID) -> list[Entry]:
    """What happened, oldest first.

    Raises:
        Unknown: there is no such booking.
    """
    if await bookings.read(tx, booking_id) is None:
        raise Unknown
    return await history.of_booking(tx, booking_id)
