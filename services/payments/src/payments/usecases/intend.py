"""Have the worker call the provider, after the commit."""

from uuid import UUID

from chassis.db import Transaction
from chassis.ids import uuid7
from payments.domain.attempt import Attempt, Kind
from payments.domain.payment import Payment
from payments.domain.provider import Provider
from payments.store import attempts


def intend(tx: Transaction, payment: Payment, kind: Kind, attempt_id: UUID) -> None:
    """Record the intent to make an attempt; calls of one provider account share a lane."""
    tx.intend(
        f"{kind}_payment",
        subject=str(attempt_id),
        lane=payment.account_id,
        payload={"attempt_id": str(attempt_id)},
    )


async def cancel_at_provider(tx: Transaction, payment: Payment) -> None:
    """Ask the provider to let nobody pay any more; once, however often it is called."""
    attempt_id = uuid7()
    if await attempts.insert(tx, attempt_id=attempt_id, payment=payment, kind=Kind.CANCEL, body={}):
        intend(tx, payment, Kind.CANCEL, attempt_id)


async def capture_at_provider(tx: Transaction, payment: Payment) -> None:
    """Take the money that the customer agreed to; one such call at a time."""
    attempt_id = uuid7()
    if await attempts.insert(
        tx, attempt_id=attempt_id, payment=payment, kind=Kind.CAPTURE, body={}
    ):
        intend(tx, payment, Kind.CAPTURE, attempt_id)


def look_at_provider(tx: Transaction, payment: Payment) -> None:
    """Have the worker see how a payment stands; asked for again meanwhile, it is one look."""
    tx.intend(
        "look_at_payment",
        subject=str(payment.id),
        lane=payment.account_id,
        payload={"payment_id": str(payment.id)},
    )


async def replace(
    tx: Transaction, attempt: Attempt, payment: Payment, provider: Provider, reason: str
) -> None:
    """Put a new attempt in the place of one whose key is spent and which did nothing."""
    if not await attempts.finish(tx, attempt.id, "abandoned", reason):
        return
    attempt_id = uuid7()
    await attempts.insert(
        tx,
        attempt_id=attempt_id,
        payment=payment,
        kind=attempt.kind,
        body=provider.redraft(attempt.body, attempt_id),
        refund_id=attempt.refund_id,
        contact=attempt.contact,
    )
    intend(tx, payment, attempt.kind, attempt_id)
