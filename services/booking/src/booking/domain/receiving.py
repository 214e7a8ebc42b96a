"""Money has arrived: what it means for the booking it was meant for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from booking.domain.lifecycle import Status, Verb, allows
from booking.domain.moving import ChangeState
from booking.domain.policy import LatePayment

if TYPE_CHECKING:
    from datetime import datetime

    from booking.domain.booking import Booking
    from booking.domain.money import Money
    from booking.domain.moving import Change


ReturnCause = Literal[
    "already_paid", "cancelled", "wrong_amount", "wrong_currency", "change_expired"
]


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

    cause: ReturnCause


Verdict = Accept | Retake | GiveUp | GiveBack

PLACE_TAKEN = "place_taken"
CODE_USED = "code_used"
_TOO_LATE = "too_late"


def judge(booking: Booking, amount: Money, now: datetime) -> Verdict:
    """What to do with ``amount``, which a provider has captured for this booking.

    State decides, not the clock: money that comes before anyone expired a lapsed hold confirms it.
    A payment other than the exact amount due is returned (F-27).
    """
    if (cause := _cannot_keep(booking, amount)) is not None:
        return GiveBack(cause)
    if allows(Verb.CONFIRM, booking.status):
        return Accept()
    if booking.policy.late_payment is LatePayment.REFUND or now >= booking.occasion.starts_at:
        return GiveUp(_TOO_LATE)
    return Retake()


def _cannot_keep(booking: Booking, amount: Money) -> ReturnCause | None:
    if booking.status is Status.CANCELLED:
        return "cancelled"
    if not any(allows(verb, booking.status) for verb in (Verb.CONFIRM, Verb.RETAKE)):
        return "already_paid"
    if amount.currency != booking.quote.due_now.currency:
        return "wrong_currency"
    return None if amount == booking.quote.due_now else "wrong_amount"


def judge_change(
    booking: Booking, change: Change, amount: Money, now: datetime
) -> ReturnCause | None:
    """Why money that came for a change must go back; None: the booking moves.

    State decides, not the clock: money that comes before anyone expired a lapsed change moves the
    booking, unless the new time has begun. Only the exact amount does (F-07, F-26, F-27).
    """
    if booking.status is Status.CANCELLED:
        return "cancelled"
    if change.state is ChangeState.DONE:
        return "already_paid"
    if (
        change.state is not ChangeState.PENDING
        or booking.status is not Status.CONFIRMED
        or now >= change.place.occasion.starts_at
    ):
        return "change_expired"
    if amount.currency != change.due.currency:
        return "wrong_currency"
    return None if amount == change.due else "wrong_amount"
