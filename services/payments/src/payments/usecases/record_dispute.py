"""Apply what the provider shows of a dispute, and book the money that it moved."""

from dataclasses import replace

import structlog

from chassis import metrics
from chassis.db import Transaction
from chassis.ids import uuid7
from payments import published
from payments.domain.disputes import OVER, TRANSITIONS, Dispute, DisputeSnapshot, Status
from payments.domain.ledger import (
    DISPUTE_FEE,
    DISPUTE_FEE_RETURNED,
    DISPUTE_LOST,
    DISPUTE_RECOVERED,
    DISPUTE_REINSTATED,
    DISPUTE_WITHDRAWN,
)
from payments.domain.money import Money
from payments.domain.payment import Payment
from payments.store import disputes, ledger, payments

log = structlog.get_logger(__name__)

_ALARM = "payment_disputed"
metrics.ALARMS.labels(_ALARM)


async def record_dispute(tx: Transaction, payment: Payment, shown: DisputeSnapshot) -> bool:
    """Bring a dispute of a locked payment up to date; False: it tells nothing new.

    A status that does not follow from the one we know is older than it. What moved is booked either
    way, once for each movement; of a dispute that is lost, also that it is gone for good.
    """
    before = await disputes.of_payment(tx, payment.id, shown.ref)
    after = _after(before, shown) if before else _found(payment, shown)
    await _book(tx, payment, shown, lost=after.status is Status.LOST)
    if after == before:
        return False
    if after.status in OVER:
        after = replace(after, closed_at=await tx.now())
    await disputes.save(tx, after)
    if before is None:
        log.error("payment.disputed", payment_id=str(payment.id), reason=shown.reason)
        metrics.ALARMS.labels(_ALARM).inc()
    await _tell(tx, payment, before, after)
    return True


async def _tell(tx: Transaction, payment: Payment, before: Dispute | None, after: Dispute) -> None:
    """Others hear when it opens and when it is over, once each."""
    if before is not None and after.closed_at is None:
        return
    changed = payment.touch()
    await payments.save(tx, changed)
    if before is None:
        published.disputed(tx, changed, after)
    if after.closed_at is not None:
        published.dispute_closed(tx, changed, after, after.closed_at)


def _found(payment: Payment, shown: DisputeSnapshot) -> Dispute:
    return Dispute(
        id=uuid7(),
        org_id=payment.org_id,
        booking_id=payment.booking_id,
        payment_id=payment.id,
        provider_ref=shown.ref,
        status=shown.status,
        reason=shown.reason,
        amount=shown.amount,
        respond_by=shown.respond_by,
        opened_at=shown.opened_at,
    )


def _after(before: Dispute, shown: DisputeSnapshot) -> Dispute:
    if shown.status is not before.status and shown.status not in TRANSITIONS[before.status]:
        return before
    return replace(
        before,
        status=shown.status,
        reason=shown.reason,
        amount=shown.amount,
        respond_by=shown.respond_by,
    )


async def _book(tx: Transaction, payment: Payment, shown: DisputeSnapshot, *, lost: bool) -> None:
    for moved in shown.moved:
        taken, currency = moved.amount.amount_minor < 0, moved.amount.currency
        movement = DISPUTE_WITHDRAWN if taken else DISPUTE_REINSTATED
        positive = Money(abs(moved.amount.amount_minor), currency)
        await ledger.book(tx, payment, movement, moved.ref, positive)
        if lost:
            for_good = DISPUTE_LOST if taken else DISPUTE_RECOVERED
            await ledger.book(tx, payment, for_good, moved.ref, positive)
        fee = Money(abs(moved.fee_minor), currency)
        kept = DISPUTE_FEE if moved.fee_minor > 0 else DISPUTE_FEE_RETURNED
        await ledger.book(tx, payment, kept, moved.ref, fee)
