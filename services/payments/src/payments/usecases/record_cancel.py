"""Record what a cancellation at the provider came to."""

from chassis.db import Transaction
from chassis.sealing import Sealer
from payments.domain.attempt import Attempt
from payments.domain.payment import PAYABLE
from payments.domain.snapshot import Snapshot
from payments.store import attempts, payments
from payments.usecases.intend import cancel_at_provider
from payments.usecases.observe import Outcome, observe


async def record_cancel(
    tx: Transaction, attempt: Attempt, snapshot: Snapshot, *, seen_version: int, secrets: Sealer
) -> None:
    """Cancelled, paid after all (the late-money path), or still payable: then a new attempt."""
    if not await attempts.finish(tx, attempt.id):
        return
    payment = await payments.lock(tx, attempt.payment_id)
    if payment is None:
        return
    outcome = await observe(
        tx,
        snapshot,
        account_id=payment.account_id,
        seen_version=seen_version,
        secrets=secrets,
    )
    if outcome is not Outcome.APPLIED and not snapshot.settled and payment.status in PAYABLE:
        await cancel_at_provider(tx, payment)
