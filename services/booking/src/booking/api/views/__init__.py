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
    "CancelPreview",
    "Cancelled",
    "DayAvailability",
    "EmbeddedVenue",
    "Failure",
    "Money",
    "Offering",
    "Organisation",
    "OrganisationSettings",
    "Page",
    "Resource",
    "ResourceSummary",
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
