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
from booking.api.views.catalogue import Offering, Organisation, Resource, Venue
from booking.api.views.sessions import Availability, DayAvailability, Session, SessionLeft, Table
from booking.api.views.shared import Money, Page

__all__ = [
    "Availability",
    "Booking",
    "BookingCreated",
    "CancelPreview",
    "Cancelled",
    "DayAvailability",
    "Failure",
    "Money",
    "Offering",
    "Organisation",
    "Page",
    "Resource",
    "ResourceSummary",
    "Session",
    "SessionLeft",
    "SessionSummary",
    "Table",
    "Timeline",
    "TimelineEntry",
    "Venue",
    "booking_created",
]
