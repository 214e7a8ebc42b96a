"""Lower what a customer spent by what went back, as long as it stays there (F-40)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from customers.domain.standing import Money
from customers.store import bookings_seen, customers


@dataclass(frozen=True, slots=True)
class RefundFact:
    """What is back of a payment as of its `version`; `bounced`: because a refund failed."""

    booking_id: UUID
    payment_id: UUID
    version: int
    total: Money
    at: datetime
    kind: str
    told_by: UUID
    bounced: bool = False


async def count_refund(tx: Transaction, fact: RefundFact) -> None:
    """The total is cumulative per payment: what comes twice or too late changes nothing."""
    before = await bookings_seen.lock(tx, fact.booking_id)
    after = before.refund(fact.payment_id, fact.total, fact.version)
    if after == before:
        return
    await bookings_seen.refunded(tx, after, at=fact.at, kind=fact.kind, by=fact.told_by)
    if after.customer_id is not None:
        added = after.tally() - before.tally()
        active_at = None if fact.bounced else fact.at
        await customers.count(tx, after.customer_id, added, booked_at=None, active_at=active_at)
