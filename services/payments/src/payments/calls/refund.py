"""Refund at the provider, exactly once however often this runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.db import Transaction
from chassis.intents import Done, GiveUp, Intent, Outcome
from payments.calls.desk import Desk
from payments.domain.attempt import Attempt
from payments.domain.payment import Payment
from payments.domain.provider import Account, OutOfState, ProviderError, Refused
from payments.domain.snapshot import RefundSnapshot
from payments.store.attempts import Task
from payments.usecases.intend import replace
from payments.usecases.record_refunds import record_refund_made
from payments.usecases.refuse_refund import refuse_refund


@dataclass(frozen=True, slots=True)
class Refund:
    """Executor of `refund_payment`."""

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        task = await self.desk.task(intent)
        if task is None:
            return Done()
        attempt, payment, now = task
        account = await self.desk.account(payment.account_id)
        provider = self.desk.provider(payment)
        try:
            if attempt.must_look_first(now, provider.key_lifetime):
                return await self._look_first(task, account)
            made = await provider.refund(account, attempt.body, key=attempt.key)
        except (Refused, OutOfState) as no:
            return await self._refused(attempt, payment, account, no.code)
        except ProviderError as error:
            return await self.desk.put_off(error, attempt)
        return _done(attempt, [made])

    async def _look_first(self, task: Task, account: Account) -> Outcome:
        """The key is spent: take what it did, or try with a new one."""
        attempt, payment, _ = task
        shown = await self._refunds(account, payment)
        if _is_among(attempt, shown):
            return _done(attempt, shown)
        provider = self.desk.provider(payment)
        return Done(lambda tx: replace(tx, attempt, payment, provider, "absent"))

    async def _refused(
        self, attempt: Attempt, payment: Payment, account: Account, code: str
    ) -> Outcome:
        """The provider says no: perhaps because it was done, by an earlier run or by hand."""
        try:
            shown = await self._refunds(account, payment)
        except ProviderError as error:
            return await self.desk.put_off(error)
        if _is_among(attempt, shown):
            return _done(attempt, shown)
        return GiveUp(code, lambda tx: refuse_refund(tx, attempt, shown, code))

    async def _refunds(self, account: Account, payment: Payment) -> Sequence[RefundSnapshot]:
        provider = self.desk.provider(payment)
        return await provider.refunds(account, payment.refundable_ref)


def _is_among(attempt: Attempt, shown: Sequence[RefundSnapshot]) -> bool:
    return any(snapshot.metadata.get("attempt_id") == attempt.key for snapshot in shown)


def _done(attempt: Attempt, shown: Sequence[RefundSnapshot]) -> Done:
    async def record(tx: Transaction) -> None:
        await record_refund_made(tx, attempt, shown)

    return Done(record)
