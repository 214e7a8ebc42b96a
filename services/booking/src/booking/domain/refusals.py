"""Why a request is refused. Each class is one stable ``code``; the API gives it a status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Text:
    """What to tell people: the key of a text, what goes into it, and the venue's locale.

    Who asks for another language gets that one.
    """

    key: str
    locale: str
    facts: Mapping[str, object] = field(default_factory=dict)


class Refusal(Exception):
    """The docstring's first line is the text, unless a better one is given.

    ``text``: what people are told in their own language, where there is such a text.
    """

    code: ClassVar[str] = "REFUSED"

    def __init__(self, message: str | None = None, *, text: Text | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])
        self.text = text


@dataclass(frozen=True, slots=True)
class Fault:
    """A field (dotted path, as in the request) and what is wrong with it."""

    field: str
    message: str


class InvalidRequest(Refusal):
    """The request says something that cannot be."""

    code = "VALIDATION_ERROR"

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in faults))
        self.faults = faults


class RuleRefusal(InvalidRequest):
    """The rules of the schedule do not allow this time; each says which by its code."""

    code = "NOT_IN_SCHEDULE"


class Closed(RuleRefusal):
    """Closed all that day: no hours, a special or a blocked date (HRS-03)."""

    code = "CLOSED"


class KitchenClosed(RuleRefusal):
    """Outside the hours of that day (HRS-04)."""

    code = "KITCHEN_CLOSED"


class LastSeating(RuleRefusal):
    """Too close to the closing time for a party of this size (HRS-06)."""

    code = "LAST_SEATING"


class NotAStartTime(RuleRefusal):
    """Bookings start at a fixed interval, and this is between two starts."""

    code = "NOT_A_START_TIME"


class TooFarAhead(RuleRefusal):
    """Further ahead than may be booked (SCH-02)."""

    code = "TOO_FAR_AHEAD"


class InThePast(RuleRefusal):
    """This time has passed."""

    code = "IN_THE_PAST"


class Unknown(Refusal):
    """It does not exist, or it is not the caller's."""

    code = "NOT_FOUND"


class NotPermitted(Refusal):
    """The caller may not do this."""

    code = "FORBIDDEN"


class PaymentsOff(Refusal):
    """Payments are switched off; only free bookings are taken now."""

    code = "FEATURE_OFF"


class Clash(Refusal):
    """The request is right, but the present state refuses it."""

    code = "CONFLICT"


class Busy(Clash):
    """Too many guests want this place at this moment; try again."""

    code = "BUSY"


class Undecided(Busy):
    """Somebody else is deciding about this place at this very moment: ask again in a new one."""


class CapacityExceeded(Clash):
    """Not enough places are left."""

    code = "CAPACITY_EXCEEDED"


class Full(CapacityExceeded):
    """A rule has no room for this party at this time. ``rule``: which one."""

    rule: ClassVar[str] = "FULL"


class CoversReached(Full):
    """This service has no places left for a party of this size."""

    rule = "COVERS"


class PacingReached(Full):
    """Too many guests arrive at this time; a little earlier or later may be possible."""

    rule = "PACING"


class NoTableFree(Full):
    """No table for a party of this size is free for all of that time."""

    rule = "TABLES"


class ResourceTaken(Clash):
    """Somebody else has this table, or one of these tables, at that time."""

    code = "RESOURCE_TAKEN"


class NoPaymentMethod(Clash):
    """It starts too soon for the payment to clear; please contact the venue."""

    code = "NO_PAYMENT_METHOD"


class SessionClosed(Clash):
    """This session takes no more bookings."""

    code = "SESSION_CLOSED"


class SessionStarted(Clash):
    """This session has started, and nothing is sold after the start."""

    code = "SESSION_STARTED"


class NotOnSale(Clash):
    """The organisation, venue or offering takes no new bookings."""

    code = "NOT_ON_SALE"


class AlreadyBooked(Clash):
    """This offering has one place for each guest, and this guest has one already."""

    code = "ALREADY_BOOKED"


