"""What the payments service publishes.

Ordering key: `booking_id`; sequence: the payment's version. No message carries a secret: whoever
needs the client secret asks payments for it.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.message import Message
from contracts.values import Instant, Money

MESSAGE_KEYS = (
    "payment.insufficient_funds",
    "payment.expired_card",
    "payment.card_declined",
    "payment.check_details",
    "payment.too_many_attempts",
    "payment.authentication_failed",
    "payment.debit_refused",
    "payment.wallet_declined",
    "payment.generic",
)
"""What a guest is told when a payment fails: whoever shows or sends it has a text for each."""


class PaymentFact(Message):
    """What every payment message says about its payment."""

    payment_id: UUID
    booking_id: UUID
    org_id: UUID
    change_id: UUID | None = None
    """The change of the booking that this payment is for; null for the booking's own payment."""


class Transfer(BaseModel):
    """Where a guest who pays by hand sends the money, and the words that tell whose it is."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    payee: str | None
    """A number or an account; null: the venue says it otherwise."""
    message: str


class PaymentReady(PaymentFact):
    """The payment exists at the provider; the guest can pay."""

    TYPE: ClassVar[str] = "payment.ready.v1"

    provider: str
    method_kind: str
    """How the guest pays (`payment_intent`, ...); an open list."""
    amount: Money
    sequence: Annotated[int, Field(ge=0)]
    """Version of the payment."""
    transfer: Transfer | None = None
    """What the guest has to do where no provider takes the money; else null."""


class PaymentRequiresAction(PaymentFact):
    """The guest's bank asks for a further step."""

    TYPE: ClassVar[str] = "payment.requires_action.v1"


class PaymentProcessing(PaymentFact):
    """The guest has done everything; the provider is still clearing the payment."""

    TYPE: ClassVar[str] = "payment.processing.v1"


class PaymentSucceeded(PaymentFact):
    """The money arrived."""

    TYPE: ClassVar[str] = "payment.succeeded.v1"

    amount: Money
    """What the provider captured, which may differ from what was asked."""
    provider: str
    provider_ref: str
    succeeded_at: Instant


class PaymentFailed(PaymentFact):
    """An attempt to pay was declined or broke."""

    TYPE: ClassVar[str] = "payment.failed.v1"

    code: str
    decline_code: str | None
    message_key: str
    """Key of the text to show the guest: one of `MESSAGE_KEYS`."""
    terminal: bool
    """True: no further attempt is possible on this payment."""


class PaymentCancelled(PaymentFact):
    """The payment was cancelled at the provider; no money can arrive through it."""

    TYPE: ClassVar[str] = "payment.cancelled.v1"

    reason: str


class PaymentRefundRequested(PaymentFact):
    """Staff give money back; it is on its way, or will fail."""

    TYPE: ClassVar[str] = "payment.refund_requested.v1"

    refund_id: UUID
    amount: Money
    reason: str
    """Free text of the person who gives it back."""
    requested_by: str
    """Who: the kind of the caller and its id."""
    requested_at: Instant
    release_place: bool
    """True: with it all of this payment is back, and the place is to be freed if that is all that
    was paid."""
    refunded_total: Money
    """All that has been refunded on this payment so far, without this one."""
    unasked_total: Money
    """Of this payment, made or under way without the booking having asked for it; with this one."""


class PaymentRefunded(PaymentFact):
    """Money went back to the guest."""

    TYPE: ClassVar[str] = "payment.refunded.v1"

    refunded_total: Money
    """All that has been refunded on this payment so far (cumulative)."""
    amount_captured: Money
    refunded_at: Instant
    unasked_total: Money | None = None
    """Of this payment, made or under way without the booking having asked for it: by staff, or by
    hand at the provider (cumulative); null: not known."""


class PaymentRefundFailed(PaymentFact):
    """The provider couldn't give the money back; a person must look at it."""

    TYPE: ClassVar[str] = "payment.refund_failed.v1"

    amount: Money
    code: str
    refunded_total: Money | None = None
    """All that has been refunded on this payment so far; a failure can lower it."""
    unasked_total: Money | None = None
    """Of this payment, made or under way without the booking having asked for it."""


class PaymentDisputed(PaymentFact):
    """The customer asked their bank, or PayPal, for the money back; told once for each dispute."""

    TYPE: ClassVar[str] = "payment.disputed.v1"

    dispute_id: UUID
    amount: Money
    reason: str
    """The provider's word for why; an open list."""
    inquiry: bool
    """True: they only ask so far, and no money has moved."""
    evidence_due_by: Instant | None
    """Until when the venue is heard; null: it isn't."""
    opened_at: Instant


class PaymentDisputeClosed(PaymentFact):
    """The bank, or PayPal, decided on a dispute; told once for each."""

    TYPE: ClassVar[str] = "payment.dispute_closed.v1"

    dispute_id: UUID
    amount: Money
    reason: str
    outcome: str
    """`won`: the money stays or came back; `lost`: it is gone; `inquiry_closed`: the bank only
    asked, and let it rest. An open list."""
    closed_at: Instant


class PaymentFeeCharged(PaymentFact):
    """The fee of a guest who didn't come was charged."""

    TYPE: ClassVar[str] = "payment.fee_charged.v1"

    amount: Money
    """What the provider captured, which may differ from what was asked."""
    provider: str
    provider_ref: str
    charged_at: Instant


class PaymentFeeFailed(PaymentFact):
    """The fee of a guest who didn't come was not charged."""

    TYPE: ClassVar[str] = "payment.fee_failed.v1"

    code: str
    decline_code: str | None
    message_key: str
    """Key of the text to show the guest."""
    authentication: bool
    """True: the bank wants to hear from the guest, who can still pay."""
    final: bool
    """True: no further attempt is possible."""
