"""Give up a payment that never came to exist at the provider."""

from chassis.db import Transaction
from payments import published
from payments.domain.attempt import Attempt
from payments.domain.failures import Failure
from payments.domain.payment import Fact, StaleFact
from payments.store import attempts, payments
from payments.usecases.release_card import release_after


async def drop(tx: Transaction, attempt: Attempt, *, why: str, refused: bool) -> None:
    """Close the attempt; the payment failed (`refused` by the provider) or was never asked for."""
    if not await attempts.finish(tx, attempt.id, "refused" if refused else "abandoned", why):
        return
    payment = await payments.lock(tx, attempt.payment_id)
    if payment is None:
        return
    fact = Fact.REFUSED if refused else Fact.CANCELLED
    try:
        over = payment.learn(fact, Failure(why) if refused else None)
    except StaleFact:
        return
    await payments.save(tx, over)
    published.learnt(tx, over, fact, await tx.now())
    await release_after(tx, over)
