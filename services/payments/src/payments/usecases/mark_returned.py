"""Staff say that they have sent a refund that was owed by hand."""

from uuid import UUID

import structlog

from chassis.db import Transaction
from payments.domain.provider import Providers, Witnessed
from payments.domain.refunds import Refund
from payments.domain.snapshot import RefundStatus
from payments.domain.statements import Marked, Statement
from payments.problems import CannotMarkReturned, NoSuchRefund
from payments.store import payments, refunds, statements
from payments.usecases.recognise import recognise
from payments.usecases.record_refunds import record_refunds

log = structlog.get_logger(__name__)


async def mark_returned(
    tx: Transaction, refund_id: UUID, *, said: Statement, providers: Providers
) -> Marked[Refund]:
    """Record it and tell what went back so far; what was said before changes nothing.

    Raises:
        NoSuchRefund: it is unknown, or another organisation's.
        KeyReused: the key was used for another request about this refund.
        CannotMarkReturned: its provider sends it, or it has failed.
    """
    refund = await refunds.find(tx, refund_id)
    if refund is None:
        raise NoSuchRefund
    payment = await payments.lock(tx, refund.payment_id)
    refund = await refunds.find(tx, refund_id)
    if payment is None or refund is None:
        raise NoSuchRefund
    if await recognise(tx, said):
        return Marked(refund, replayed=True)
    provider = providers.named(payment.provider)
    if not isinstance(provider, Witnessed):
        raise CannotMarkReturned("Its provider sends it, and says when it has.")
    if refund.status is RefundStatus.FAILED:
        raise CannotMarkReturned("It has failed; what is owed is another refund.")
    if await record_refunds(tx, payment, [provider.returned(refund)]):
        await statements.add(tx, payment, refund.id, "returned", said)
        log.info("refund.marked_returned", refund_id=str(refund.id))
    if said.request:
        await statements.remember(tx, said.request, payment, refund.id)
    return Marked(await refunds.find(tx, refund_id) or refund)
