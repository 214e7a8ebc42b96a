"""Test cards by number and by name, and what becomes of a charge on each.

Numbers that are no test card are declined as Stripe declines a real card in test mode.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal


@dataclass(frozen=True, slots=True)
class Decline:
    code: str
    decline_code: str | None
    message: str
    param: str | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Dispute:
    """What the cardholder tells their bank; an inquiry takes no money yet."""

    reason: str
    inquiry: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """`refused` cards never become a payment method; `asks` ones need authentication first.

    `asks_once`: not any more when they were set up for later. `attaches`: declined when charged,
    but not when saved. `refunds`: at once, some time later, or they fail some time after they
    succeeded. `disputed`: paying succeeds, and the cardholder disputes it as soon as the money is
    taken.
    """

    number: str
    brand: str
    names: tuple[str, ...] = ()
    funding: str = "credit"
    decline: Decline | None = None
    asks: bool = False
    asks_once: bool = False
    attaches: bool = False
    refused: Decline | None = None
    disputed: Dispute | None = None
    refunds: Literal["at once", "later", "fail"] = "at once"


_GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
_NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
NOT_A_TEST_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card. For a list "
    "of valid test cards, visit: https://stripe.com/docs/testing.",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
INCORRECT_NUMBER = Decline(
    "incorrect_number", None, "Your card number is incorrect.", param="number"
)

CARDS = (
    Card("4242424242424242", "visa", ("pm_card_visa",)),
    Card("4000056655665556", "visa", ("pm_card_visa_debit",), funding="debit"),
    Card("5555555555554444", "mastercard", ("pm_card_mastercard",)),
    Card("378282246310005", "amex", ("pm_card_amex",)),
    Card("5555558265554449", "mastercard"),
    Card(
        "4000000000000002",
        "visa",
        ("pm_card_visa_chargeDeclined", "pm_card_chargeDeclined"),
        decline=_GENERIC,
    ),
    Card(
        "4000000000009995",
        "visa",
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedInsufficientFunds"),
        decline=_NO_FUNDS,
    ),
    Card(
        "4000000000009987",
        "visa",
        ("pm_card_visa_chargeDeclinedLostCard",),
        decline=Decline("card_declined", "lost_card", "Your card was declined."),
    ),
    Card(
        "4000000000009979",
        "visa",
        ("pm_card_visa_chargeDeclinedStolenCard",),
        decline=Decline("card_declined", "stolen_card", "Your card was declined."),
    ),
    Card(
        "4000000000006975",
        "visa",
        ("pm_card_visa_chargeDeclinedVelocityLimitExceeded",),
        decline=Decline(
            "card_declined",
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its "
            "amount limit.",
        ),
    ),
    Card(
        "4000000000000069",
        "visa",
        ("pm_card_chargeDeclinedExpiredCard",),
        decline=Decline("expired_card", None, "Your card has expired.", param="exp_month"),
    ),
    Card(
        "4000000000000127",
        "visa",
        ("pm_card_chargeDeclinedIncorrectCvc",),
        decline=Decline(
            "incorrect_cvc", None, "Your card's security code is incorrect.", param="cvc"
        ),
    ),
    Card(
        "4000000000000119",
        "visa",
        ("pm_card_chargeDeclinedProcessingError",),
        decline=Decline(
            "processing_error",
            None,
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    Card("4242424242424241", "visa", refused=INCORRECT_NUMBER),
    Card(
        "4000000000000341",
        "visa",
        ("pm_card_chargeCustomerFail",),
        decline=_GENERIC,
        attaches=True,
    ),
    Card(
        "4100000000000019",
        "visa",
        ("pm_card_radarBlock",),
        decline=Decline("card_declined", "fraudulent", "Your card was declined.", blocked=True),
    ),
    Card(
        "4000002500003155",
        "visa",
        ("pm_card_authenticationRequiredOnSetup",),
        asks=True,
        asks_once=True,
    ),
    Card("4000002760003184", "visa", ("pm_card_authenticationRequired",), asks=True),
    Card(
        "4000000000003220",
        "visa",
        ("pm_card_threeDSecure2Required", "pm_card_threeDSecureRequired"),
        asks=True,
    ),
    Card(
        "4000008400001629",
        "visa",
        ("pm_card_threeDSecureRequiredChargeDeclined",),
        decline=_GENERIC,
        asks=True,
    ),
    Card(
        "4000008260003178",
        "visa",
        ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",),
        decline=_NO_FUNDS,
        asks=True,
    ),
    Card("4000000000003055", "visa", ("pm_card_threeDSecureOptional",)),
    Card(
        "4000000000000259",
        "visa",
        ("pm_card_createDispute",),
        disputed=Dispute("fraudulent"),
    ),
    Card(
        "4000000000002685",
        "visa",
        ("pm_card_createDisputeProductNotReceived",),
        disputed=Dispute("product_not_received"),
    ),
    Card(
        "4000000000001976",
        "visa",
        ("pm_card_createDisputeInquiry",),
        disputed=Dispute("fraudulent", inquiry=True),
    ),
    Card("4000000000007726", "visa", ("pm_card_pendingRefund",), refunds="later"),
    Card("4000000000005126", "visa", ("pm_card_refundFail",), refunds="fail"),
)


def table() -> str:
    """Every test card and what it does, in Markdown; the documentation holds exactly this."""
    lines = ["| Number | By name | What happens |", "|---|---|---|"]
    for card in CARDS:
        names = ", ".join(f"`{name}`" for name in card.names)
        lines.append(f"| {card.number} | {names} | {told(card)} |")
    return "\n".join(lines) + "\n"


def told(card: Card) -> str:
    """What happens, in Markdown."""
    if card.refused is not None:
        return f"never becomes a payment method: {_reason(card.refused)}"
    steps = []
    if card.asks:
        steps.append(
            "asks for authentication"
            + (", off session no more once it is saved" if card.asks_once else "")
        )
    if card.decline is not None:
        blocked = ", blocked before it reaches the bank" if card.decline.blocked else ""
        saved = ", though it can be saved" if card.attaches else ""
        steps.append(f"declined: {_reason(card.decline)}{blocked}{saved}")
    else:
        steps.append("succeeds")
    if card.refunds == "later":
        steps.append("its refunds are pending for a minute")
    elif card.refunds == "fail":
        steps.append("its refunds succeed, and fail a minute later")
    if card.disputed is not None:
        kind = "inquiry" if card.disputed.inquiry else "chargeback"
        steps.append(f"disputed as soon as it is paid: {kind}, `{card.disputed.reason}`")
    return "; then ".join(steps)


def _reason(decline: Decline) -> str:
    return f"`{decline.code}`" + (f" / `{decline.decline_code}`" if decline.decline_code else "")


@cache
def _by_number() -> dict[str, Card]:
    return {card.number: card for card in CARDS}


@cache
def _by_name() -> dict[str, Card]:
    return {name: card for card in CARDS for name in card.names}


def by_name(name: str) -> Card | None:
    """A `pm_card_…` name."""
    return _by_name().get(name)


def by_number(number: str) -> Card:
    """Any number: one that isn't in the table is refused or declined, never charged."""
    known = _by_number().get(number)
    if known is not None:
        return known
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19 and _luhn(number)):
        return Card(number, "unknown", refused=INCORRECT_NUMBER)
    return Card(number, "unknown", refused=NOT_A_TEST_CARD)


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
