"""Timers that this service sets for itself; they never touch the broker."""

from typing import ClassVar
from uuid import UUID

from contracts import Message


class HoldDue(Message):
    """A hold has reached its end; its state decides what that means."""

    TYPE: ClassVar[str] = "booking.hold_due"

    booking_id: UUID


class GenerationDue(Message):
    """Night has come at the venue of an offering whose sessions are made by rules."""

    TYPE: ClassVar[str] = "booking.generation_due"

    offering_id: UUID


def generation_key(offering_id: UUID) -> str:
    """The key under which an offering has at most one timer for its sessions."""
    return f"generation:{offering_id}"


def key_of(booking_id: UUID) -> str:
    """The key under which a booking has at most one timer."""
    return f"hold:{booking_id}"
