"""A booking that moved is no new booking; only what was paid for it may have grown (CUS-11)."""

from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from customers.domain.standing import Money
from customers.store import bookings_seen, customers


async def note_reschedule(
    tx: Transaction, *, booking_id: UUID, paid: Money, rescheduled_at: datetime, told_by: UUID
) -> None:
    """`paid` is cumulative, so a message that comes twice or too late adds nothing."""
    before = await bookings_seen.lock(tx, booking_id)
    after = before.pay(paid)
    await bookings_seen.rescheduled(tx, after, at=rescheduled_at, by=told_by)
    if after.customer_id is not None:
        added = after.tally() - before.tally()
        await customers.count(
            tx, after.customer_id, added, booked_at=None, active_at=rescheduled_at
        )
