"""Record what asking for the money came to."""

from dataclasses import replace

import structlog

from chassis.db import Transaction
from chassis.sealing import Sealer
from payments import published
from payments.domain.attempt import Attempt
from payments.domain.failures import Failure
from payments.domain.payment import Fact, StaleFact
from payments.domain.snapshot import Snapshot
from payments.store import attempts, payments
from payments.usecases.observe import observe

log = structlog.get_logger(__name__)


async def record_capture(
    tx: Transaction, attempt: Attempt, snapshot: Snapshot, *, secrets: Sealer
) -> None:
    """Taken, under way, declined, or to be approved again: the attempt is over with it.

    What is still called approved after we asked is not asked for again by itself: the customer's
    next step does that.
    """
    if not await attempts.finish(tx, attempt.id):
        return
    payment = await payments.lock(tx, attempt.payment_id)
    if payment is None:
        return
    # Seen after our own call, the only one that moves the money: nothing newer can be known.
    await observe(
        tx,
        replace(snapshot, approved=False),
        account_id=payment.account_id,
        seen_version=payment.version,
        secrets=secrets,
    )


async def refuse_capture(tx: Transaction, attempt: Attempt, code: str) -> None:
    """The provider will not take it, for a reason that another try of the customer may mend."""
    if not await attempts.finish(tx, attempt.id, "refused", code):
        return
    payment = await payments.lock(tx, attempt.payment_id)
    if payment is None:
        return
    try:
        declined = payment.learn(Fact.DECLINED, Failure(code, occurrence=str(attempt.id)))
    except StaleFact:
        return
    log.warning("capture.refused", payment_id=str(payment.id), code=code)
    await payments.save(tx, declined)
    published.learnt(tx, declined, Fact.DECLINED, await tx.now())
