"""What Stripe answers, in our words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from payments.domain import disputes
from payments.domain.disputes import DisputeSnapshot, Moved
from payments.domain.failures import Failure
from payments.domain.money import Money
from payments.domain.payment import Fact
from payments.domain.provider import Unreached
from payments.domain.snapshot import RefundSnapshot, RefundStatus, Shared, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

MONEY = (
    "latest_charge.balance_transaction",
    "latest_charge.transfer",
    "latest_charge.application_fee",
)
"""What of a PaymentIntent has to be expanded to show what Stripe kept, and what it passed on."""

_FACTS = {
    "requires_payment_method": Fact.PREPARED,
    "requires_confirmation": Fact.PREPARED,
    "requires_action": Fact.ACTION_REQUIRED,
    "processing": Fact.PROCESSING,
    "requires_capture": Fact.PROCESSING,
    "canceled": Fact.CANCELLED,
    "succeeded": Fact.SUCCEEDED,
}

_REFUNDS = {
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
}

_DISPUTES = {
    "warning_needs_response": disputes.Status.INQUIRY,
    "warning_under_review": disputes.Status.UNDER_REVIEW,
    "warning_closed": disputes.Status.INQUIRY_CLOSED,
    "needs_response": disputes.Status.NEEDS_RESPONSE,
    "under_review": disputes.Status.UNDER_REVIEW,
    "prevented": disputes.Status.WON,
    "won": disputes.Status.WON,
    "lost": disputes.Status.LOST,
}


def payment(data: Mapping[str, Any]) -> Snapshot:
    """A PaymentIntent.

    Raises:
        Unreached: not a PaymentIntent, or one in a state that this API version does not have.
    """
    try:
        fact = _FACTS[data["status"]]
        currency = str(data["currency"]).upper()
        refusal, failure = data.get("last_payment_error"), None
        if fact is Fact.PREPARED and refusal:
            fact, failure = Fact.DECLINED, _failure(refusal)
        return Snapshot(
            ref=data["id"],
            fact=fact,
            amount=Money(int(data["amount"]), currency),
            received=Money(int(data.get("amount_received") or 0), currency),
            metadata=dict(data.get("metadata") or {}),
            failure=failure,
            client_secret=data.get("client_secret"),
            fee=_fee(data.get("latest_charge")),
            shared=_shared(data.get("latest_charge")),
            customer_ref=_id(data.get("customer")),
            method_ref=_id(data.get("payment_method")),
        )
    except (KeyError, TypeError, ValueError):
        raise Unreached("unreadable_answer") from None


def setup(data: Mapping[str, Any]) -> Snapshot:
    """A SetupIntent: a payment of nothing in the currency that its metadata name.

    Raises:
        Unreached: not a SetupIntent, or one in a state that this API version does not have.
    """
    try:
        fact = _FACTS[data["status"]]
        metadata = dict(data.get("metadata") or {})
        nothing = Money(0, metadata.get("currency", ""))
        refusal, failure = data.get("last_setup_error"), None
        if fact is Fact.PREPARED and refusal:
            fact, failure = Fact.DECLINED, _failure(refusal)
        return Snapshot(
            ref=data["id"],
            fact=fact,
            amount=nothing,
            received=nothing,
            metadata=metadata,
            failure=failure,
            client_secret=data.get("client_secret"),
            customer_ref=_id(data.get("customer")),
            method_ref=_id(data.get("payment_method")),
        )
    except (KeyError, TypeError, ValueError):
        raise Unreached("unreadable_answer") from None


def _id(thing: object) -> str | None:
    """Of what is named, or shown in full."""
    found = thing.get("id") if isinstance(thing, dict) else thing
    return found if isinstance(found, str) else None


def session(data: Mapping[str, Any]) -> Snapshot:
    """A Checkout Session, with its PaymentIntent where the answer has that in full.

    Raises:
        Unreached: not a session, or one in a state that this API version does not have.
    """
    try:
        intent = data.get("payment_intent")
        behind = payment(intent) if isinstance(intent, dict) else None
        amount = Money(int(data["amount_total"]), str(data["currency"]).upper())
        fact, failure = _stands(data["status"], data["payment_status"], behind)
        received = behind.received if behind else amount
        return Snapshot(
            ref=data["id"],
            fact=fact,
            amount=amount,
            received=received if fact is Fact.SUCCEEDED else Money(0, amount.currency),
            metadata=dict(data.get("metadata") or {}),
            failure=failure,
            redirect_url=data.get("url"),
            money_ref=behind.ref if behind else intent,
            fee=behind.fee if behind else None,
            shared=behind.shared if behind else None,
        )
    except (KeyError, TypeError, ValueError):
        raise Unreached("unreadable_answer") from None


def _stands(
    status: str, payment_status: str, behind: Snapshot | None
) -> tuple[Fact, Failure | None]:
    """A session that is complete is paid only if it says so as well."""
    if behind is not None and behind.fact is Fact.SUCCEEDED:
        return Fact.SUCCEEDED, None
    if status == "complete":
        if payment_status != "unpaid":
            return Fact.SUCCEEDED, None
        if behind is not None and behind.fact in {Fact.DECLINED, Fact.CANCELLED}:
            # What took its time bounced, and a complete session asks nobody again.
            return Fact.REFUSED, behind.failure or Failure("async_payment_failed")
        return Fact.PROCESSING, None
    if status == "expired":
        return Fact.CANCELLED, None
    if status != "open":
        raise ValueError(status)
    return (behind.fact, behind.failure) if behind is not None else (Fact.PREPARED, None)


def refund(data: Mapping[str, Any]) -> RefundSnapshot:
    """A Refund; statuses we do not know count as pending, since money may still move.

    Raises:
        Unreached: not a Refund.
    """
    try:
        return RefundSnapshot(
            ref=data["id"],
            status=_REFUNDS.get(data.get("status") or "", RefundStatus.PENDING),
            amount=Money(int(data["amount"]), str(data["currency"]).upper()),
            metadata=dict(data.get("metadata") or {}),
            failure_code=data.get("failure_reason"),
            payment_ref=data.get("payment_intent"),
            taken_back=data.get("transfer_reversal") is not None,
        )
    except (KeyError, TypeError, ValueError):
        raise Unreached("unreadable_answer") from None


def _fee(charge: object) -> Money | None:
    """What Stripe kept of a charge, in the currency that the account settles in.

    None where it was not expanded, or is not known yet: it may follow the money by a while.
    """
    booked = charge.get("balance_transaction") if isinstance(charge, dict) else None
    if not isinstance(booked, dict):
        return None
    return Money(int(booked["fee"]), str(booked["currency"]).upper())


def _shared(charge: object) -> Shared | None:
    """What was passed on of a charge and kept as the platform's fee, where both were expanded."""
    transfer = charge.get("transfer") if isinstance(charge, dict) else None
    if not isinstance(charge, dict) or not isinstance(transfer, dict):
        return None
    currency, fee = str(charge["currency"]).upper(), charge.get("application_fee") or {}
    kept = int(fee.get("amount", 0)) - int(fee.get("amount_refunded", 0))
    held = int(transfer["amount"]) - int(transfer["amount_reversed"])
    return Shared(
        passed_on=Money(held, str(transfer["currency"]).upper()),
        platform_fee=Money(kept, str(fee.get("currency", currency)).upper()),
        refunded=Money(int(charge["amount_refunded"]), currency),
    )


