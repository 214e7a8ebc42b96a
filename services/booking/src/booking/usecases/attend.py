"""What staff record on the day, each in one step: locked, decided, written, told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published, timers
from booking.domain import attendance
from booking.domain.refusals import Unknown
from booking.store import bookings
from booking.usecases.settle_guarantee import watch_guarantee

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Attend:
    """Who records what about which booking. ``reason``: what for, where one is wanted."""

    booking_id: UUID
    actor: str
    reason: str | None = None


async def check_in(tx: Transaction, command: Attend) -> Booking:
    """The guest is here (CHK-01). A reason lets staff do it outside the time for it.

    Raises:
        Unknown: there is no such booking.
        IllegalState, CheckInClosed, WaiverRequired: see ``attendance.check_in``.
    """
    booking = await _locked(tx, command)
    now = await tx.now()
    arrived = attendance.check_in(booking, now, override=command.reason)
    await _record(tx, booking, arrived, command, published.checked_in(arrived, now))
    _plan_completion(tx, arrived)
    return arrived


async def complete(tx: Transaction, command: Attend) -> Booking:
    """The visit is over (CHK-02).

    Raises:
        Unknown: there is no such booking.
        IllegalState: the guest was not checked in.
    """
    booking = await _locked(tx, command)
    now = await tx.now()
    completed = attendance.complete(booking, now)
    await _record(tx, booking, completed, command, published.completed(completed, now))
    tx.unschedule(timers.visit_key_of(booking.id))
    watch_guarantee(tx, completed)
    return completed


async def mark_no_show(tx: Transaction, command: Attend) -> Booking:
    """The guest did not come (CHK-03). A fee is charged when this can't be undone any more.

    Raises:
        Unknown: there is no such booking.
        IllegalState, NotStarted: see ``attendance.mark_no_show``.
    """
    booking = await _locked(tx, command)
    now = await tx.now()
    missing = attendance.mark_no_show(booking, now)
    await _record(tx, booking, missing, command, published.no_show(missing, now))
    watch_guarantee(tx, missing)
    return missing


async def undo(tx: Transaction, command: Attend) -> Booking:
    """Take back what was recorded last; the others are told what did not happen.

    Raises:
        Unknown: there is no such booking.
        IllegalState, UndoTooLate: see ``attendance.undo``.
    """
    booking = await _locked(tx, command)
    now = await tx.now()
    restored, undone = attendance.undo(booking, now)
    message = published.attendance_undone(restored, undone, now)
    await _record(tx, booking, restored, command, message)
    tx.unschedule(timers.visit_key_of(booking.id))
    watch_guarantee(tx, restored)
    if now < booking.occasion.ends_at:
        # After the end, staff have just said that it is not completed: a timer will not insist.
        _plan_completion(tx, restored)
    return restored


async def complete_after_end(tx: Transaction, booking_id: UUID) -> None:
    """The visit's timer rang: complete it if it is over and the guest is still checked in."""
    booking = await bookings.lock(tx, booking_id)
    now = await tx.now()
    if booking is None or not attendance.is_over(booking, now):
        return
    completed = attendance.complete(booking, now)
    command = Attend(booking_id=booking_id, actor="timer", reason="complete_after_end")
    await _record(tx, booking, completed, command, published.completed(completed, now))
    watch_guarantee(tx, completed)


def _plan_completion(tx: Transaction, booking: Booking) -> None:
    due_at = attendance.completes_at(booking)
    if due_at is not None:
        key = timers.visit_key_of(booking.id)
        tx.schedule(timers.VisitOver(booking_id=booking.id), due_at=due_at, key=key)


async def _locked(tx: Transaction, command: Attend) -> Booking:
    booking = await bookings.lock(tx, command.booking_id)
    if booking is None:
        raise Unknown
    return booking


async def _record(
    tx: Transaction, before: Booking, after: Booking, command: Attend, message: published.Visit
) -> None:
    await bookings.save(
        tx,
        before,
        after,
        # The audit log and the bus call it the same.
        message.TYPE.rpartition(".")[0],
        actor=command.actor,
        reason=command.reason,
    )
    tx.publish(message, key=str(after.id), sequence=after.version)
