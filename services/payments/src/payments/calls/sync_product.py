"""Make a provider's catalogue say what an offering is now."""

from dataclasses import dataclass
from uuid import UUID

from chassis.db import Transaction
from chassis.intents import Done, GiveUp, Intent, Outcome
from payments.calls.desk import Desk
from payments.domain.products import Product
from payments.domain.provider import (
    Account,
    Provider,
    ProviderError,
    Publishing,
    Refused,
    Remembered,
)
from payments.store import connections, products
from payments.usecases.keep_product import intend_sync, record_synced


@dataclass(frozen=True, slots=True)
class SyncProduct:
    """Executor of `sync_product`: looks what is there and changes what differs."""

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        offering_id = UUID(intent.payload["offering_id"])
        provider = self.desk.providers.taking(("checkout",))
        async with self.desk.db.transaction(intent.org_id) as tx:
            product = await products.read(tx, offering_id)
            if product is None:
                return Done()
            account = await self._account(tx, product, provider)
        if account is None or not isinstance(provider, Publishing):
            return Done()
        try:
            refs = await provider.publish(account, product, key=str(intent.id))
        except Remembered:
            # The key is spent on a fault; a successor has keys of its own, and looks first as ever.
            return Done(lambda tx: _anew(tx, offering_id))
        except Refused as no:
            return GiveUp(no.code)
        except ProviderError as error:
            return await self.desk.put_off(error)
        account_id = account.id
        return Done(lambda tx: record_synced(tx, product, account_id, refs))

    async def _account(
        self, tx: Transaction, product: Product, provider: Provider
    ) -> Account | None:
        """Where its payments go now, whatever this process remembers."""
        accounts = self.desk.accounts
        connection = await connections.of_org(tx, product.org_id)
        if connection is not None and connection.takes_over:
            return accounts.platform
        return await accounts.for_new_payments(
            tx, product.org_id, provider.account_kind, reread=True
        )


async def _anew(tx: Transaction, offering_id: UUID) -> None:
    intend_sync(tx, offering_id)
