"""Staff say that the money of a payment by hand has arrived (PAY-33, S2-9)."""

from uuid import UUID

import structlog

from chassis.db import Transaction
from payments import published
from payments.domain.payment import OPEN, Fact, Payment, StaleFact, Status
from payments.domain.provider import Providers, Witnessed
from payments.domain.statements import Marked, Statement
from payments.problems import CannotMarkPaid, NoPayment
from payments.store import payments, statements
from payments.usecases.recognise import recognise

log = structlog.get_logger(__name__)


async def mark_paid(
    tx: Transaction,
    booking_id: UUID,
    payment_id: UUID | None,
    *,
    said: Statement,
    providers: Providers,
) -> Marked[Payment]:
    """Record it and tell; what was said before changes nothing.

    Without `payment_id` the newest payment that waits is meant, else the booking's own; a request
    that comes again means the one that it meant the first time. Money that comes after the end is
    late money like any other.

    Raises:
        NoPayment: the booking has none, or not this one.
        KeyReused: the key was used for another request about this booking.
        CannotMarkPaid: its provider tells us itself, or it never came to be.
    """
    found = await payments.lock_of_booking(tx, booking_id)
    if before := await recognise(tx, said):
        return Marked(next(payment for payment in found if payment.id == before), replayed=True)
    meant = [payment for payment in found if payment_id in {None, payment.id}]
    if not meant:
        raise NoPayment
    waiting = [payment for payment in meant if payment.status in OPEN and payment.closing is None]
    payment = waiting[-1] if waiting else meant[0]
    paid = await receive(tx, payment, said, providers=providers)
    if said.request:
        await statements.remember(tx, said.request, paid, paid.id)
    return Marked(paid)


async def receive(
    tx: Transaction, payment: Payment, said: Statement, *, providers: Providers
) -> Payment:
    """The same of a payment that is locked."""
    provider = providers.named(payment.provider)
    if not isinstance(provider, Witnessed):
        raise CannotMarkPaid("Its provider says when it is paid.")
    if payment.status is Status.FAILED:
        raise CannotMarkPaid("It could never be paid.")
    try:
        paid = payment.observe(provider.paid(payment))
    except StaleFact:
        return payment
    await payments.save(tx, paid)
    await statements.add(tx, paid, paid.id, "paid", said)
    published.learnt(tx, paid, Fact.SUCCEEDED, await tx.now())
    log.info("payment.marked_paid", payment_id=str(paid.id))
    return paid
