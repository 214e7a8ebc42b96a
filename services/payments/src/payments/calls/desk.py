"""What every call needs: the attempt, the account to make it with, and an answer to failures."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from chassis.db import Database
from chassis.intents import Intent, Retry
from chassis.sealing import Sealer
from payments.domain.attempt import SEARCH_LAG, Attempt
from payments.domain.payment import Payment
from payments.domain.provider import (
    Account,
    Misconfigured,
    Provider,
    ProviderError,
    Providers,
    Remembered,
    Unreached,
)
from payments.store import attempts
from payments.store.accounts import Accounts
from payments.store.attempts import Task

log = structlog.get_logger(__name__)


class NoAccount(Exception):  # named for what is wrong
    """A payment names an account that is not there; its organisation's money is stuck."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The worker's tools. `columns` seals what is stored, `contacts` opens guests' contacts."""

    db: Database
    accounts: Accounts
    providers: Providers
    columns: Sealer
    contacts: Sealer

    async def task(self, intent: Intent) -> Task | None:
        """The attempt to make and its payment; None when it is over."""
        async with self.db.transaction(intent.org_id) as tx:
            found = await attempts.find(tx, UUID(intent.payload["attempt_id"]))
        return found if found and found.attempt.open else None

    def provider(self, payment: Payment) -> Provider:
        """The adapter that a payment goes through."""
        return self.providers.named(payment.provider)

    async def account(self, account_id: str) -> Account:
        """The account to call with.

        Raises:
            NoAccount: it is not there.
        """
        found = await self.accounts.by_id(self.db, account_id)
        if found is None:
            raise NoAccount(account_id)
        return found

    async def put_off(self, error: ProviderError, attempt: Attempt | None = None) -> Retry:
        """When to try again after a call that got no answer to act on.

        A key that is spent is marked, so that the next run looks what it did, once the provider's
        search is sure to show it.

        Raises:
            ProviderError: the error, when it is none of those.
        """
        match error:
            case Unreached():
                return Retry(error.after, error.code)
            case Misconfigured():
                log.error("provider.misconfigured", code=error.code)
                return Retry(None, error.code)
            case Remembered() if attempt is not None:
                async with self.db.transaction(attempt.org_id) as tx:
                    await attempts.mark_look_first(tx, attempt.id, error.code)
                return Retry(SEARCH_LAG.total_seconds(), error.code)
        raise error
