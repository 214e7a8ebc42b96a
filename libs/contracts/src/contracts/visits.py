"""What the booking service publishes about the day itself: who came, who didn't, what was a slip.

Ordering key: `booking_id`, sequence: the booking's version.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.booking import BookingFact
from contracts.values import Instant, Money, Sealed


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


class BookingNoShowFeeDue(BookingFact):
    """The guest didn't come and staff can't take that back: charge the fee to the saved card."""

    TYPE: ClassVar[str] = "booking.no_show_fee_due.v1"

    fee: Money
    """Frozen when the booking was made; charged once per booking."""
    pay_until: Instant
    """When the fee is given up, if it couldn't be charged by then."""
    title: str
    locale: str
    contact: Sealed
    retry: bool = False
    """True: staff ask again; it counts only if the card was declined."""


class BookingNoShowFeeActionRequired(BookingFact):
    """The fee can't be charged until the guest has told their bank that it is them."""

    TYPE: ClassVar[str] = "booking.no_show_fee_action_required.v1"

    fee: Money
    pay_until: Instant
    """Until when the guest can do it."""
    title: str
    starts_at: Instant
    timezone: str
    """IANA zone name of the venue."""
    locale: str
    contact: Sealed
    manage_epoch: Annotated[int, Field(ge=0)]
    """Epoch to mint the manage link with; the link itself never travels."""
    manage_expires_at: Instant


class BookingGuaranteeReleased(BookingFact):
    """Nothing will be charged to the saved card any more: forget it."""

    TYPE: ClassVar[str] = "booking.guarantee_released.v1"
