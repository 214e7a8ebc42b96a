"""Promo codes: what they take off, and why they are refused (OPN-04)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import ListingStatus
from booking.domain.quote import PROMO, Line
from booking.domain.refusals import Fault, InvalidRequest

if TYPE_CHECKING:
    from booking.domain.money import Money


class PromoRefused(InvalidRequest):
    """This promo code cannot be used."""

    code = "PROMO_CODE_REFUSED"

    def __init__(self) -> None:
        super().__init__(Fault("promo_code", (type(self).__doc__ or "").partition("\n")[0]))


class PromoUnknown(PromoRefused):
    """There is no such code."""

    code = "PROMO_CODE_UNKNOWN"


class PromoNotNow(PromoRefused):
    """This code is not valid at this time."""

    code = "PROMO_CODE_NOT_NOW"


class PromoUsedUp(PromoRefused):
    """This code has been used as often as it can be."""

    code = "PROMO_CODE_USED_UP"


class PromoUsedByGuest(PromoRefused):
    """This guest has used this code as often as one guest may."""

    code = "PROMO_CODE_USED_BY_YOU"


class PromoNotHere(PromoRefused):
    """This code is not for this booking."""

    code = "PROMO_CODE_NOT_HERE"


class PromoTooSmall(PromoRefused):
    """The booking costs less than this code asks for."""

    code = "PROMO_CODE_MINIMUM"


@dataclass(frozen=True, slots=True)
class PercentOff:
    """A part of the price; half a minor unit is rounded up, for the guest."""

    percent: int

    def off(self, subtotal: Money) -> int:
        """Minor units to take off ``subtotal``."""
        return subtotal.percent(self.percent).amount_minor


@dataclass(frozen=True, slots=True)
class AmountOff:
    """A fixed amount, and never more than the price."""

    amount_minor: int

    def off(self, subtotal: Money) -> int:
        """Minor units to take off ``subtotal``."""
        return min(self.amount_minor, subtotal.amount_minor)


Discount = PercentOff | AmountOff


@dataclass(frozen=True, slots=True, kw_only=True)
class Promo:
    """A promo code (OPN-04). ``used`` is how many bookings have it now.

    ``currency`` is that of a fixed amount and of ``minimum_minor``; None where there is neither.
    ``valid_until`` is the first instant at which it is no longer valid. No ``offering_ids``: it is
    for everything.
    """

    id: UUID
    org_id: UUID
    code: str
    discount: Discount
    currency: str | None
    minimum_minor: int
    valid_from: datetime | None
    valid_until: datetime | None
    max_uses: int | None
    max_per_customer: int | None
    offering_ids: tuple[UUID, ...]
    used: int
    status: ListingStatus
    version: int

    def is_used_up(self) -> bool:
        """Whether it has been used as often as it can be."""
        return self.max_uses is not None and self.used >= self.max_uses

    def check(self, offering_id: UUID, now: datetime, currency: str) -> None:
        """Refuse it where, or when, it is not valid.

        Raises:
            PromoUnknown, PromoNotNow, PromoNotHere: see there.
        """
        if self.status is not ListingStatus.ACTIVE:
            raise PromoUnknown
        early = self.valid_from is not None and now < self.valid_from
        late = self.valid_until is not None and now >= self.valid_until
        if early or late:
            raise PromoNotNow
        if self.offering_ids and offering_id not in self.offering_ids:
            raise PromoNotHere
        if self.currency not in (None, currency):
            raise PromoNotHere

    def granted(self) -> Promo:
        """The code as a booking has it: when and how often it may be used is behind it."""
        return replace(
            self,
            valid_from=None,
            valid_until=None,
            max_uses=None,
            offering_ids=(),
            status=ListingStatus.ACTIVE,
        )

    def line(self, subtotal: Money) -> Line:
        """What it takes off.

        Raises:
            PromoTooSmall: the booking costs less than the code's minimum, or nothing.
        """
        off = self.discount.off(subtotal)
        if subtotal.amount_minor < self.minimum_minor or off == 0:
            raise PromoTooSmall
        return Line(f"{PROMO}{self.code}", self.code, 1, -off)


def promo_key(code: str) -> str:
    """A promo code as it is compared: case does not matter."""
    return code.strip().upper()
