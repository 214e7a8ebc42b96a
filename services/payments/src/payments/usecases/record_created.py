"""Record that a payment exists at the provider."""

from chassis.db import Transaction
from chassis.sealing import Sealer
from payments.domain.attempt import Attempt
from payments.domain.snapshot import Snapshot
from payments.store import attempts, payments
from payments.usecases.observe import Outcome, observe, seal_secret


async def record_created(
    tx: Transaction, attempt: Attempt, snapshot: Snapshot, *, account_id: str, secrets: Sealer
) -> None:
    """Close the attempt, keep the client secret, and tell that the payment is ready.

    When an event told us of the payment before, only the secret is new.
    """
    if not await attempts.finish(tx, attempt.id):
        return
    outcome = await observe(tx, snapshot, account_id=account_id, seen_version=None, secrets=secrets)
    if outcome is Outcome.APPLIED:
        return
    payment = await payments.lock(tx, attempt.payment_id)
    if payment is not None:
        await payments.save(tx, payment, seal_secret(secrets, payment, snapshot))
