"""Move a booking to a place that it may have: the ledger, the money, the message."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from booking import published, timers
from booking.domain.money import Money
from booking.domain.moving import difference, moved
from booking.domain.refusals import AlreadyBooked, CapacityExceeded, ResourceTaken
from booking.store import audit, bookings, changes, gift_cards, ledger, orders, receipts
from booking.usecases.take_place import take_place
from chassis.db import constraint_of

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from booking.domain.booking import Booking
    from booking.domain.moving import Change, Place
    from booking.store.contacts import ContactVault
    from booking.store.listings import Listings
    from chassis.db import Transaction


async def move(
    tx: Transaction,
    booking: Booking,
    change: Change,
    now: datetime,
    *,
    vault: ContactVault,
    listings: Listings,
    actor: str,
    reason: str | None = None,
    held: bool = False,
) -> Booking:
    """Move a locked booking to its change's place, now (RSC-01, RSC-03).

    ``held``: the change holds that place, so it is taken whatever the rules have become since.

    Its old place, and what the change held beside it, are freed in the same transaction in which
    the new one is taken: nobody sees one without the other, and a refusal restores both. What the
    new place costs less goes back by the policy, as far as it has not gone back already.

    Raises:
        CapacityExceeded, ResourceTaken: somebody else has the place.
        AlreadyBooked: each guest has one place there, and this guest has one already.
    """
    back = difference(booking, change.place).back
    after = moved(booking, change.place, by_guest=change.by_guest)
    await _return_share(tx, booking, after, actor=actor)
    waited_for = await ledger.release(tx, booking.id, now)
    wanted = replace(after, version=booking.version)
    if held:
        placed = wanted if await ledger.retake(tx, wanted) else None
    else:
        placed = await take_place(tx, wanted, now, listings=listings, actor="reschedule")
    if placed is None:
        raise place_taken(after)
    after = replace(after, claim=placed.claim)
    returned = Money(min(back.amount_minor, booking.left.amount_minor), back.currency)
    after = replace(after, returned_minor=after.returned_minor + returned.amount_minor)
    try:
        await changes.save_moved(tx, booking, after)
    except IntegrityError as error:
        if (constraint_of(error) or "").startswith("bookings_one_per"):
            raise AlreadyBooked from error
        raise
    if after.quote.has_dishes():
        await orders.reprice(tx, after)
    await audit.note(
        tx,
        "booking",
        booking.id,
        "booking.rescheduled",
        actor=actor,
        reason=reason,
        at=now,
        before=facts_of(booking),
        after={
            **facts_of(after),
            "change_id": change.id,
            "amount_returned": returned.amount_minor,
        },
    )
    timers.wake_waitlists(tx, waited_for, now)
    if returned.amount_minor:
        in_all = Money(after.returned_minor, returned.currency)
        goal = published.goal(in_all, await receipts.counted(tx, booking.id), for_changes=True)
        tx.publish(
            published.refund_due(
                after, None, returned, "price_difference", change.id, refund_goal=goal
            ),
            key=str(after.id),
            sequence=after.version,
        )
    contact = vault.for_bus(after.name, vault.open(after.sealed_contact, after.id))
    resources = await bookings.resources_of(tx, after.claim.resource_ids)
    tx.publish(
        published.rescheduled(booking, after, now, contact, resources),
        key=str(after.id),
        sequence=after.version,
    )
    return after


async def _return_share(tx: Transaction, before: Booking, after: Booking, *, actor: str) -> None:
    """Put back onto the gift card what of its share the new place does not cost."""
    if before.quote.gift is None:
        return
    share = 0 if after.quote.gift is None else after.quote.gift.amount_minor
    left = before.quote.gift.amount_minor - share
    if left > 0:
        amount = Money(left, before.quote.gift.currency)
        await gift_cards.give_back(tx, before, amount, after.version, actor=actor)


def place_taken(wanted: Booking | Place) -> CapacityExceeded | ResourceTaken:
    """The refusal of a place that somebody else has."""
    return ResourceTaken() if wanted.claim.resource_ids else CapacityExceeded()


def facts_of(where: Booking | Place) -> dict[str, Any]:
    """What the audit log keeps of a place."""
    return {
        "session_id": where.session_id,
        "starts_at": where.occasion.starts_at,
        "party_size": where.party_size,
        "resource_ids": where.claim.resource_ids,
        "amount_total": where.quote.total.amount_minor,
        "amount_due_now": where.quote.due_now.amount_minor,
    }
