"""Request bodies. Types and bounds only; what they mean is decided further in."""

from booking.api.bodies.attendance import CheckIn, DecideRefund, Noted, SignWaiver
from booking.api.bodies.bookings import (
    CancelBooking,
    CreateBooking,
    Customer,
    EditBookingDetails,
    EditCustomer,
    RescheduleBooking,
)
from booking.api.bodies.fields import Instant, Locale, LocalTime, Slug, Title, time_of
from booking.api.bodies.offerings import DEEPEST_SETTINGS, CreateOffering, EditOffering
from booking.api.bodies.sessions import EditSession, OpenSession
from booking.api.bodies.venues import (
    AddResource,
    CreateOrganisation,
    CreateVenue,
    EditOrganisation,
    EditResource,
    EditVenue,
)

__all__ = [
    "DEEPEST_SETTINGS",
    "AddResource",
    "CancelBooking",
    "CheckIn",
    "CreateBooking",
    "CreateOffering",
    "CreateOrganisation",
    "CreateVenue",
    "Customer",
    "DecideRefund",
    "EditBookingDetails",
    "EditCustomer",
    "EditOffering",
    "EditOrganisation",
    "EditResource",
    "EditSession",
    "EditVenue",
    "Instant",
    "LocalTime",
    "Locale",
    "Noted",
    "OpenSession",
    "RescheduleBooking",
    "SignWaiver",
    "Slug",
    "Title",
    "time_of",
]
