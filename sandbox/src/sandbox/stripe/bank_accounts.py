"""Test accounts for Bacs Direct Debit by number, and what their bank answers when it is asked."""

from dataclasses import dataclass
from typing import Final

SORT_CODE: Final = "108800"
SOON: Final = 1
LATER: Final = 180


@dataclass(frozen=True, slots=True)
class Account:
    """`refusal` is the bank's code, None when it pays; `answers_after` is in seconds."""

    number: str
    refusal: str | None = None
    answers_after: int = SOON
    exists: bool = True


ACCOUNTS = (
    Account("00012345"),
    Account("33333335", refusal="debit_not_authorized"),
    Account("22222227", refusal="insufficient_funds"),
    Account("90012345", answers_after=LATER),
    Account("93333335", refusal="debit_not_authorized", answers_after=LATER),
    Account("92222227", refusal="insufficient_funds", answers_after=LATER),
    Account("55555559"),
    Account("00033333", refusal="payment_intent_mandate_invalid"),
    Account("00044444", exists=False),
)

MESSAGES: Final = {
    "debit_not_authorized": "The customer has notified their bank that the debit was unauthorized.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "payment_intent_mandate_invalid": "The provided mandate is invalid and can not be used.",
}

_BY_NUMBER = {account.number: account for account in ACCOUNTS}


def by_number(sort_code: str, number: str) -> Account | None:
    """A test account; None: no bank knows it."""
    found = _BY_NUMBER.get(number) if sort_code == SORT_CODE else None
    return found if found is not None and found.exists else None
