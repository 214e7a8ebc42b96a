"""Look how a payment stands at its provider, because its customer came back from there."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from chassis.db import Transaction
from chassis.intents import Done, Intent, Outcome
from payments.calls.desk import Desk
from payments.domain.provider import ProviderError, Refused
from payments.store import payments
from payments.usecases.observe import observe

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """Executor of `look_at_payment`: what a notification would have us do, without one."""

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        async with self.desk.db.transaction(intent.org_id) as tx:
            payment = await payments.lock(tx, UUID(intent.payload["payment_id"]))
        if payment is None or payment.provider_ref is None or not payment.payable:
            return Done()
        account = await self.desk.account(payment.account_id)
        try:
            shown = await self.desk.provider(payment).look(account, payment.provider_ref)
        except Refused as no:
            log.warning("payment.not_there", payment_id=str(payment.id), code=no.code)
            return Done()
        except ProviderError as error:
            return await self.desk.put_off(error)

        async def record(tx: Transaction) -> None:
            await observe(
                tx,
                shown,
                account_id=account.id,
                seen_version=payment.version,
                secrets=self.desk.columns,
            )

        return Done(record)
