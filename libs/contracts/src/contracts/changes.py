"""What the booking service publishes about bookings that move, and guests who wait for a place.

Ordering key: `booking_id`, sequence: the booking's version; for those on a waitlist `entry_id` and
the entry's version.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.booking import BookedResource, BookingFact, PriceLine
from contracts.message import Message
from contracts.values import Instant, Money, Sealed


class BookingRescheduled(BookingFact):
    """The booking moved; it is still the same one, with the same reference."""

    TYPE: ClassVar[str] = "booking.rescheduled.v1"

    old_session_id: UUID
    old_starts_at: Instant
    starts_at: Instant
    ends_at: Instant
    timezone: str
    """IANA zone name of the venue."""
    title: str
    venue_name: str
    amount_total: Money
    """The frozen price of the whole booking at its new time."""
    amount_paid: Money
    """All that has been paid for this booking so far (cumulative), refunds not deducted."""
    contact: Sealed
    locale: str
    resources: tuple[BookedResource, ...]
    """Empty for offerings sold by capacity."""
    rescheduled_at: Instant
    manage_epoch: Annotated[int, Field(ge=0)]
    """Epoch to mint the manage link with; the link itself never travels."""
    manage_expires_at: Instant


class BookingChangeHeld(BookingFact):
    """A dearer new time is held beside the old one and waits for a further payment."""

    TYPE: ClassVar[str] = "booking.change_held.v1"

    change_id: UUID
    """The change this payment is for; a booking may have several, one at a time."""
    amount_due: Money
    """The difference to collect before `expires_at`; never zero."""
    expires_at: Instant
    """The exact end of the hold on the new time; no payment is created after it."""
    hold_minutes: Annotated[int, Field(ge=1)]
    title: str
    starts_at: Instant
    """The new time."""
    ends_at: Instant
    timezone: str
    """IANA zone name of the venue."""
    payment_methods: tuple[str, ...]
    """Methods the offering allows, in order of preference."""
    release_on_failure: bool
    """True: the first failed attempt is final."""
    locale: str
    contact: Sealed
    lines: tuple[PriceLine, ...] = ()
    """What the whole price of the new place is made of."""
    payment_method: str | None = None
    """The one of `payment_methods` that the guest chose; null: the first."""


class BookingChangeExpired(BookingFact):
    """The change was given up unpaid; the booking stays where it was."""

    TYPE: ClassVar[str] = "booking.change_expired.v1"

    change_id: UUID


class BookingOffered(BookingFact):
    """A waiting group's turn: the place is held for them, and free again at `expires_at`."""

    TYPE: ClassVar[str] = "booking.offered.v1"

    title: str
    venue_name: str
    starts_at: Instant
    ends_at: Instant
    timezone: str
    """IANA zone name of the venue."""
    party_size: Annotated[int, Field(ge=1)]
    amount_due_now: Money
    """What to pay to take the offer; zero when nothing is due."""
    expires_at: Instant
    contact: Sealed
    locale: str
    manage_epoch: Annotated[int, Field(ge=0)]
    """Epoch to mint the manage link with; the link itself never travels."""
    manage_expires_at: Instant


class BookingWaitlisted(Message):
    """A group waits for a place; there is no booking yet."""

    TYPE: ClassVar[str] = "booking.waitlisted.v1"

    org_id: UUID
    venue_id: UUID
    offering_id: UUID
    session_id: UUID
    entry_id: UUID
    party_size: Annotated[int, Field(ge=1)]
    title: str
    venue_name: str
    starts_at: Instant
    timezone: str
    """IANA zone name of the venue."""
    contact: Sealed
    locale: str
