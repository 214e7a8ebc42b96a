"""The one payment state machine, whatever the provider.

A fact about a payment either moves it along the table or is stale and changes nothing; no event
is ever trusted to arrive in order, or once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from payments.domain.failures import Failure
from payments.domain.money import Money
from payments.domain.provider import SavedCard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from payments.domain.snapshot import Snapshot


class Status(StrEnum):
    """Where a payment stands."""

    PREPARING = "preparing"  # wanted; the provider has not confirmed that it knows it
    READY = "ready"  # waiting for the customer
    REQUIRES_ACTION = "requires_action"  # the customer's bank asks for another step
    PROCESSING = "processing"  # with the provider, outcome open
    DECLINED = "declined"  # the last try failed; another is possible
    SUCCEEDED = "succeeded"  # money captured; refunds are counted apart
    CANCELLED = "cancelled"  # nothing can be paid any more
    FAILED = "failed"  # the provider refused the payment itself; there is no other try


class Fact(StrEnum):
    """What may become known about a payment."""

    PREPARED = "prepared"
    ACTION_REQUIRED = "action_required"
    PROCESSING = "processing"
    DECLINED = "declined"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    REFUSED = "refused"


_WHILE_OPEN: Mapping[Fact, Status] = {
    Fact.ACTION_REQUIRED: Status.REQUIRES_ACTION,
    Fact.PROCESSING: Status.PROCESSING,
    Fact.DECLINED: Status.DECLINED,
    Fact.SUCCEEDED: Status.SUCCEEDED,
    Fact.CANCELLED: Status.CANCELLED,
    Fact.REFUSED: Status.FAILED,  # what was under way came to nothing, and no try is left
}

# Money is never ignored: a success is believed even after we thought it was over.
_WHEN_OVER: Mapping[Fact, Status] = {Fact.SUCCEEDED: Status.SUCCEEDED}

TRANSITIONS: Mapping[Status, Mapping[Fact, Status]] = {
    Status.PREPARING: {
        Fact.PREPARED: Status.READY,
        **_WHILE_OPEN,
    },
    Status.READY: _WHILE_OPEN,
    Status.REQUIRES_ACTION: _WHILE_OPEN,
    Status.PROCESSING: _WHILE_OPEN,
    Status.DECLINED: _WHILE_OPEN,
    Status.SUCCEEDED: {},
    Status.CANCELLED: _WHEN_OVER,
    Status.FAILED: _WHEN_OVER,
}

PAYABLE = frozenset({Status.READY, Status.REQUIRES_ACTION, Status.DECLINED})
"""The customer can still do something: only then is the client secret given out."""

AT_PROVIDER = PAYABLE | {Status.PROCESSING}
"""The provider holds something that cancelling could stop."""

OPEN = AT_PROVIDER | {Status.PREPARING}
"""The payment may still come to something."""


class _Saved(TypedDict):
    customer_ref: str | None
    method_ref: str | None


class StaleFact(Exception):  # an answer, not a fault
    """The payment is already past this fact, or has seen it: nothing to do."""


class ForeignPayment(Exception):  # what it is, in the domain's words
    """What the provider showed does not belong to this payment (F-27)."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money for one booking at one provider account: its own payment, or a dearer change's.

    `closing` says why nobody wants the payment any more; the provider may still know it.
    `version` counts changes and is the `sequence` of everything published. `money_ref`: what the
    provider calls the money once it moves, where the customer paid at something with a name of its
    own (`provider_ref`), such as a page. `saves_card`: the customer leaves a card besides, which is
    all they do where the amount is zero; `customer_ref` and `method_ref` name it until it is
    forgotten. `no_show_fee`: it charges such a card because the guest did not come.
    """

    id: UUID
    org_id: UUID
    booking_id: UUID
    account_id: str
    provider: str
    amount: Money
    status: Status
    version: int
    expires_at: datetime
    locale: str = "en"
    provider_ref: str | None = None
    captured: Money | None = None
    refunded_minor: int = 0
    failure: Failure | None = None
    closing: str | None = None
    closing_at: datetime | None = None
    change_id: UUID | None = None
    method: str = "card"
    money_ref: str | None = None
    venue_id: UUID | None = None
    saves_card: bool = False
    customer_ref: str | None = None
    method_ref: str | None = None
    no_show_fee: bool = False

    @property
    def card(self) -> SavedCard | None:
        """The card that was saved with it, until it is forgotten."""
        if self.status is not Status.SUCCEEDED or not self.customer_ref or not self.method_ref:
            return None
        return SavedCard(self.customer_ref, self.method_ref)

    @property
    def in_vain(self) -> bool:
        """Whether it came to nothing that a saved card is for."""
        over = self.status in {Status.CANCELLED, Status.FAILED}
        return over or (self.status is Status.SUCCEEDED and self.closing == "cancelled")

    @property
    def refundable_ref(self) -> str:
        """What to ask a refund of; empty while the provider knows nothing."""
        return self.money_ref or self.provider_ref or ""

    @property
    def closable(self) -> bool:
        """Whether it is open and nobody has asked to close it."""
        return self.closing is None and self.status in OPEN

    @property
    def payable(self) -> bool:
        """Whether the customer may still pay."""
        return self.status in PAYABLE and self.closing is None

    @property
    def refunded_total(self) -> Money:
        """What went back so far, in the currency that was captured."""
        return Money(self.refunded_minor, (self.captured or self.amount).currency)

    def unwanted_since(self, now: datetime) -> datetime | None:
        """The moment from which no payment may be created: the hold's end or its closing."""
        moments = [at for at in (self.closing_at, self.expires_at) if at and at <= now]
        return min(moments, default=None)

    def learn(self, fact: Fact, failure: Failure | None = None) -> Payment:
        """The payment after a fact.

        Raises:
            StaleFact: the table has no such step from here, or the refusal was seen before.
        """
        status = TRANSITIONS[self.status].get(fact)
        if status is None or (status is self.status and failure == self.failure):
            raise StaleFact
        if fact is Fact.CANCELLED:
            failure = self.failure  # that nothing came after it does not undo the last refusal
        elif fact not in {Fact.DECLINED, Fact.REFUSED}:
            failure = None
        return replace(self, status=status, failure=failure, version=self.version + 1)

    def observe(self, snapshot: Snapshot) -> Payment:
        """The payment after a look at the provider; the captured amount is what it really took.

        Raises:
            ForeignPayment: the snapshot names another payment, booking or organisation.
            StaleFact: it tells nothing new.
        """
        self.recognise(snapshot)
        changed = self.learn(snapshot.fact, snapshot.failure)
        captured = snapshot.received if snapshot.fact is Fact.SUCCEEDED else self.captured
        return replace(
            changed,
            provider_ref=snapshot.ref,
            money_ref=snapshot.money_ref or self.money_ref,
            captured=captured,
            **self._saved(snapshot),
        )

    def _saved(self, snapshot: Snapshot) -> _Saved:
        if not self.saves_card:
            return {"customer_ref": self.customer_ref, "method_ref": self.method_ref}
        succeeded = snapshot.fact is Fact.SUCCEEDED
        return {
            "customer_ref": snapshot.customer_ref or self.customer_ref,
            "method_ref": snapshot.method_ref if succeeded else self.method_ref,
        }

    def recognise(self, snapshot: Snapshot) -> None:
        """Refuse what the provider shows when it is not this payment.

        Raises:
            ForeignPayment: other ids than ours, or a second intent for the same payment.
        """
        expected = {
            "payment_id": str(self.id),
            "booking_id": str(self.booking_id),
            "org_id": str(self.org_id),
        }
        if self.change_id is not None:
            expected["change_id"] = str(self.change_id)
        if any(snapshot.metadata.get(name) != value for name, value in expected.items()):
            raise ForeignPayment("metadata")
        if self.provider_ref is not None and self.provider_ref != snapshot.ref:
            raise ForeignPayment("reference")

    def touch(self, *, refunded_minor: int | None = None) -> Payment:
        """The payment after something about its refunds or disputes changed."""
        total = self.refunded_minor if refunded_minor is None else refunded_minor
        return replace(self, refunded_minor=total, version=self.version + 1)

    def close(self, cause: str, at: datetime) -> Payment:
        """The payment that nobody wants any more; the first cause stays.

        Raises:
            StaleFact: it is over, or closing already.
        """
        if not self.closable:
            raise StaleFact
        return replace(self, closing=cause, closing_at=at, version=self.version + 1)
