"""Amounts in whole minor units of one currency."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CURRENCY = re.compile(r"[A-Z]{3}\Z")

LARGEST_AMOUNT = 99_999_999
"""The largest amount that card providers accept, in minor units."""

_SMALLEST_CHARGE = {
    "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50, "GBP": 50,
    "JPY": 50, "NOK": 300, "NZD": 50, "PLN": 200, "SEK": 300, "USD": 50,
}  # fmt: skip


class DifferentCurrencies(ValueError):
    """Amounts of different currencies are never added or compared."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the minor unit of an ISO 4217 currency (pence, cents, öre); never negative."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.amount_minor < 0:
            raise ValueError("an amount is never negative")
        if not _CURRENCY.match(self.currency):
            raise ValueError("a currency is three capital letters")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        """Raises ValueError when ``other`` is more than there is."""
        return Money(self.amount_minor - self._same(other), self.currency)

    def percent(self, percent: int) -> Money:
        """``percent`` (0-100) of the amount; half a minor unit is rounded up, for the guest."""
        return Money((self.amount_minor * percent + 50) // 100, self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise DifferentCurrencies(f"{other.currency} is not {self.currency}")
        return other.amount_minor


def smallest_charge(currency: str) -> int:
    """The smallest amount that can be collected in a currency, in minor units (PAY-01, F-30)."""
    return _SMALLEST_CHARGE.get(currency, 100)
