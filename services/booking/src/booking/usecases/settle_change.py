"""What payments say about a change: money moves the booking, or goes back; a failure ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking import published, timers
from booking.domain.moving import ChangeState, with_receipt
from booking.domain.receiving import judge_change
from booking.domain.refusals import Unknown
from booking.store import audit, bookings, changes, receipts
from booking.usecases.expire_change import end_change
from booking.usecases.move import move

if TYPE_CHECKING:
    from uuid import UUID

    from booking.store.contacts import ContactVault
    from booking.store.listings import Listings
    from booking.store.receipts import Receipt
    from chassis.db import Transaction

ACTOR = "payments"


async def settle_change(
    tx: Transaction, change_id: UUID, receipt: Receipt, *, vault: ContactVault, listings: Listings
) -> None:
    """Money came for a change: the booking moves, or all of it goes back (F-07, F-26, F-27).

    Each payment counts once, however often it is told. A place that is still held is the
    booking's, even if its time has just ended; one that was given up is not taken again.

    Raises:
        Unknown: there is no such booking, or the change is not of this booking.
    """
    booking = await bookings.lock(tx, receipt.booking_id)
    change = None if booking is None else await changes.read(tx, change_id, receipt.booking_id)
    if booking is None or change is None:
        raise Unknown
    now = await tx.now()
    cause = judge_change(booking, change, receipt.amount, now)
    if cause is None and await changes.guest_has_another(tx, booking, change.place):
        cause = "change_expired"
    if not await receipts.record(tx, receipt, cause or receipts.COUNTED, now):
        return
    if cause is not None:
        if cause == "change_expired" and booking.change_id == change_id:
            booking = await end_change(tx, booking, ChangeState.EXPIRED, now, actor=ACTOR)
        tx.publish(
            published.refund_due(booking, receipt.payment_id, receipt.amount, cause, change_id),
            key=str(booking.id),
            sequence=booking.version,
        )
        return
    await changes.settle(tx, change_id, ChangeState.DONE, now, payment_id=receipt.payment_id)
    tx.unschedule(timers.change_key_of(change_id))
    paid = with_receipt(booking, receipt.payment_id, receipt.amount)
    await move(tx, paid, change, now, vault=vault, listings=listings, actor=ACTOR, held=True)


async def fail_change(
    tx: Transaction, booking_id: UUID, change_id: UUID, *, terminal: bool
) -> None:
    """An attempt to pay for a change failed; a final failure gives its place up (PAY-11)."""
    booking = await bookings.lock(tx, booking_id)
    if booking is None or booking.change_id != change_id:
        return
    if terminal or booking.policy.release_on_failure:
        await end_change(tx, booking, ChangeState.DROPPED, await tx.now(), actor=ACTOR)


async def clear_change(tx: Transaction, booking_id: UUID, change_id: UUID) -> None:
    """The payment for a change is being cleared: its place is kept as long as a hold's (F-11)."""
    booking = await bookings.lock(tx, booking_id)
    if booking is None or booking.change_id != change_id:
        return
    change = await changes.read(tx, change_id, booking_id)
    if change is None or change.expires_at is None:
        return
    starts_at = min(booking.occasion.starts_at, change.place.occasion.starts_at)
    now = await tx.now()
    until = booking.policy.clearing_ends(now, change.expires_at, starts_at)
    if until == change.expires_at:
        return
    await changes.prolong(tx, change_id, until)
    await audit.note(
        tx,
        "booking",
        booking_id,
        "booking.change_clearing",
        actor=ACTOR,
        at=now,
        before={"expires_at": change.expires_at},
        after={"change_id": change_id, "expires_at": until},
    )
    tx.schedule(
        timers.ChangeDue(booking_id=booking_id, change_id=change_id),
        due_at=until,
        key=timers.change_key_of(change_id),
    )
