"""Who publishes what, and who listens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from contracts.booking import (
    BookingCancelled,
    BookingConfirmed,
    BookingDetailsChanged,
    BookingExpired,
    BookingHeld,
    BookingPaymentFailed,
    BookingRefundDue,
    BookingRequiresAuthentication,
    BookingTransferAwaited,
    BookingUnfulfillable,
    VenueChanged,
)
from contracts.changes import (
    BookingChangeExpired,
    BookingChangeHeld,
    BookingOffered,
    BookingRescheduled,
    BookingWaitlisted,
)
from contracts.customers import CustomerBlocked, CustomerResolved, CustomerUnblocked
from contracts.message import Message
from contracts.notifications import NotificationFailed, NotificationSent
from contracts.offerings import OfferingChanged
from contracts.payments import (
    PaymentCancelled,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentFailed,
    PaymentFeeCharged,
    PaymentFeeFailed,
    PaymentProcessing,
    PaymentReady,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentRequiresAction,
    PaymentSucceeded,
)
from contracts.visits import (
    BookingAttendanceUndone,
    BookingCheckedIn,
    BookingCompleted,
    BookingGuaranteeReleased,
    BookingNoShow,
    BookingNoShowFeeActionRequired,
    BookingNoShowFeeDue,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

GATEWAY = "gateway"
"""Listens on a short-lived queue of its own that may lose messages; see contracts.topology."""


class UnknownContract(LookupError):
    """No contract has this message type."""

    def __init__(self, message_type: str) -> None:
        super().__init__(f"no contract has the message type {message_type!r}")
        self.message_type = message_type


@dataclass(frozen=True, slots=True)
class Contract:
    """One message type: its model, the one service that publishes it and those that listen."""

    model: type[Message]
    producer: str
    consumers: tuple[str, ...]
    summary: str
    key: str = "booking_id"
    """The field whose value is the ordering key."""

    @property
    def name(self) -> str:
        """The name on the wire and the routing key."""
        return self.model.TYPE

    @property
    def mandatory(self) -> bool:
        """Whether some durable queue must receive it: a broker that can't route it is broken."""
        return any(consumer != GATEWAY for consumer in self.consumers)

    def key_of(self, message: Message) -> str:
        """The ordering key of one message."""
        return str(getattr(message, self.key))


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        VenueChanged,
        "booking",
        ("payments", "notifications", "customers"),
        "A venue's present state, for the projections of the other services",
        key="venue_id",
    ),
    Contract(
        OfferingChanged,
        "booking",
        ("payments",),
        "An offering's present state, for the catalogues of payment providers",
        key="offering_id",
    ),
    Contract(BookingHeld, "booking", ("payments",), "A place is held; prepare its payment"),
    Contract(
        BookingTransferAwaited,
        "booking",
        ("notifications",),
        "A place waits for a payment that the guest makes by hand; tell them how",
    ),
    Contract(
        BookingRequiresAuthentication,
        "booking",
        (),
        "The guest's bank asks for a further step",
    ),
    Contract(
        BookingConfirmed,
        "booking",
        ("customers", "notifications"),
        "The place is the guest's",
    ),
    Contract(
        BookingPaymentFailed,
        "booking",
        ("notifications", "payments"),
        "A payment attempt failed; when final, the place is released",
    ),
    Contract(BookingExpired, "booking", ("payments",), "The hold ended unpaid; cancel the payment"),
    Contract(
        BookingCancelled,
        "booking",
        ("payments", "notifications", "customers"),
        "The booking was cancelled; refund what it says",
    ),
    Contract(
        BookingUnfulfillable,
        "booking",
        ("payments", "notifications"),
        "Paid, but the place was gone; refund and apologise",
    ),
    Contract(
        BookingRefundDue,
        "booking",
        ("payments",),
        "Money arrived that the booking can't keep; refund it",
    ),
    Contract(
        BookingDetailsChanged,
        "booking",
        ("customers",),
        "The guest's contact or the links to the booking are others from now on",
    ),
    Contract(BookingCheckedIn, "booking", ("customers",), "The guest is here"),
    Contract(BookingCompleted, "booking", ("customers",), "The visit is over"),
    Contract(BookingNoShow, "booking", ("customers",), "The guest didn't come"),
    Contract(
        BookingAttendanceUndone,
        "booking",
        ("customers",),
        "A slip of staff: what was recorded about the visit is taken back",
    ),
    Contract(
        BookingNoShowFeeDue,
        "booking",
        ("payments",),
        "A no-show stands: charge its fee to the saved card",
    ),
    Contract(
        BookingNoShowFeeActionRequired,
        "booking",
        ("notifications",),
        "The fee of a no-show waits for the guest and their bank",
    ),
    Contract(
        BookingGuaranteeReleased,
        "booking",
        ("payments",),
        "The saved card is needed no more; forget it",
    ),
    Contract(
        BookingRescheduled,
        "booking",
        ("customers", "notifications"),
        "The booking moved to another time or place",
    ),
    Contract(
        BookingChangeHeld,
        "booking",
        ("payments",),
        "A dearer new time is held; prepare a further payment",
    ),
    Contract(
        BookingChangeExpired,
        "booking",
        ("payments",),
        "The change was given up unpaid; cancel its payment",
    ),
    Contract(
        BookingOffered,
        "booking",
        ("notifications",),
        "A waiting group's turn: the place is held for them",
    ),
    Contract(
        BookingWaitlisted,
        "booking",
        ("notifications",),
        "A group waits for a place",
        key="entry_id",
    ),
    Contract(
        PaymentReady,
        "payments",
        ("booking", "gateway"),
        "The payment exists at the provider; the guest can pay",
    ),
    Contract(
        PaymentRequiresAction,
        "payments",
        ("booking",),
        "The guest's bank asks for a further step",
    ),
    Contract(PaymentProcessing, "payments", ("booking",), "The provider is clearing the payment"),
    Contract(PaymentSucceeded, "payments", ("booking",), "The money arrived"),
    Contract(PaymentFailed, "payments", ("booking",), "An attempt to pay failed"),
    Contract(PaymentCancelled, "payments", ("booking",), "The payment can no longer be paid"),
    Contract(
        PaymentRefundRequested,
        "payments",
        ("booking",),
        "Staff give money back, and perhaps the place with it",
    ),
    Contract(
        PaymentRefunded,
        "payments",
        ("booking", "customers"),
        "Money went back to the guest; totals are cumulative",
    ),
    Contract(
        PaymentRefundFailed,
        "payments",
        ("booking", "customers"),
        "The provider couldn't refund; a person must look",
    ),
    Contract(
        PaymentDisputed,
        "payments",
        ("booking", "notifications"),
        "The customer asked their bank for the money back",
    ),
    Contract(PaymentDisputeClosed, "payments", ("booking",), "The bank decided on a dispute"),
    Contract(PaymentFeeCharged, "payments", ("booking",), "The fee of a no-show was charged"),
    Contract(
        PaymentFeeFailed,
        "payments",
        ("booking",),
        "The fee of a no-show was not charged",
    ),
    Contract(
        CustomerResolved,
        "customers",
        ("booking",),
        "The customer behind a booking is known",
    ),
    Contract(
        CustomerBlocked,
        "customers",
        ("booking",),
        "Bookings by this customer are refused",
        key="customer_id",
    ),
    Contract(
        CustomerUnblocked,
        "customers",
        ("booking",),
        "The customer may book again",
        key="customer_id",
    ),
    Contract(NotificationSent, "notifications", (), "A mail or SMS was accepted by its channel"),
    Contract(NotificationFailed, "notifications", (), "A mail or SMS was refused for good"),
)


@cache
def _by_type() -> Mapping[str, Contract]:
    return MappingProxyType({entry.name: entry for entry in CONTRACTS})


def contract(message_type: str) -> Contract:
    """The contract of a message type.

    Raises:
        UnknownContract: the registry has no such type.
    """
    try:
        return _by_type()[message_type]
    except KeyError:
        raise UnknownContract(message_type) from None


def consumed_by(service: str) -> tuple[str, ...]:
    """Message types that a service listens to, in registry order; empty for a silent service."""
    return tuple(entry.name for entry in CONTRACTS if service in entry.consumers)


def published_by(service: str) -> tuple[str, ...]:
    """Message types that a service publishes, in registry order."""
    return tuple(entry.name for entry in CONTRACTS if entry.producer == service)
