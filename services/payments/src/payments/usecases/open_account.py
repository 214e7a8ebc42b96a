"""Give an organisation a provider account of its own."""

from uuid import UUID, uuid4

from chassis.db import Transaction
from payments.domain.provider import Account
from payments.store import connections
from payments.store.accounts import Accounts
from payments.usecases.keep_product import publish_all


async def open_account(
    tx: Transaction,
    accounts: Accounts,
    *,
    org_id: UUID,
    provider: str,
    secret_key: str,
    publishable_key: str | None,
    webhook_secret: str | None,
    publishes: bool,
) -> Account:
    """The new account; payments made from now on go through it.

    An earlier account of the organisation, or its connection to the platform's, keeps serving the
    payments that went through it. One whose provider `publishes` a catalogue gets the offerings
    (PAY-16). The id is random: it is the part of the webhook's address that tells accounts apart.
    Until a webhook secret is known, every notification is refused.
    """
    account = Account(
        id=str(uuid4()),
        org_id=org_id,
        provider=provider,
        publishable_key=publishable_key,
        secret_key=secret_key,
        webhook_secrets=(webhook_secret,) if webhook_secret else (),
    )
    await accounts.add(tx, account, await tx.now())
    if provider == accounts.platform.provider:
        await connections.step_back(tx, org_id)
    if publishes:
        await publish_all(tx)
    return account
