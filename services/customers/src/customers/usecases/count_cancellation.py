"""Count a cancelled booking for its customer, once (CUS-11)."""

from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from customers.store import bookings_seen, customers


async def count_cancellation(
    tx: Transaction, *, booking_id: UUID, cancelled_at: datetime, told_by: UUID
) -> None:
    """Only a confirmed booking counts; when its confirmation is late, it brings the count along."""
    before = await bookings_seen.lock(tx, booking_id)
    after = before.cancel(cancelled_at)
    if after == before:
        return
    await bookings_seen.cancelled(tx, after, by=told_by)
    if after.customer_id is not None:
        added = after.tally() - before.tally()
        await customers.count(tx, after.customer_id, added, booked_at=None, active_at=cancelled_at)
