"""Lower what a customer spent by what went back (F-40)."""

from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from customers.domain.standing import Money
from customers.store import bookings_seen, customers


async def count_refund(
    tx: Transaction,
    *,
    booking_id: UUID,
    payment_id: UUID,
    refunded_total: Money,
    refunded_at: datetime,
    told_by: UUID,
) -> None:
    """`refunded_total` is cumulative per payment: what comes twice or too late adds nothing."""
    before = await bookings_seen.lock(tx, booking_id)
    after = before.refund(payment_id, refunded_total)
    if after == before:
        return
    await bookings_seen.refunded(tx, after, at=refunded_at, by=told_by)
    if after.customer_id is not None:
        added = after.tally() - before.tally()
        await customers.count(tx, after.customer_id, added, booked_at=None, active_at=refunded_at)