def dispute(data: Mapping[str, Any]) -> DisputeSnapshot:
    """A Dispute.

    Raises:
        Unreached: not a dispute, or one in a state that this API version does not have.
    """
    try:
        due = (data.get("evidence_details") or {}).get("due_by")
        return DisputeSnapshot(
            ref=data["id"],
            payment_ref=data["payment_intent"],
            status=_DISPUTES[data["status"]],
            reason=data["reason"],
            amount=Money(int(data["amount"]), str(data["currency"]).upper()),
            respond_by=datetime.fromtimestamp(due, UTC) if due else None,
            opened_at=datetime.fromtimestamp(data["created"], UTC),
            moved=[
                Moved(
                    one["id"],
                    Money(int(one["amount"]), str(one["currency"]).upper()),
                    int(one["fee"]),
                )
                for one in data["balance_transactions"]
            ],
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Unreached("unreadable_answer") from None


def _failure(refusal: Mapping[str, Any]) -> Failure:
    method = refusal.get("payment_method")
    return Failure(
        code=refusal.get("code") or refusal.get("type") or "unknown",
        decline_code=refusal.get("decline_code"),
        # A refusal by the bank has a charge; a failed authentication has only the method.
        occurrence=refusal.get("charge")
        or (method.get("id") if isinstance(method, dict) else method)
        or "",
    )
