"""The day itself: who came, who did not, and what staff did by mistake.

Nothing here touches the ledger. Nothing is sold after the start (F-15), so a place that was used,
or that nobody came to use, has no further buyer: it stays on record as this booking's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from booking.domain.booking import Waiver
from booking.domain.lifecycle import IllegalTransition, Status, Verb, after
from booking.domain.refusals import (
    CheckInClosed,
    IllegalState,
    NotStarted,
    UndoTooLate,
    WaiverRequired,
)

if TYPE_CHECKING:
    from datetime import datetime

    from booking.domain.booking import Booking

Undone = Literal["checked_in", "completed", "no_show"]

_UNDONE: dict[Status, Undone] = {
    Status.CHECKED_IN: "checked_in",
    Status.COMPLETED: "completed",
    Status.NO_SHOW: "no_show",
}


def check_in(booking: Booking, now: datetime, *, override: str | None = None) -> Booking:
    """The guest is here (CHK-01).

    ``override``: why staff check in outside the time for it, which is from ``check_in_hours``
    before the start until the end. A missing waiver is never overridden (OPN-05).

    Raises:
        IllegalState: it is not confirmed (S4-5).
        CheckInClosed: too early or too late, and no reason to do it nevertheless.
        WaiverRequired: the offering needs a signature and there is none.
    """
    arrived = _step(Verb.CHECK_IN, booking, now)
    opens = booking.policy.check_in_opens(booking.occasion.starts_at)
    if override is None and not opens <= now < booking.occasion.ends_at:
        raise CheckInClosed
    if booking.policy.waiver_required and booking.waiver is None:
        raise WaiverRequired
    return arrived


def complete(booking: Booking, now: datetime) -> Booking:
    """The visit is over (CHK-02).

    Raises:
        IllegalState: the guest was not checked in.
    """
    return _step(Verb.COMPLETE, booking, now)


def completes_at(booking: Booking) -> datetime | None:
    """When a visit completes itself, if its policy says so (CHK-02).

    At its end, or later where staff may still take the check-in back then.
    """
    if not booking.policy.complete_after_end or booking.status is not Status.CHECKED_IN:
        return None
    return max(booking.occasion.ends_at, booking.policy.undo_ends(booking.status_at))


def is_over(booking: Booking, now: datetime) -> bool:
    """Whether the guest was checked in and the time is up."""
    return booking.status is Status.CHECKED_IN and now >= booking.occasion.ends_at


def mark_no_show(booking: Booking, now: datetime) -> Booking:
    """The guest did not come; what was paid is kept, and a saved card charged (CHK-03, OPN-06).

    Raises:
        IllegalState: it is not confirmed.
        NotStarted: the guest may still come.
    """
    missing = _step(Verb.MARK_NO_SHOW, booking, now)
    if now < booking.occasion.starts_at:
        raise NotStarted
    return missing


def undo(booking: Booking, now: datetime) -> tuple[Booking, Undone]:
    """Take back what staff recorded last about the visit, and say what that was.

    Raises:
        IllegalState: nothing was recorded about a visit.
        UndoTooLate: ``undo_minutes`` have passed since.
    """
    undone = _step(Verb.UNDO, booking, now)
    if now >= booking.policy.undo_ends(booking.status_at):
        raise UndoTooLate
    return undone, _UNDONE[booking.status]


def sign(booking: Booking, signed_name: str, now: datetime) -> Booking:
    """The guest signs the waiver, before check-in; signing again replaces the signature (OPN-05).

    Raises:
        IllegalState: the booking asks for no waiver, or is past check-in.
    """
    if not booking.policy.waiver_required:
        raise IllegalState("This booking needs no waiver.")
    if not (booking.is_waiting() or booking.status is Status.CONFIRMED):
        raise IllegalState(f"A booking that is {_said(booking.status)} takes no waiver.")
    return replace(booking, waiver=Waiver(signed_name, now), version=booking.version + 1)


def _step(verb: Verb, booking: Booking, now: datetime) -> Booking:
    try:
        status = after(verb, booking.status)
    except IllegalTransition:
        raise IllegalState(
            f"This booking is {_said(booking.status)}: not possible now is to {_said(verb)} it."
        ) from None
    return replace(booking, status=status, status_at=now, version=booking.version + 1)


def _said(word: Status | Verb) -> str:
    return word.value.replace("_", " ")
