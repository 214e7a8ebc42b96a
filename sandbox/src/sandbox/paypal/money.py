"""Amounts as PayPal writes them: a currency code and decimal text."""

import re

from sandbox.paypal.refusal import Json, Refusal, unprocessable

_WHOLE = frozenset({"HUF", "JPY", "TWD"})
_CURRENCIES = re.compile(
    "AUD|BRL|CAD|CNY|CZK|DKK|EUR|HKD|HUF|ILS|JPY|MYR|MXN|TWD|NZD|NOK|PHP|PLN|GBP|SGD|SEK|CHF|THB|"
    "USD"
)
_VALUE = re.compile(r"\d{1,15}(?:\.(\d{1,2}))?\Z")


def minor(amount: Json) -> int:
    """The amount in hundredths (whole units for the currencies without), above zero.

    Raises:
        Refusal: no such currency, no amount, or decimals that the currency does not have.
    """
    currency, value = amount["currency_code"], amount["value"]
    found = _VALUE.match(value)
    if found is None:
        raise Refusal("INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX", field="/amount/value")
    if not _CURRENCIES.fullmatch(currency):
        raise unprocessable("CURRENCY_NOT_SUPPORTED")
    whole, _, rest = value.partition(".")
    if currency in _WHOLE:
        if rest:
            raise unprocessable("DECIMALS_NOT_SUPPORTED")
        total = int(whole)
    else:
        total = int(whole) * 100 + int((rest + "00")[:2])
    if total == 0:
        raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE")
    return total


def amount_of(total: int, currency: str) -> Json:
    """The object for an amount in hundredths, or whole units."""
    value = str(total) if currency in _WHOLE else f"{total // 100}.{total % 100:02d}"
    return {"currency_code": currency, "value": value}
