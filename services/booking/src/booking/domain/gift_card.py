"""Gift cards: what they pay of a booking, and why they are refused (OPN-04)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from booking.domain.money import Money, smallest_charge
from booking.domain.refusals import Fault, InvalidRequest

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_GROUPS, _GROUP = 4, 4


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


def last_four(code: str) -> str:
    """What is shown of a card's code afterwards."""
    return card_key(code)[-4:]
