"""The books: which movement of money goes from which account to which.

An account is one per organisation and currency. Debits are positive and credits negative, so all
accounts of a payment add up to zero; what was charged is therefore a negative sum.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Account(StrEnum):
    """Where money of an organisation can be."""

    CHARGED = "charged"  # what guests paid
    PROVIDER_BALANCE = "provider_balance"  # what the provider holds for the organisation
    PROVIDER_FEE = "provider_fee"  # what the provider kept
    PLATFORM_FEE = "platform_fee"  # what the platform kept of a charge that it took for them
    REFUNDED = "refunded"  # what guests got back
    DISPUTED = "disputed"  # what banks took back for them


class Movement(NamedTuple):
    """One kind of posting, and the two accounts that it is between."""

    kind: str
    debit: Account
    credit: Account


CAPTURED = Movement("captured", Account.PROVIDER_BALANCE, Account.CHARGED)
FEE = Movement("fee", Account.PROVIDER_FEE, Account.PROVIDER_BALANCE)
PLATFORM_FEE = Movement("platform_fee", Account.PLATFORM_FEE, Account.PROVIDER_BALANCE)
PLATFORM_FEE_RETURNED = Movement(
    "platform_fee_returned", Account.PROVIDER_BALANCE, Account.PLATFORM_FEE
)
REFUNDED = Movement("refunded", Account.REFUNDED, Account.PROVIDER_BALANCE)
REFUND_BOUNCED = Movement("refund_bounced", Account.PROVIDER_BALANCE, Account.REFUNDED)
DISPUTE_WITHDRAWN = Movement("dispute_withdrawn", Account.DISPUTED, Account.PROVIDER_BALANCE)
DISPUTE_REINSTATED = Movement("dispute_reinstated", Account.PROVIDER_BALANCE, Account.DISPUTED)
DISPUTE_FEE = Movement("dispute_fee", Account.PROVIDER_FEE, Account.PROVIDER_BALANCE)
