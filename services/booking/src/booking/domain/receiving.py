"""Money has arrived: what it means for the booking it was meant for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from booking.domain.lifecycle import Status, Verb, allows
from booking.domain.policy import LatePayment

if TYPE_CHECKING:
    from datetime import datetime

    from booking.domain.booking import Booking
    from booking.domain.money import Money


@dataclass(frozen=True, slots=True)
class Accept:
    """The place is still held: it is the guest's now, even if the hold has just ended."""


@dataclass(frozen=True, slots=True)
class Retake:
    """The place was given up; take it again if nobody else has."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The place cannot be given: refund all and apologise."""

    cause: str


@dataclass(frozen=True, slots=True)
class GiveBack:
    """The booking cannot keep this money and does not change because of it."""

    cause: str


Verdict = Accept | Retake | GiveUp | GiveBack

PLACE_TAKEN = "place_taken"
_TOO_LATE = "too_late"


def judge(booking: Booking, amount: Money, now: datetime) -> Verdict:
    """What to do with ``amount``, which a provider has captured for this booking.

    State decides, not the clock: money that comes before anyone expired a lapsed hold confirms it.
    A payment other than the exact amount due is returned (F-27).
    """
    if booking.status is Status.CANCELLED:
        return GiveBack("cancelled")
    confirms = allows(Verb.CONFIRM, booking.status)
    late = allows(Verb.RETAKE, booking.status)
    if not (confirms or late):
        return GiveBack("already_paid")
    if amount.currency != booking.quote.due_now.currency:
        return GiveBack("wrong_currency")
    if amount != booking.quote.due_now:
        return GiveBack("wrong_amount")
    if confirms:
        return Accept()
    if booking.policy.late_payment is LatePayment.REFUND or now >= booking.occasion.starts_at:
        return GiveUp(_TOO_LATE)
    return Retake()
