"""Have the provider keep nothing of a card that is needed no more."""

from dataclasses import dataclass
from uuid import UUID

from chassis.intents import Done, Intent, Outcome
from payments.calls.desk import Desk
from payments.domain.provider import Charging, ProviderError
from payments.store import payments


@dataclass(frozen=True, slots=True)
class ForgetCard:
    """Executor of `forget_card`; what is gone already is as good as forgotten."""

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        async with self.desk.db.transaction(intent.org_id) as tx:
            payment = await payments.lock(tx, UUID(intent.payload["payment_id"]))
        if payment is None or payment.customer_ref is None:
            return Done()
        account = await self.desk.account(payment.account_id)
        provider = self.desk.provider(payment)
        if isinstance(provider, Charging):
            try:
                await provider.forget(account, payment.customer_ref, payment.method_ref)
            except ProviderError as error:
                return await self.desk.put_off(error)
        return Done(lambda tx: payments.forget_card(tx, payment.id))
