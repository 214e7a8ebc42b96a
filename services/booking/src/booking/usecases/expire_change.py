"""End a change that was not paid: its new place is free, the booking stays where it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from booking import published, timers
from booking.domain.moving import ChangeState
from booking.store import audit, bookings, changes, ledger

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from booking.domain.booking import Booking
    from chassis.db import Transaction


async def expire_change(tx: Transaction, booking_id: UUID, change_id: UUID) -> None:
    """The change's timer rang. State decides, as it does for holds (HLD-01).

    A change that was paid or dropped meanwhile is left alone; one that was prolonged gets a new
    timer for the exact instant.
    """
    booking = await bookings.lock(tx, booking_id)
    if booking is None or booking.change_id != change_id:
        return
    change = await changes.read(tx, change_id, booking_id)
    now = await tx.now()
    if change is None or change.expires_at is None:
        return
    if change.has_lapsed(now):
        await end_change(tx, booking, ChangeState.EXPIRED, now, actor="timer")
    else:
        tx.schedule(
            timers.ChangeDue(booking_id=booking_id, change_id=change_id),
            due_at=change.expires_at,
            key=timers.change_key_of(change_id),
        )


async def end_change(
    tx: Transaction, booking: Booking, state: ChangeState, now: datetime, *, actor: str
) -> Booking:
    """End the pending change of a locked booking, if it has one; the booking as it is then."""
    if booking.change_id is None:
        return booking
    change = await changes.read(tx, booking.change_id, booking.id)
    if change is None:
        raise bookings.StaleBooking(f"booking {booking.id} waits for no known change")
    waited_for = await ledger.release(tx, booking.id, now, version=change.ledger_version)
    await changes.settle(tx, change.id, state, now)
    await changes.point_to(tx, booking, None)
    await audit.note(
        tx,
        "booking",
        booking.id,
        f"booking.change_{state}",
        actor=actor,
        at=now,
        before={"change_id": change.id},
    )
    tx.unschedule(timers.change_key_of(change.id))
    timers.wake_waitlists(tx, waited_for, now)
    ended = replace(booking, version=booking.version + 1, change_id=None)
    tx.publish(
        published.change_expired(ended, change.id), key=str(ended.id), sequence=ended.version
    )
    return ended


async def expire_lapsed_changes(
    tx: Transaction, venue_id: UUID, now: datetime, *, actor: str
) -> bool:
    """End the lapsed changes at a venue: a newcomer may have their places. Whether there were any.

    Rivals' are left alone; timers end all of them within moments anyway.
    """
    lapsed = await changes.lock_lapsed(tx, venue_id, now)
    for booking in lapsed:
        await end_change(tx, booking, ChangeState.EXPIRED, now, actor=actor)
    return bool(lapsed)
