"""What a booking costs, from our own catalogue; an amount sent by a client is never looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from booking.domain.money import Money, smallest_charge

CARD = "card"


@dataclass(frozen=True, slots=True)
class Quote:
    """The frozen price of a booking: all of it, and what is due while the place is held."""

    total: Money
    due_now: Money


@dataclass(frozen=True, slots=True)
class PerBooking:
    """One price for a booking, due in full (PRC-03). Zero means that nothing is due (CAT-14)."""

    amount_minor: int
    payment_methods: tuple[str, ...] = (CARD,)

    def quote(self, party_size: int, currency: str) -> Quote:
        """The price for a party, in the venue's currency."""
        del party_size
        price = Money(self.amount_minor, currency)
        return Quote(total=price, due_now=price)


@dataclass(frozen=True, slots=True)
class Deposit:
    """A fixed deposit for a booking, whatever the party (PRC-02)."""

    amount_minor: int
    payment_methods: tuple[str, ...] = (CARD,)

    def quote(self, party_size: int, currency: str) -> Quote:
        """The deposit, in the venue's currency."""
        del party_size
        deposit = Money(self.amount_minor, currency)
        return Quote(total=deposit, due_now=deposit)


@dataclass(frozen=True, slots=True)
class Free:
    """Nothing is due, ever."""

    amount_minor: ClassVar[int] = 0
    payment_methods: ClassVar[tuple[str, ...]] = ()

    def quote(self, party_size: int, currency: str) -> Quote:
        """Zero, in the venue's currency."""
        del party_size
        return Quote(total=Money(0, currency), due_now=Money(0, currency))


Pricing = PerBooking | Deposit | Free


def check_chargeable(pricing: Pricing, currency: str) -> None:
    """Raise ValueError for an amount too small to be collected, other than nothing (F-30)."""
    smallest = smallest_charge(currency)
    if 0 < pricing.amount_minor < smallest:
        raise ValueError(f"must be 0 or at least {smallest} (minor units of {currency})")
