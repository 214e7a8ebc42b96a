"""Request bodies. Types and bounds only; what they mean is decided further in."""

from booking.api.bodies.attendance import CheckIn, DecideRefund, Noted, SignWaiver
from booking.api.bodies.bookings import (
    ChangeOrder,
    CreateBooking,
    Customer,
    JoinWaitlist,
    QuoteBooking,
    RescheduleBooking,
)
from booking.api.bodies.corrections import CancelBooking, EditBookingDetails, EditCustomer
from booking.api.bodies.fields import Instant, Locale, LocalTime, Slug, Title, time_of
from booking.api.bodies.offerings import DEEPEST_SETTINGS, CreateOffering, EditOffering
from booking.api.bodies.prices import (
    AddMenuItem,
    AddMenuSection,
    AdjustGiftCard,
    CreatePromo,
    EditGiftCard,
    EditMenuItem,
    EditMenuSection,
    EditPromo,
    IssueGiftCard,
)
from booking.api.bodies.seating import ChangeTables, ExplainTime
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
    "AddMenuItem",
    "AddMenuSection",
    "AddResource",
    "AdjustGiftCard",
    "CancelBooking",
    "ChangeOrder",
    "ChangeTables",
    "CheckIn",
    "CreateBooking",
    "CreateOffering",
    "CreateOrganisation",
    "CreatePromo",
    "CreateVenue",
    "Customer",
    "DecideRefund",
    "EditBookingDetails",
    "EditCustomer",
    "EditGiftCard",
    "EditMenuItem",
    "EditMenuSection",
    "EditOffering",
    "EditOrganisation",
    "EditPromo",
    "EditResource",
    "EditSession",
    "EditVenue",
    "ExplainTime",
    "Instant",
    "IssueGiftCard",
    "JoinWaitlist",
    "LocalTime",
    "Locale",
    "Noted",
    "OpenSession",
    "QuoteBooking",
    "RescheduleBooking",
    "SignWaiver",
    "Slug",
    "Title",
    "time_of",
]
