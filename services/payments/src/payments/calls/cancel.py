"""Cancel a payment at the provider, or learn that it is too late (F-07)."""

from dataclasses import dataclass

from chassis.db import Transaction
from chassis.intents import Done, GiveUp, Intent, Outcome
from payments.calls.desk import Desk
from payments.domain.attempt import Attempt
from payments.domain.payment import Payment
from payments.domain.provider import Gone, OutOfState, ProviderError, Refused, Remembered
from payments.domain.snapshot import Snapshot
from payments.store import attempts
from payments.usecases.drop import drop
from payments.usecases.record_cancel import record_cancel


@dataclass(frozen=True, slots=True)
class Cancel:
    """Executor of `cancel_payment`."""

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        task = await self.desk.task(intent)
        if task is None:
            return Done()
        attempt, payment, _ = task
        try:
            snapshot = await self._cancel(attempt, payment)
        except Gone as no:
            code = no.code
            return Done(lambda tx: drop(tx, attempt, why=code, refused=False))
        except Refused as no:
            code = no.code
            return GiveUp(code, lambda tx: _refused(tx, attempt, code))
        except ProviderError as error:
            return await self.desk.put_off(error)
        secrets = self.desk.columns
        return Done(
            lambda tx: record_cancel(
                tx, attempt, snapshot, seen_version=payment.version, secrets=secrets
            )
        )

    async def _cancel(self, attempt: Attempt, payment: Payment) -> Snapshot:
        account = await self.desk.account(payment.account_id)
        provider, ref = self.desk.provider(payment), payment.provider_ref or ""
        try:
            return await provider.cancel(account, ref, key=attempt.key)
        except (OutOfState, Remembered):
            # Paid, cancelled or being cleared already: whatever it is now is the truth.
            return await provider.look(account, ref)


async def _refused(tx: Transaction, attempt: Attempt, code: str) -> None:
    await attempts.finish(tx, attempt.id, "refused", code)
