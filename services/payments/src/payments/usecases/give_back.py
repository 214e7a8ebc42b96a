"""Give money back, once per cause (PAY-36 to PAY-38, F-33 to F-35)."""

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
from payments.domain.refunds import Refund, Taken, refusal, shares
from payments.domain.snapshot import RefundStatus
from payments.store import attempts, payments, refunds
from payments.usecases.intend import intend

log = structlog.get_logger(__name__)


class NothingPaidYet(Exception):  # an answer, not a fault
    """A refund is asked for, but no captured payment of the booking is known here yet."""


async def give_back(
    tx: Transaction,
    *,
    booking_id: UUID,
    payment_id: UUID | None,
    amount: Money,
    cause: str,
    providers: Providers,
    retry: bool = False,
) -> None:
    """Record a refund and the intent to make it, of one payment or of all that the booking has.

    The same cause again changes nothing, unless it is a `retry` of what has failed every time.
    More than what is left of the captured amount, or another currency, is refused and reported,
    never cut down.

    Raises:
        NothingPaidYet: try again later.
    """
    if amount.amount_minor == 0:
        return
    taken = await _captured(tx, booking_id, payment_id)
    earlier = [
        refund
        for each in taken
        for refund in each.refunds
        if refund.cause.partition("#")[0] == cause
    ]
    if earlier:
        if not retry or any(refund.status is not RefundStatus.FAILED for refund in earlier):
            return
        cause = f"{cause}#{len(earlier) + 1}"
    for each, share in shares(amount, taken):
        await _give_back(tx, each, share, cause, providers.named(each.payment.provider))


async def _give_back(
    tx: Transaction, taken: Taken, amount: Money, cause: str, provider: Provider
) -> None:
    payment = taken.payment
    no = refusal(payment.captured, taken.refunds, amount)
    refund = Refund(
        id=uuid7(),
        org_id=payment.org_id,
        booking_id=payment.booking_id,
        payment_id=payment.id,
        cause=cause,
        amount=amount,
        status=RefundStatus.FAILED if no else RefundStatus.PENDING,
        failure_code=no,
    )
    await refunds.insert(tx, refund)
    if no:
        log.error("refund.refused", payment_id=str(payment.id), cause=cause, code=no)
        metrics.ALARMS.labels("refund_refused").inc()
        changed = payment.touch()
        await payments.save(tx, changed)
        published.refund_failed(tx, changed, amount, no)
    else:
        await _intend(tx, payment, refund, provider)


async def _captured(tx: Transaction, booking_id: UUID, payment_id: UUID | None) -> list[Taken]:
    found = [
        Taken(payment, await refunds.of_payment(tx, payment.id))
        for payment in await payments.lock_of_booking(tx, booking_id)
        if payment.status is Status.SUCCEEDED and payment_id in {None, payment.id}
    ]
    if not found:
        raise NothingPaidYet
    return found


async def _intend(tx: Transaction, payment: Payment, refund: Refund, provider: Provider) -> None:
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
