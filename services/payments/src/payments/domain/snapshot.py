"""What a provider shows when we look: its words already translated into ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from payments.domain.failures import Failure
from payments.domain.money import Money
from payments.domain.payment import Fact


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where a customer sends the money by themselves, and the message that tells whose it is.

    `payee` is None where the venue says it otherwise: at its desk, on an invoice.
    """

    payee: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Shared:
    """What has become of a shared charge: less what went back. `refunded`: to the guest, so far."""

    passed_on: Money
    platform_fee: Money
    refunded: Money


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One payment as the provider holds it at this moment."""

    ref: str
    fact: Fact
    amount: Money
    received: Money
    metadata: Mapping[str, str]
    failure: Failure | None = None
    client_secret: str | None = field(default=None, repr=False)
    redirect_url: str | None = field(default=None, repr=False)
    approved: bool = False  # the customer agreed, and the money is ours to take (`Capturing`)
    money_ref: str | None = None  # of the money itself, where `ref` is a page or an order
    fee: Money | None = None  # what the provider kept of the money, where it says so
    shared: Shared | None = None  # with the account that it was passed on to, if it was
    transfer: Transfer | None = None
    customer_ref: str | None = None  # what a card that is to be saved hangs on
    method_ref: str | None = None  # the card itself, once the customer has named one

    @property
    def settled(self) -> bool:
        """Whether nothing that happens at the provider later can change this."""
        return self.fact in {Fact.SUCCEEDED, Fact.CANCELLED, Fact.REFUSED}

    @property
    def open(self) -> bool:
        """Whether the customer can still do something."""
        return self.fact in {Fact.PREPARED, Fact.ACTION_REQUIRED, Fact.DECLINED}


class RefundStatus(StrEnum):
    """Where a refund stands; a succeeded one can still fail days later."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """One refund as the provider holds it at this moment."""

    ref: str
    status: RefundStatus
    amount: Money
    metadata: Mapping[str, str]
    failure_code: str | None = None
    payment_ref: str | None = None  # whose refund it is, where one may ask by something else
    taken_back: bool = False  # from the account that the charge was passed on to


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A verified notification: enough to know what to look at; never acted on by itself.

    `payment_ref` is None for kinds of event that are none of our business. `digest` is the event
    without personal data and secrets, for the record. `delivery_ref`: what the provider calls this
    delivery of it, where each has a name.
    """

    id: str
    type: str
    payment_ref: str | None
    metadata: Mapping[str, str]
    about_refunds: bool
    settles: bool  # it tells of an outcome that nothing later can change
    digest: Mapping[str, object]
    dispute_ref: str | None = None  # it tells of a dispute about the payment
    adapter: str | None = None  # which adapter looks, where an account serves several
    delivery_ref: str | None = None
    connection_ref: str | None = None  # the connected account that it is about, if it is about one
