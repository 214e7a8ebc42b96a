"""The books: which movement of money goes from which account to which.

An account is one per organisation and currency. Debits are positive and credits negative, so all
accounts of a payment add up to zero; what was charged is therefore a negative sum.

Where the platform took a charge for an organisation, the provider's fees and what banks take back
are the platform's: they stand on accounts of its own, and nothing of them on the organisation's.
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
    DISPUTED = "disputed"  # what banks took back for them, and have not decided on
    LOST = "lost"  # what banks took back for good
    PLATFORM_BALANCE = "platform_balance"  # what the provider took of the platform for a charge
    PLATFORM_COST = "platform_cost"  # the provider's fees, where the platform pays them
    PLATFORM_DISPUTED = "platform_disputed"  # as `disputed`, where the platform stands in
    PLATFORM_LOST = "platform_lost"  # as `lost`, where the platform stands in
    PLATFORM_DUE = "platform_due"  # what came back to the platform of refunds, less those it paid


class Movement(NamedTuple):
    """One kind of posting, and the two accounts that it is between.

    `platform`: the two (debit, credit) of a charge that the platform took for the organisation,
    where they are others.
    """

    kind: str
    debit: Account
    credit: Account
    platform: tuple[Account, Account] | None = None

    def back(self, kind: str) -> Movement:
        """The movement that takes this one back."""
        platform = self.platform and (self.platform[1], self.platform[0])
        return Movement(kind, self.credit, self.debit, platform)


CAPTURED = Movement("captured", Account.PROVIDER_BALANCE, Account.CHARGED)
FEE = Movement(
    "fee",
    Account.PROVIDER_FEE,
    Account.PROVIDER_BALANCE,
    (Account.PLATFORM_COST, Account.PLATFORM_BALANCE),
)
PLATFORM_FEE = Movement("platform_fee", Account.PLATFORM_FEE, Account.PROVIDER_BALANCE)
PLATFORM_FEE_RETURNED = PLATFORM_FEE.back("platform_fee_returned")
REFUNDED = Movement(
    "refunded",
    Account.REFUNDED,
    Account.PROVIDER_BALANCE,
    (Account.REFUNDED, Account.PLATFORM_DUE),
)
REFUND_BOUNCED = REFUNDED.back("refund_bounced")
DISPUTE_WITHDRAWN = Movement(
    "dispute_withdrawn",
    Account.DISPUTED,
    Account.PROVIDER_BALANCE,
    (Account.PLATFORM_DISPUTED, Account.PLATFORM_BALANCE),
)
DISPUTE_REINSTATED = DISPUTE_WITHDRAWN.back("dispute_reinstated")
DISPUTE_LOST = Movement(
    "dispute_lost",
    Account.LOST,
    Account.DISPUTED,
    (Account.PLATFORM_LOST, Account.PLATFORM_DISPUTED),
)
DISPUTE_RECOVERED = DISPUTE_LOST.back("dispute_recovered")
DISPUTE_FEE = FEE._replace(kind="dispute_fee")
DISPUTE_FEE_RETURNED = DISPUTE_FEE.back("dispute_fee_returned")
