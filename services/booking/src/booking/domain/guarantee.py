"""The no-show guarantee: a card saved when booking, and the fee it is charged, once (OPN-06)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from booking.domain.lifecycle import Status
from booking.domain.money import Money, smallest_charge
from booking.domain.pricing import CARD
from booking.domain.refusals import Fault, IllegalState, InvalidRequest

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.domain.policy import Policy
    from booking.domain.pricing import Pricing

KEPT_AFTER_END = timedelta(days=14)
"""How long a card stays saved for a visit of which nobody has recorded how it went."""


class FeeState(StrEnum):
    """Where a fee stands."""

    DUE = "due"  # being charged
    DECLINED = "declined"  # staff may try again
    ACTION_REQUIRED = "action_required"  # the guest's bank wants to hear from the guest
    CHARGED = "charged"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Fee:
    """The fee of a guest who did not come; ``pay_until``: when it is given up."""

    amount: Money
    state: FeeState
    pay_until: datetime
    failure_code: str | None = None


class Next(StrEnum):
    """What becomes of a guarantee now."""

    CHARGE = "charge"
    RELEASE = "release"


def check_guarantee(policy: Policy, pricing: Pricing, currency: str) -> None:
    """Whether such a fee can be collected from a card.

    Raises:
        InvalidRequest: it is too small, or the offering takes no cards.
    """
    if policy.no_show is None:
        return
    smallest = smallest_charge(currency)
    if policy.no_show.fee_minor < smallest:
        raise InvalidRequest(
            Fault("policy.no_show.fee_minor", f"at least {smallest} (minor units of {currency})")
        )
    if pricing.payment_methods and CARD not in pricing.payment_methods:
        raise InvalidRequest(Fault("policy.no_show", "needs card among the payment methods"))


def looks_at(booking: Booking) -> datetime:
    """When the guarantee of a booking is to be looked at, as its state is now.

    A no-show or a completion stands once staff can no longer take it back.
    """
    if booking.status in {Status.NO_SHOW, Status.COMPLETED}:
        return booking.policy.undo_ends(booking.status_at)
    return booking.occasion.ends_at + KEPT_AFTER_END


def next_of(booking: Booking, now: datetime) -> Next | datetime:
    """What is to be done about the guarantee, or when to look again."""
    if (later := looks_at(booking)) > now:
        return later
    return Next.CHARGE if booking.status is Status.NO_SHOW else Next.RELEASE


def fee_of(booking: Booking, now: datetime) -> Fee | None:
    """The fee that is due from now on, by the policy that was frozen; None: there is none."""
    terms = booking.policy.no_show
    if terms is None:
        return None
    return Fee(
        amount=Money(terms.amount(booking.party_size), booking.quote.total.currency),
        state=FeeState.DUE,
        pay_until=now + timedelta(hours=terms.pay_hours),
    )


def check_may_retry(fee: Fee | None, now: datetime) -> Fee:
    """The fee, if charging the card once more can help.

    Raises:
        IllegalState: there is none, it is charged or being charged, or it was given up.
    """
    if fee is None or fee.state not in {FeeState.DECLINED, FeeState.ACTION_REQUIRED}:
        raise IllegalState("This booking has no fee whose charge has failed.")
    if now >= fee.pay_until:
        raise IllegalState("The time to pay this fee is over.")
    return fee
