"""Find or create the customer behind a confirmed booking, and count the booking once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from chassis.ids import uuid7
from customers import published
from customers.domain.customer import Name, Status
from customers.domain.matching import Match, match
from customers.domain.standing import Money
from customers.identity import Sealed
from customers.store import bookings_seen, customers, identifiers
from customers.usecases.tell_standing import tell_standing


@dataclass(frozen=True, slots=True)
class ConfirmedBooking:
    """A confirmed booking as this service needs it.

    `version` is the booking's, `told_by` the id of the message that confirmed it.
    """

    booking_id: UUID
    org_id: UUID
    version: int
    confirmed_at: datetime
    paid: Money
    name: Name
    identifiers: Sequence[Sealed]
    told_by: UUID


async def resolve(tx: Transaction, booking: ConfirmedBooking) -> UUID:
    """The customer's id (CUS-01, CUS-03, CUS-11). Confirming again changes nothing."""
    before = await bookings_seen.lock(tx, booking.booking_id)
    if before.customer_id is not None:
        return before.customer_id
    customer_id, learnt = await _whose(tx, booking)
    after = before.confirm(customer_id, booking.confirmed_at, booking.paid)
    resolved_by = published.customer_resolved(
        tx,
        customer_id=customer_id,
        booking_id=booking.booking_id,
        org_id=booking.org_id,
        version=booking.version,
    )
    await bookings_seen.confirmed(tx, after, by=booking.told_by, resolved_by=resolved_by)
    status = await customers.count(
        tx,
        customer_id,
        after.tally() - before.tally(),
        booked_at=booking.confirmed_at,
        active_at=after.cancelled_at or booking.confirmed_at,
    )
    # The customer is locked since the counting: whoever blocks them now will see the newcomer.
    if learnt and status is Status.BLOCKED:
        await tell_standing(tx, customer_id, status)
    return customer_id


async def _whose(tx: Transaction, booking: ConfirmedBooking) -> tuple[UUID, bool]:
    """Read, decide, then claim what nobody owns yet; also whether anything was claimed.

    Between reading and claiming a rival may have claimed the same identifier. The unique key tells;
    by then the rival has committed, so a second look sees everybody and decides for good.
    """
    newcomer = uuid7()
    asked = booking.identifiers
    owners = await identifiers.owners(tx, asked)
    found = match(owners)
    unowned = [identifier for identifier in asked if identifier.kind not in owners]
    if unowned and not await identifiers.claim(
        tx, found.customer_id if found else newcomer, unowned
    ):
        owners = await identifiers.owners(tx, asked)
        found = match({kind: owner for kind, owner in owners.items() if owner != newcomer})
        if found is not None:
            await identifiers.hand_over(tx, newcomer, found.customer_id)
    if found is None:
        await customers.create(tx, newcomer, booking.name)
        return newcomer, bool(unowned)
    await _question(tx, found, booking.booking_id)
    return found.customer_id, bool(unowned)


async def _question(tx: Transaction, found: Match, booking_id: UUID) -> None:
    if found.rival is not None:
        await customers.queue_merge(
            tx, found.customer_id, found.rival, booking_id, "phone_and_email_differ"
        )
