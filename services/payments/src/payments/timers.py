"""Timers that this service sets for itself; they never touch the broker."""

from typing import ClassVar
from uuid import UUID

from contracts import Message


class LastLookDue(Message):
    """A hold ends soon, and its payment may have been agreed to without anybody telling us."""

    TYPE: ClassVar[str] = "payment.last_look_due"

    payment_id: UUID


class FeeLapsed(Message):
    """The time to pay a no-show fee is over; the payment's state decides what that means."""

    TYPE: ClassVar[str] = "payment.fee_lapsed"

    payment_id: UUID


def last_look_key_of(payment_id: UUID) -> str:
    """The key under which a payment has at most one timer."""
    return f"last-look:{payment_id}"


def fee_key_of(payment_id: UUID) -> str:
    """The key under which a fee has at most one timer."""
    return f"fee:{payment_id}"