class TooManyUnpaid(Clash):
    """This guest has too many unpaid holds here; pay or cancel one of them first."""

    code = "TOO_MANY_UNPAID"


class TooManyByHand(Clash):
    """Too many places here wait for a payment by hand already; please pay another way."""

    code = "TOO_MANY_BY_HAND"


class GuestRefused(Refusal):
    """No booking can be made online for this guest; please contact the venue."""

    code = "GUEST_REFUSED"


class CannotRecover(Clash):
    """This booking has its place, or its money went back: there is nothing to recover."""

    code = "CANNOT_RECOVER"


class RefundUnderWay(Clash):
    """The refund of this booking is under way; only one that failed leaves its money here."""

    code = "REFUND_UNDER_WAY"


class NothingToRepair(Clash):
    """This fault is not there, or no longer."""

    code = "NOTHING_TO_REPAIR"


class CannotRepair(Clash):
    """This cannot be mended without taking something from others; people must decide."""

    code = "CANNOT_REPAIR"


class IllegalState(Clash):
    """The booking's present state does not allow this."""

    code = "ILLEGAL_STATE"


class CheckInClosed(Clash):
    """It is too early or too late to check in; staff may with a reason."""

    code = "CHECK_IN_CLOSED"


class WaiverRequired(Clash):
    """The waiver must be signed before check-in."""

    code = "WAIVER_REQUIRED"


class NotStarted(Clash):
    """Nobody is missing before the start."""

    code = "NOT_STARTED"


class UndoTooLate(Clash):
    """This can no longer be taken back."""

    code = "UNDO_TOO_LATE"


class NoRefundPending(Clash):
    """No refund of this booking waits for a decision."""

    code = "NO_REFUND_PENDING"


class CannotCancel(Clash):
    """This booking can no longer be cancelled."""

    code = "CANNOT_CANCEL"


class CannotReschedule(Clash):
    """This booking can no longer be moved to another time."""

    code = "CANNOT_RESCHEDULE"


class ChangePending(Clash):
    """A change of this booking waits for its payment; pay it or let it lapse first."""

    code = "CHANGE_PENDING"


class CodeGone(Clash):
    """The promo code or gift card of this booking has been used elsewhere since."""

    code = "CODE_GONE"


class CannotChange(Clash):
    """This booking can no longer be changed."""

    code = "CANNOT_CHANGE"


class PaymentDiffers(Clash):
    """This change would change what is paid before the visit; please contact the venue."""

    code = "PAYMENT_DIFFERS"


class AlreadyWaiting(Clash):
    """This guest is in line for this session already."""

    code = "ALREADY_WAITING"


class WaitlistFull(Clash):
    """Too many groups are in line for this session already."""

    code = "WAITLIST_FULL"


class NoLongerWaiting(Clash):
    """This group is not in line any more."""

    code = "NO_LONGER_WAITING"


class CannotAccept(Clash):
    """There is nothing to accept here."""

    code = "CANNOT_ACCEPT"


class OfferEnded(Clash):
    """The offer has ended."""

    code = "OFFER_ENDED"


class AlreadyExists(Clash):
    """Something with this name or number exists already."""

    code = "ALREADY_EXISTS"


class StaleVersion(Clash):
    """It was changed since you read it."""

    code = "STALE_VERSION"


class HasSessions(Clash):
    """There are sessions to come that this change would move."""

    code = "HAS_SESSIONS"


class HasBookings(Clash):
    """There are live bookings that this change would break."""

    code = "HAS_BOOKINGS"


class IdempotencyInProgress(Clash):
    """A request with this idempotency key is still being worked on; try again shortly."""

    code = "IDEMPOTENCY_IN_PROGRESS"


class IdempotencyKeyReused(Refusal):
    """This idempotency key was used for another request."""

    code = "IDEMPOTENCY_KEY_REUSED"


class IdempotencyKeyMissing(Refusal):
    """The header Idempotency-Key is required: 16 to 255 visible characters."""

    code = "IDEMPOTENCY_KEY_REQUIRED"
