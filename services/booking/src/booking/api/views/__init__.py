"""Answers. Nothing of a provider, nothing of another guest."""

from booking.api.views.bookings import (
    Booking,
    BookingCreated,
    Cancelled,
    CancelPreview,
    Failure,
    ResourceSummary,
    SessionSummary,
    Timeline,
    TimelineEntry,
    booking_created,
)
from booking.api.views.catalogue import (
    EmbeddedVenue,
    Offering,
    Organisation,
    OrganisationSettings,
    Resource,
    Venue,
)
from booking.api.views.schedules import (
    Calendar,
    CalendarDay,
    EditedOffering,
    Generated,
    OpeningHours,
    ScheduleConflict,
)
from booking.api.views.sessions import (
    Availability,
    DayAvailability,
    Session,
    SessionLeft,
    SessionOnSale,
    Table,
)
from booking.api.views.shared import Money, Page

__all__ = [
    "Availability",
    "Booking",
    "BookingCreated",
    "Calendar",
    "CalendarDay",
    "CancelPreview",
    "Cancelled",
    "DayAvailability",
    "EditedOffering",
    "EmbeddedVenue",
    "Failure",
    "Generated",
    "Money",
    "Offering",
    "OpeningHours",
    "Organisation",
    "OrganisationSettings",
    "Page",
    "Resource",
    "ResourceSummary",
    "ScheduleConflict",
    "Session",
    "SessionLeft",
    "SessionOnSale",
    "SessionSummary",
    "Table",
    "Timeline",
    "TimelineEntry",
    "Venue",
    "booking_created",
]
