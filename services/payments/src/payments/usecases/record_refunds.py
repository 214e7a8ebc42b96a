"""Apply what the provider shows of a payment's refunds, ours and those made by hand there."""

from collections.abc import Iterable
from dataclasses import replace

from chassis.db import Transaction
from chassis.ids import uuid7
from payments import published
from payments.domain.attempt import Attempt
from payments.domain.payment import Payment
from payments.domain.refunds import Refund, returned
from payments.domain.snapshot import RefundSnapshot, RefundStatus
from payments.store import attempts, connections, payments, refunds


async def record_refund_made(
    tx: Transaction, attempt: Attempt, shown: Iterable[RefundSnapshot]
) -> None:
    """Close the attempt of a refund and record what it made."""
    payment = await payments.lock(tx, attempt.payment_id)
    if payment is not None and await attempts.finish(tx, attempt.id):
        await record_refunds(tx, payment, shown)


async def record_refunds(
    tx: Transaction, payment: Payment, snapshots: Iterable[RefundSnapshot]
) -> bool:
    """Bring the refunds of a locked payment up to date and tell what is new; False: nothing was."""
    known = {refund.id: refund for refund in await refunds.of_payment(tx, payment.id)}
    failed: list[Refund] = []
    news = False
    for snapshot in snapshots:
        before = known_as(snapshot, known.values())
        after = _settled(before, snapshot) if before else await _found(tx, payment, snapshot)
        if after == before:
            continue
        news = True
        known[after.id] = after
        await (refunds.settle(tx, after) if before else refunds.insert(tx, after))
        if after.status is RefundStatus.FAILED:
            failed.append(after)
    if news:
        await _tell(tx, payment, list(known.values()), failed)
    return news


def known_as(snapshot: RefundSnapshot, known: Iterable[Refund]) -> Refund | None:
    """Which of a payment's refunds the provider shows, if it is one of those."""
    ours = snapshot.metadata.get("refund_id")
    for refund in known:
        if refund.provider_ref == snapshot.ref:
            return refund
        if refund.provider_ref is None and str(refund.id) == ours:
            return refund
    return None


def _settled(refund: Refund, snapshot: RefundSnapshot) -> Refund:
    status = snapshot.status if refund.may_become(snapshot.status) else refund.status
    failed = status is RefundStatus.FAILED
    return replace(
        refund,
        status=status,
        provider_ref=refund.provider_ref or snapshot.ref,
        failure_code=(refund.failure_code or snapshot.failure_code) if failed else None,
    )


async def _found(tx: Transaction, payment: Payment, snapshot: RefundSnapshot) -> Refund:
    shared = not snapshot.taken_back and await connections.split_of(tx, payment.id) is not None
    return Refund(
        id=uuid7(),
        org_id=payment.org_id,
        booking_id=payment.booking_id,
        payment_id=payment.id,
        cause=f"provider:{snapshot.ref}",
        amount=snapshot.amount,
        status=snapshot.status,
        provider_ref=snapshot.ref,
        failure_code=snapshot.failure_code,
        by_platform=shared,
    )


async def _tell(
    tx: Transaction, payment: Payment, known: list[Refund], failed: list[Refund]
) -> None:
    changed = payment.touch(refunded_minor=returned(known))
    await payments.save(tx, changed)
    if changed.refunded_minor > payment.refunded_minor:
        published.refunded(tx, changed, known, await tx.now())
    for refund in failed:
        published.refund_failed(tx, changed, refund, known)
