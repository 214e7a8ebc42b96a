"""The life of a booking: every state it can be in, and the only ways from one to another.

The same table is enforced by the database (``bookings_transition``), so a statement that skips
these rules fails instead of writing nonsense.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a booking stands."""

    PENDING_PAYMENT = "pending_payment"
    REQUIRES_AUTHENTICATION = "requires_authentication"
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked_in"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PAYMENT_FAILED = "payment_failed"
    NO_SHOW = "no_show"
    UNFULFILLABLE = "unfulfillable"


class PaymentStatus(StrEnum):
    """What is known of the money, independent of the booking's own state."""

    NOT_REQUIRED = "not_required"
    UNPAID = "unpaid"
    PROCESSING = "processing"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"


class Verb(StrEnum):
    """What can happen to a booking."""

    REQUIRE_AUTHENTICATION = "require_authentication"
    RESUME_PAYMENT = "resume_payment"
    CONFIRM = "confirm"
    RETAKE = "retake"
    GIVE_UP = "give_up"
    FAIL_PAYMENT = "fail_payment"
    EXPIRE = "expire"
    CANCEL = "cancel"
    CHECK_IN = "check_in"
    COMPLETE = "complete"
    MARK_NO_SHOW = "mark_no_show"
    UNDO = "undo"
    REBOOK = "rebook"


FIRST = frozenset({Status.PENDING_PAYMENT, Status.CONFIRMED})
"""A booking begins by waiting for its payment, or confirmed when nothing is due."""

TRANSITIONS: dict[tuple[Verb, Status], Status] = {
    (Verb.REQUIRE_AUTHENTICATION, Status.PENDING_PAYMENT): Status.REQUIRES_AUTHENTICATION,
    # The guest did what the bank asked, or may try once more: the hold simply goes on.
    (Verb.RESUME_PAYMENT, Status.PENDING_PAYMENT): Status.PENDING_PAYMENT,
    (Verb.RESUME_PAYMENT, Status.REQUIRES_AUTHENTICATION): Status.PENDING_PAYMENT,
    (Verb.CONFIRM, Status.PENDING_PAYMENT): Status.CONFIRMED,
    (Verb.CONFIRM, Status.REQUIRES_AUTHENTICATION): Status.CONFIRMED,
    (Verb.FAIL_PAYMENT, Status.PENDING_PAYMENT): Status.PAYMENT_FAILED,
    (Verb.FAIL_PAYMENT, Status.REQUIRES_AUTHENTICATION): Status.PAYMENT_FAILED,
    (Verb.EXPIRE, Status.PENDING_PAYMENT): Status.EXPIRED,
    (Verb.EXPIRE, Status.REQUIRES_AUTHENTICATION): Status.EXPIRED,
    # Late money: the place was already free for others when it came.
    (Verb.RETAKE, Status.EXPIRED): Status.CONFIRMED,
    (Verb.RETAKE, Status.PAYMENT_FAILED): Status.CONFIRMED,
    (Verb.GIVE_UP, Status.EXPIRED): Status.UNFULFILLABLE,
    (Verb.GIVE_UP, Status.PAYMENT_FAILED): Status.UNFULFILLABLE,
    # Staff give the place after all, when it became free and the refund had failed.
    (Verb.REBOOK, Status.UNFULFILLABLE): Status.CONFIRMED,
    (Verb.CANCEL, Status.PENDING_PAYMENT): Status.CANCELLED,
    (Verb.CANCEL, Status.CONFIRMED): Status.CANCELLED,
    (Verb.CANCEL, Status.CHECKED_IN): Status.CANCELLED,
    (Verb.CHECK_IN, Status.CONFIRMED): Status.CHECKED_IN,
    (Verb.COMPLETE, Status.CHECKED_IN): Status.COMPLETED,
    (Verb.MARK_NO_SHOW, Status.CONFIRMED): Status.NO_SHOW,
    # Staff slips, each back to where it came from.
    (Verb.UNDO, Status.CHECKED_IN): Status.CONFIRMED,
    (Verb.UNDO, Status.COMPLETED): Status.CHECKED_IN,
    (Verb.UNDO, Status.NO_SHOW): Status.CONFIRMED,
}

WAITING = frozenset({Status.PENDING_PAYMENT, Status.REQUIRES_AUTHENTICATION})
"""Unpaid, with the place held until an exact instant (F-09: each of them has a deadline)."""

OCCUPYING = WAITING | {Status.CONFIRMED, Status.CHECKED_IN, Status.COMPLETED, Status.NO_SHOW}
"""States whose booking has its place in the ledger; all others have none."""


class IllegalTransition(Exception):
    """A verb was applied to a booking in a state that has no such way out."""

    def __init__(self, verb: Verb, status: Status) -> None:
        super().__init__(f"cannot {verb} a booking that is {status}")
        self.verb = verb
        self.status = status


def allows(verb: Verb, status: Status) -> bool:
    """Whether a booking in this state may undergo ``verb``."""
    return (verb, status) in TRANSITIONS


def after(verb: Verb, status: Status) -> Status:
    """The state that follows.

    Raises:
        IllegalTransition: there is no such way.
    """
    try:
        return TRANSITIONS[verb, status]
    except KeyError:
        raise IllegalTransition(verb, status) from None
