"""Create a payment at the provider, exactly once however often this runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.db import Transaction
from chassis.intents import Done, GiveUp, Intent, Outcome, Retry
from chassis.sealing import BrokenSeal
from payments.calls.desk import Desk
from payments.domain.attempt import SEARCH_LAG, Attempt
from payments.domain.payment import Payment
from payments.domain.provider import Account, ProviderError, Refused
from payments.domain.snapshot import Snapshot
from payments.store.attempts import Task
from payments.usecases.drop import drop
from payments.usecases.intend import replace
from payments.usecases.record_created import record_created

# An attempt this young that is claimed for the first time cannot have been sent before; an older
# one may be a revived one.
_SURELY_NEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Create:
    """Executor of `create_payment`."""

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        task = await self.desk.task(intent)
        if task is None:
            return Done()
        attempt, payment, now = task
        account = await self.desk.account(payment.account_id)
        unwanted_since = payment.unwanted_since(now)
        try:
            if unwanted_since is not None:
                return await self._unwanted(task, account, unwanted_since, intent)
            if attempt.must_look_first(now, self.desk.provider(payment).key_lifetime):
                return await self._look_first(task, account)
            snapshot = await self._create(attempt, payment, account)
        except Refused as no:
            code = no.code
            return GiveUp(code, lambda tx: drop(tx, attempt, why=code, refused=True))
        except ProviderError as error:
            return await self.desk.put_off(error, attempt)
        return self._created(attempt, payment, snapshot)

    async def _create(self, attempt: Attempt, payment: Payment, account: Account) -> Snapshot:
        email = self._email(attempt)
        make = self.desk.provider(payment).create
        try:
            return await make(account, attempt.body, key=attempt.key, receipt_email=email)
        except Refused as no:
            if email is None or no.code != "email_invalid":
                raise
        # A receipt is not worth a payment. What is refused as invalid spends no key.
        return await make(account, attempt.body, key=attempt.key, receipt_email=None)

    async def _unwanted(
        self, task: Task, account: Account, since: datetime, intent: Intent
    ) -> Outcome:
        """Nothing is created any more; but an earlier run may have created it."""
        attempt, payment, now = task

        async def give_up(tx: Transaction) -> None:
            await drop(tx, attempt, why=payment.closing or "hold_lapsed", refused=False)

        if intent.attempt == 1 and now - attempt.created_at < _SURELY_NEW:
            return Done(give_up)
        found = await self.desk.provider(payment).find(account, attempt.id)
        if found is not None:
            return self._created(attempt, payment, found)
        if now - since < SEARCH_LAG:
            return Retry(SEARCH_LAG.total_seconds(), "unwanted, and not found yet")
        return Done(give_up)

    async def _look_first(self, task: Task, account: Account) -> Outcome:
        """The key is spent: take what it created, or try with a new one."""
        attempt, payment, _ = task
        found = await self.desk.provider(payment).find(account, attempt.id)
        if found is not None:
            return self._created(attempt, payment, found)
        provider = self.desk.provider(payment)
        return Done(lambda tx: replace(tx, attempt, payment, provider, "absent"))

    def _created(self, attempt: Attempt, payment: Payment, snapshot: Snapshot) -> Done:
        secrets = self.desk.columns
        return Done(
            lambda tx: record_created(
                tx, attempt, snapshot, account_id=payment.account_id, secrets=secrets
            )
        )

    def _email(self, attempt: Attempt) -> str | None:
        """Where the provider sends its receipt; read from the seal at each call, kept nowhere."""
        if attempt.contact is None:
            return None
        try:
            email = self.desk.contacts.open(attempt.contact).get("email")
        except BrokenSeal:
            return None
        return email if isinstance(email, str) else None
