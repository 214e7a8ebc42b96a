"""Timers that this service sets for itself; they never touch the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from contracts import Message

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chassis.db import Transaction


class HoldDue(Message):
    """A hold has reached its end; its state decides what that means."""

    TYPE: ClassVar[str] = "booking.hold_due"

    booking_id: UUID


class GenerationDue(Message):
    """Night has come at the venue of an offering whose sessions are made by rules."""

    TYPE: ClassVar[str] = "booking.generation_due"

    offering_id: UUID


class VenuesDue(Message):
    """The other services are to hear of all venues again; migrations set it."""

    TYPE: ClassVar[str] = "booking.venues_due"

    org_id: UUID


class ChangeDue(Message):
    """A change has waited for its payment to the end; its state decides what that means."""

    TYPE: ClassVar[str] = "booking.change_due"

    booking_id: UUID
    change_id: UUID


class WaitlistDue(Message):
    """Something was freed for which somebody waits, or it is time to look again."""

    TYPE: ClassVar[str] = "booking.waitlist_due"

    session_id: UUID


def wake_waitlists(tx: Transaction, session_ids: Iterable[UUID], now: datetime) -> None:
    """Look at these sessions' waitlists as soon as this transaction has committed."""
    for session_id in sorted(session_ids):  # all in one order: their rows are locked
        tx.schedule(WaitlistDue(session_id=session_id), due_at=now, key=waitlist_key_of(session_id))


def change_key_of(change_id: UUID) -> str:
    """The key under which a change has at most one timer."""
    return f"change:{change_id}"


def waitlist_key_of(session_id: UUID) -> str:
    """The key under which a session's waitlist is woken once, however much is freed."""
    return f"waitlist:{session_id}"


def waitlist_again_key_of(session_id: UUID) -> str:
    """The key of the next look at a line that nothing has woken by then."""
    return f"waitlist-again:{session_id}"


def generation_key(offering_id: UUID) -> str:
    """The key under which an offering has at most one timer for its sessions."""
    return f"generation:{offering_id}"


class VisitOver(Message):
    """A visit has reached its end; whether it is completed by itself is its policy's to say."""

    TYPE: ClassVar[str] = "booking.visit_over"

    booking_id: UUID


def visit_key_of(booking_id: UUID) -> str:
    """The key under which a booking has at most one timer for the end of its visit."""
    return f"visit:{booking_id}"


class GuaranteeDue(Message):
    """What became of a visit stands: its guarantee is used or given up; its state decides."""

    TYPE: ClassVar[str] = "booking.guarantee_due"

    booking_id: UUID


def guarantee_key_of(booking_id: UUID) -> str:
    """The key under which a booking has at most one timer for its guarantee."""
    return f"guarantee:{booking_id}"


def key_of(booking_id: UUID) -> str:
    """The key under which a booking has at most one timer."""
    return f"hold:{booking_id}"
