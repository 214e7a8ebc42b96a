"""Amounts of money."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor unit (pence, öre) and its ISO 4217 code, upper case."""

    amount_minor: int
    currency: str


LARGEST_AMOUNT = 99_999_999
"""In minor units: what Stripe takes at once, and so the most that can come or go back."""

# What Stripe refuses to charge less than, in minor units. Other currencies have no floor here:
# the provider's own refusal is then reported as it is.
SMALLEST_CHARGE = {
    "AED": 200,
    "AUD": 50,
    "CAD": 50,
    "CHF": 50,
    "CZK": 1500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HUF": 17500,
    "JPY": 50,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "SEK": 300,
    "SGD": 50,
    "USD": 50,
}


def is_chargeable(amount: Money) -> bool:
    """Whether a provider would take so small an amount at all (PAY-01, F-30)."""
    return amount.amount_minor >= SMALLEST_CHARGE.get(amount.currency, 1)
