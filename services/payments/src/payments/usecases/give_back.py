"""Give money back, once per cause (PAY-36 to PAY-38, F-33 to F-35)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

import structlog

from chassis import metrics
from chassis.db import Transaction
from chassis.ids import uuid7
from payments import published
from payments.domain.attempt import Kind
from payments.domain.money import Money
from payments.domain.payment import Payment, Status
from payments.domain.provider import Provider, Providers, RefundOrder
from payments.domain.refunds import Refund, StillOpen, Taken, lacking, next_cause, refusal, shares
from payments.domain.snapshot import RefundStatus
from payments.store import attempts, connections, payments, refunds
from payments.usecases.intend import intend

log = structlog.get_logger(__name__)


class NothingPaidYet(Exception):  # an answer, not a fault
    """A refund is asked for, but no captured payment of the booking is known here yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a booking asks to go back, of which of its payments (None: all it has), and why.

    `towards`: `amount` is what is to be back of them in the end, by changes of the booking to
    cheaper places, or besides those; None: it comes on top. `retry`: it counts if all earlier tries
    of the cause failed.
    """

    booking_id: UUID
    payment_ids: Sequence[UUID] | None
    amount: Money
    cause: str
    towards: Literal["changes", "besides"] | None = None
    retry: bool = False


async def give_back(tx: Transaction, ask: Ask, *, providers: Providers) -> None:
    """Record the refunds and the intents to make them.

    The same cause again changes nothing, unless it is a `retry` of what has failed every time.
    What is no longer left is on its way to the guest for another reason, such as a refund by staff,
    so only the rest goes back. More than was ever captured, or another currency, is a fault: it is
    refused and reported.

    Raises:
        NothingPaidYet: try again later.
    """
    if ask.amount.amount_minor == 0:
        return
    taken = await _captured(tx, ask)
    cause = _cause(ask, taken)
    if cause is None:
        return
    if no := refusal(ask.amount, taken):
        await _refuse(tx, taken[-1], ask.amount, cause, no)
        return
    wanted = ask.amount
    if ask.towards is not None:
        wanted = lacking(wanted, taken, for_changes=ask.towards == "changes")
    parts = shares(wanted, taken)
    if sum(share.amount_minor for _, share in parts) < ask.amount.amount_minor:
        log.info("refund.settled_before", booking_id=str(ask.booking_id), cause=cause)
    for each, share in parts:
        payment = each.payment
        await make_refund(
            tx, payment, _refund(payment, share, cause), providers.named(payment.provider)
        )


def _cause(ask: Ask, taken: Sequence[Taken]) -> str | None:
    """Under which cause to record it; None: it was answered before."""
    refunds_made = [refund for each in taken for refund in each.refunds]
    known = any(refund.cause.partition("#")[0] == ask.cause for refund in refunds_made)
    if known and not ask.retry:
        return None
    try:
        return next_cause(ask.cause, refunds_made)
    except StillOpen:
        return None


async def _refuse(tx: Transaction, taken: Taken, amount: Money, cause: str, no: str) -> None:
    payment = taken.payment
    log.error("refund.refused", payment_id=str(payment.id), cause=cause, code=no)
    metrics.ALARMS.labels("refund_refused").inc()
    refused = replace(_refund(payment, amount, cause), status=RefundStatus.FAILED, failure_code=no)
    await refunds.insert(tx, refused)
    changed = payment.touch()
    await payments.save(tx, changed)
    published.refund_failed(tx, changed, refused, taken.refunds)


def _refund(payment: Payment, amount: Money, cause: str) -> Refund:
    return Refund(
        id=uuid7(),
        org_id=payment.org_id,
        booking_id=payment.booking_id,
        payment_id=payment.id,
        cause=cause,
        amount=amount,
    )


async def _captured(tx: Transaction, ask: Ask) -> list[Taken]:
    found = [
        Taken(payment, await refunds.of_payment(tx, payment.id))
        for payment in await payments.lock_of_booking(tx, ask.booking_id)
        if payment.status is Status.SUCCEEDED
        and payment.amount.amount_minor  # a card that was only saved brought nothing
        and (ask.payment_ids is None or payment.id in ask.payment_ids)
    ]
    if not found:
        raise NothingPaidYet
    order = {payment_id: place for place, payment_id in enumerate(ask.payment_ids or ())}
    return sorted(found, key=lambda each: order.get(each.payment.id, 0))


async def make_refund(
    tx: Transaction, payment: Payment, refund: Refund, provider: Provider
) -> None:
    """Record a refund of a locked payment, and have the worker make it.

    What the platform pays of a shared charge takes nothing back from where that went.
    """
    split = await connections.split_of(tx, payment.id)
    if split is not None:
        before = Taken(payment, await refunds.of_payment(tx, payment.id))
        refund = replace(refund, by_platform=before.paid_by_platform(refund.amount))
    await refunds.insert(tx, refund)
    attempt_id = uuid7()
    body = provider.draft_refund(
        RefundOrder(
            attempt_id=attempt_id,
            refund_id=refund.id,
            payment_id=payment.id,
            booking_id=payment.booking_id,
            org_id=payment.org_id,
            provider_ref=payment.refundable_ref,
            amount=refund.amount,
            split=None if refund.by_platform else split,
        )
    )
    await attempts.insert(
        tx,
        attempt_id=attempt_id,
        payment=payment,
        kind=Kind.REFUND,
        body=body,
        refund_id=refund.id,
    )
    intend(tx, payment, Kind.REFUND, attempt_id)
