"""Note that the provider will not make a refund; a person must look."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from chassis.db import Transaction
from payments import published
from payments.domain.attempt import Attempt
from payments.domain.snapshot import RefundSnapshot, RefundStatus
from payments.store import attempts, payments, refunds
from payments.usecases.record_refunds import record_refunds

log = structlog.get_logger(__name__)


async def refuse_refund(
    tx: Transaction, attempt: Attempt, shown: Sequence[RefundSnapshot], code: str
) -> None:
    """Fail the refund and tell booking; the same attempt again changes nothing.

    `shown` are the refunds that the provider has: made by hand, perhaps, and the reason for the no.
    """
    if not await attempts.finish(tx, attempt.id, "refused", code):
        return
    payment = await payments.lock(tx, attempt.payment_id)
    if payment is None:
        return
    await record_refunds(tx, payment, shown)
    payment = await payments.lock(tx, attempt.payment_id) or payment
    known = {refund.id: refund for refund in await refunds.of_payment(tx, payment.id)}
    refund = known.get(attempt.refund_id) if attempt.refund_id else None
    if refund is not None and refund.may_become(RefundStatus.FAILED):
        log.error("refund.refused", payment_id=str(payment.id), code=code)
        failed = replace(refund, status=RefundStatus.FAILED, failure_code=code)
        await refunds.settle(tx, failed)
        changed = payment.touch()
        await payments.save(tx, changed)
        known[failed.id] = failed
        published.refund_failed(tx, changed, failed, known.values())
