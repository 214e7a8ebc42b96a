"""What this service tells others, as contracts; always with the payment's version as sequence."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

import contracts.payments as wire
from chassis.db import Transaction
from contracts import Message, Money
from payments.domain import money
from payments.domain.disputes import INQUIRIES, Dispute
from payments.domain.failures import Failure
from payments.domain.payment import Fact, Payment
from payments.domain.refunds import Refund, Taken, unasked
from payments.domain.snapshot import Transfer


def learnt(
    tx: Transaction,
    payment: Payment,
    fact: Fact,
    now: datetime,
    transfer: Transfer | None = None,
) -> UUID | None:
    """Tell what became known about a payment; a fee's is told only when it comes to something.

    `transfer`: what its customer has to do, once it is prepared and no provider takes the money.
    """
    if fact is Fact.PREPARED and not payment.no_show_fee:
        return _publish(tx, payment, _ready(payment, transfer))
    if not payment.no_show_fee:
        return _publish(tx, payment, _MESSAGES[fact](payment, now))
    message = _FEE_MESSAGES.get(fact)
    return _publish(tx, payment, message(payment, now)) if message else None


def refunded(tx: Transaction, payment: Payment, refunds: Collection[Refund], now: datetime) -> UUID:
    """Tell how much went back so far; `refunds`: all that the payment has."""
    return _publish(
        tx,
        payment,
        wire.PaymentRefunded(
            **_ids(payment),
            refunded_total=_money(payment.refunded_total),
            amount_captured=_money(payment.captured or payment.amount),
            refunded_at=now,
            unasked_total=_money(unasked(payment, refunds)),
        ),
    )


def refund_requested(
    tx: Transaction, payment: Payment, refund: Refund, refunds: Sequence[Refund], now: datetime
) -> UUID:
    """Tell that staff give money back; `refunds`: all that the payment has, with this one."""
    request = refund.request
    if request is None:
        raise ValueError("nobody asked for this refund")
    whole = not Taken(payment, refunds).left.amount_minor
    return _publish(
        tx,
        payment,
        wire.PaymentRefundRequested(
            **_ids(payment),
            refund_id=refund.id,
            amount=_money(refund.amount),
            reason=request.reason,
            requested_by=request.by,
            requested_at=now,
            release_place=request.release_place and whole,
            refunded_total=_money(payment.refunded_total),
            unasked_total=_money(unasked(payment, refunds)),
        ),
    )


def refund_failed(
    tx: Transaction, payment: Payment, failed: Refund, refunds: Collection[Refund]
) -> UUID:
    """Tell that money could not go back; `refunds`: all that the payment has."""
    return _publish(
        tx,
        payment,
        wire.PaymentRefundFailed(
            **_ids(payment),
            amount=_money(failed.amount),
            code=failed.failure_code or "refund_failed",
            refunded_total=_money(payment.refunded_total),
            unasked_total=_money(unasked(payment, refunds)),
        ),
    )


def disputed(tx: Transaction, payment: Payment, dispute: Dispute) -> UUID:
    """Tell that the customer asked their bank or PayPal for the money back."""
    return _publish(
        tx,
        payment,
        wire.PaymentDisputed(
            **_ids(payment),
            dispute_id=dispute.id,
            amount=_money(dispute.amount),
            reason=dispute.reason,
            inquiry=dispute.status in INQUIRIES,
            evidence_due_by=dispute.respond_by,
            opened_at=dispute.opened_at,
        ),
    )


def dispute_closed(
    tx: Transaction, payment: Payment, dispute: Dispute, closed_at: datetime
) -> UUID:
    """Tell what the bank decided."""
    return _publish(
        tx,
        payment,
        wire.PaymentDisputeClosed(
            **_ids(payment),
            dispute_id=dispute.id,
            amount=_money(dispute.amount),
            reason=dispute.reason,
            outcome=dispute.status,
            closed_at=closed_at,
        ),
    )


_KINDS = {
    "stripe_checkout": "redirect",
    "stripe_setup": "setup_intent",
    "swish": "transfer",
    "manual": "transfer",
}


def _ready(payment: Payment, transfer: Transfer | None) -> Message:
    return wire.PaymentReady(
        **_ids(payment),
        provider=payment.provider,
        method_kind=_KINDS.get(payment.provider, "payment_intent"),
        amount=_money(payment.amount),
        sequence=payment.version,
        transfer=wire.Transfer(payee=transfer.payee, message=transfer.message)
        if transfer
        else None,
    )


def _requires_action(payment: Payment, _: datetime) -> Message:
    return wire.PaymentRequiresAction(**_ids(payment))


def _processing(payment: Payment, _: datetime) -> Message:
    return wire.PaymentProcessing(**_ids(payment))


def _succeeded(payment: Payment, now: datetime) -> Message:
    return wire.PaymentSucceeded(
        **_ids(payment),
        amount=_money(payment.captured or payment.amount),
        provider=payment.provider,
        provider_ref=payment.provider_ref or "",
        succeeded_at=now,
    )


def _failed(payment: Payment, *, terminal: bool) -> Message:
    failure = payment.failure
    return wire.PaymentFailed(
        **_ids(payment),
        code=failure.code if failure else "unknown",
        decline_code=failure.decline_code if failure else None,
        message_key=f"payment.{failure.message_key if failure else 'generic'}",
        terminal=terminal,
    )


def _cancelled(payment: Payment, _: datetime) -> Message:
    return wire.PaymentCancelled(**_ids(payment), reason=payment.closing or "provider")


_MESSAGES = {
    Fact.ACTION_REQUIRED: _requires_action,
    Fact.PROCESSING: _processing,
    Fact.SUCCEEDED: _succeeded,
    Fact.DECLINED: lambda payment, _: _failed(payment, terminal=False),
    Fact.REFUSED: lambda payment, _: _failed(payment, terminal=True),
    Fact.CANCELLED: _cancelled,
}


def _fee_charged(payment: Payment, now: datetime) -> Message:
    return wire.PaymentFeeCharged(
        **_ids(payment),
        amount=_money(payment.captured or payment.amount),
        provider=payment.provider,
        provider_ref=payment.provider_ref or "",
        charged_at=now,
    )


def _fee_failed(payment: Payment, *, final: bool) -> Message:
    failure = payment.failure or Failure(payment.closing or "given_up")
    return wire.PaymentFeeFailed(
        **_ids(payment),
        code=failure.code,
        decline_code=failure.decline_code,
        message_key=f"payment.{failure.message_key}",
        authentication=failure.code == "authentication_required" and not final,
        final=final,
    )


_FEE_MESSAGES: Mapping[Fact, Callable[[Payment, datetime], Message]] = {
    Fact.SUCCEEDED: _fee_charged,
    Fact.DECLINED: lambda payment, _: _fee_failed(payment, final=False),
    Fact.REFUSED: lambda payment, _: _fee_failed(payment, final=True),
    Fact.CANCELLED: lambda payment, _: _fee_failed(payment, final=True),
}


def _publish(tx: Transaction, payment: Payment, message: Message) -> UUID:
    return tx.publish(message, key=str(payment.booking_id), sequence=payment.version)


class _Ids(TypedDict):
    payment_id: UUID
    booking_id: UUID
    org_id: UUID
    change_id: UUID | None


def _ids(payment: Payment) -> _Ids:
    return {
        "payment_id": payment.id,
        "booking_id": payment.booking_id,
        "org_id": payment.org_id,
        "change_id": payment.change_id,
    }


def _money(amount: money.Money) -> Money:
    return Money(amount_minor=amount.amount_minor, currency=amount.currency)
