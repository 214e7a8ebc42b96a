"""Currencies Stripe takes, and the smallest and largest charge in each (minor units)."""

from functools import cache
from importlib import resources

from sandbox.stripe.refusal import Refusal, bad_parameter

SMALLEST = {
    "usd": 50,
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
}
LARGEST = 99_999_999


@cache
def currencies() -> frozenset[str]:
    """Every currency Stripe charges in."""
    return frozenset(
        resources.files("sandbox.stripe").joinpath("currencies.txt").read_text().split()
    )


def currency(code: str) -> str:
    """Lower case; raises Refusal(400) for one Stripe doesn't take."""
    lowered = code.lower()
    if lowered not in currencies():
        raise bad_parameter(
            f"Invalid currency: {code}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(currencies()))}",
            param="currency",
        )
    return lowered


def chargeable(amount: int, code: str) -> int:
    """The amount, if a card can be charged it; raises Refusal(400) otherwise."""
    least = SMALLEST.get(code, 1)
    if amount < least:
        raise Refusal(
            400,
            f"Amount must be at least {shown(least, code)}",
            code="amount_too_small",
            param="amount",
            stored=False,
        )
    if amount > LARGEST:
        raise Refusal(
            400,
            f"Amount must be no more than {shown(LARGEST, code)}",
            code="amount_too_large",
            param="amount",
            stored=False,
        )
    return amount


def shown(amount: int, code: str) -> str:
    """For messages to people."""
    whole = f"{amount:,}" if code in _NO_MINOR else f"{amount / 100:,.2f}"
    return f"{_SIGNS[code]}{whole}" if code in _SIGNS else f"{whole} {code.upper()}"


_SIGNS = {"gbp": "£", "usd": "$", "eur": "€"}
_NO_MINOR = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()  # noqa: SIM905
)
