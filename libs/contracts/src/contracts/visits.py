"""What the booking service publishes about the day itself: who came, who didn't, what was a slip.

Ordering key: `booking_id`, sequence: the booking's version.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.booking import BookingFact
from contracts.values import Instant


class AttendanceFact(BookingFact):
    """What the three outcomes say about the visit."""

    at: Instant
    """When it was recorded."""
    party_size: Annotated[int, Field(ge=1)]
    starts_at: Instant
    """Start of the booking, not of the visit."""


class BookingCheckedIn(AttendanceFact):
    """The guest is here."""

    TYPE: ClassVar[str] = "booking.checked_in.v1"


class BookingCompleted(AttendanceFact):
    """The visit is over."""

    TYPE: ClassVar[str] = "booking.completed.v1"


class BookingNoShow(AttendanceFact):
    """The guest didn't come; the place isn't sold again."""

    TYPE: ClassVar[str] = "booking.no_show.v1"


class BookingAttendanceUndone(BookingFact):
    """Staff took back a slip: what was recorded didn't happen."""

    TYPE: ClassVar[str] = "booking.attendance_undone.v1"

    undone: Literal["checked_in", "completed", "no_show"]
    """What is taken back; a listener that counted it subtracts it, once."""
    status: str
    """The booking's status from now on."""
    at: Instant
