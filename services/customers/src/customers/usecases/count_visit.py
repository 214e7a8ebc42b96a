"""Count whether the guest of a booking came, once, and a slip taken back once (S1-17)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from customers.domain.attendance import Outcome
from customers.store import bookings_seen, customers


@dataclass(frozen=True, slots=True)
class VisitFact:
    """An outcome that staff recorded, or took back when it does not hold.

    `version` is the booking's; `kind` and `told_by` are the message that told.
    """

    booking_id: UUID
    version: int
    outcome: Outcome
    holds: bool
    starts_at: datetime | None
    at: datetime
    kind: str
    told_by: UUID


async def count_visit(tx: Transaction, fact: VisitFact) -> None:
    """What comes twice or late changes nothing; before the confirmation it is only noted."""
    before = await bookings_seen.lock(tx, fact.booking_id)
    after = before.attend(fact.outcome, fact.version, holds=fact.holds)
    if after == before:
        return
    await bookings_seen.attended(
        tx, after, starts_at=fact.starts_at, at=fact.at, kind=fact.kind, by=fact.told_by
    )
    if after.customer_id is not None:
        added = after.tally() - before.tally()
        await customers.count(tx, after.customer_id, added, booked_at=None, active_at=fact.at)
