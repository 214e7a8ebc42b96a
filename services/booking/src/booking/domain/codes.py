"""Promo codes and gift cards: what they are worth to one booking, and why they are refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from booking.domain.catalogue import ListingStatus
from booking.domain.money import Money, smallest_charge
from booking.domain.quote import PROMO, Line
from booking.domain.refusals import Fault, InvalidRequest

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_GROUPS, _GROUP = 4, 4


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


class GiftCardRefused(InvalidRequest):
    """This gift card cannot be used."""

    code = "GIFT_CARD_REFUSED"

    def __init__(self) -> None:
        super().__init__(Fault("gift_card", (type(self).__doc__ or "").partition("\n")[0]))


class GiftCardUnknown(GiftCardRefused):
    """There is no such gift card, or it is blocked."""

    code = "GIFT_CARD_UNKNOWN"


class GiftCardExpired(GiftCardRefused):
    """This gift card has expired."""

    code = "GIFT_CARD_EXPIRED"


class GiftCardEmpty(GiftCardRefused):
    """Nothing is left on this gift card."""

    code = "GIFT_CARD_EMPTY"


class GiftCardForeign(GiftCardRefused):
    """This gift card is in another currency."""

    code = "GIFT_CARD_CURRENCY"


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


class CardStatus(StrEnum):
    """A blocked card keeps its balance and pays for nothing."""

    ACTIVE = "active"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftCard:
    """A gift card: its balance is the sum of its entries. Its code is known by a hash alone."""

    id: UUID
    org_id: UUID
    last4: str
    balance: Money
    issued: Money
    expires_at: datetime | None
    status: CardStatus
    note: str | None
    version: int

    def share(self, paid: Money) -> GiftCard:
        """What a booking has of the card, as a card of its own: it can pay so much and no more."""
        return replace(self, balance=paid, expires_at=None, status=CardStatus.ACTIVE)

    def check(self, now: datetime, currency: str) -> None:
        """Refuse it where it pays for nothing.

        Raises:
            GiftCardUnknown, GiftCardExpired, GiftCardForeign, GiftCardEmpty: see there.
        """
        if self.status is not CardStatus.ACTIVE:
            raise GiftCardUnknown
        if self.expires_at is not None and now >= self.expires_at:
            raise GiftCardExpired
        if self.balance.currency != currency:
            raise GiftCardForeign
        if self.balance.amount_minor == 0:
            raise GiftCardEmpty


@dataclass(frozen=True, slots=True)
class Codes:
    """What a guest brings to lower the price, or to pay it."""

    promo: Promo | None = None
    card: GiftCard | None = None

    def check(self, offering_id: UUID, now: datetime, currency: str) -> None:
        """Raises PromoRefused or GiftCardRefused where one of them is not valid."""
        if self.promo is not None:
            self.promo.check(offering_id, now, currency)
        if self.card is not None:
            self.card.check(now, currency)


NO_CODES = Codes()


def share(balance: int, total: int, due: int, currency: str) -> tuple[int, int]:
    """What a card's balance pays of ``total``, and what then remains of ``due``, in minor units.

    It pays what is due first. What remains due can be collected, or is nothing: if need be, a
    little stays on the card (F-30).
    """
    paid = min(balance, total)
    left = due - min(paid, due)
    if 0 < left < smallest_charge(currency):
        left = smallest_charge(currency)
        paid = due - left
    return paid, left


def card_code(secret: bytes) -> str:
    """The code that a card's secret (32 bytes) spells: 79 bits, in letters of one meaning."""
    number = int.from_bytes(secret)
    letters = []
    for _ in range(_GROUPS * _GROUP):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    text = "".join(letters)
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def card_key(code: str) -> str:
    """A gift card's code as it is hashed: without spaces, dashes and lower case."""
    return "".join(char for char in code.upper() if char.isalnum())


def promo_key(code: str) -> str:
    """A promo code as it is compared: case does not matter."""
    return code.strip().upper()


def last_four(code: str) -> str:
    """What is shown of a card's code afterwards."""
    return card_key(code)[-4:]
