"""Take the money that a customer agreed to, exactly once, unless nobody wants it any more."""

from dataclasses import dataclass
from datetime import datetime

from chassis.db import Transaction
from chassis.intents import Done, Intent, Outcome, Retry
from payments.calls.desk import Desk
from payments.domain.attempt import SEARCH_LAG, Attempt
from payments.domain.payment import Payment
from payments.domain.provider import (
    Capturing,
    Gone,
    OutOfState,
    ProviderError,
    Refused,
    Remembered,
)
from payments.domain.snapshot import Snapshot
from payments.store import attempts
from payments.usecases.drop import drop
from payments.usecases.record_capture import record_capture, refuse_capture


class CapturesNothing(Exception):  # named for what is wrong
    """A capture is wanted of a provider whose payments need none."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Executor of `capture_payment`."""

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        task = await self.desk.task(intent)
        if task is None:
            return Done()
        attempt, payment, now = task
        since = payment.unwanted_since(now)
        if since is not None and intent.attempt == 1:
            return Done(lambda tx: _abandon(tx, attempt))
        try:
            if since is not None:
                return await self._unwanted(attempt, payment, now, since)
            return self._seen(attempt, await self._capture(attempt, payment, now))
        except Refused as no:
            refusal = no
            return Done(lambda tx: _refused(tx, attempt, refusal))
        except ProviderError as error:
            return await self.desk.put_off(error)

    async def _capture(self, attempt: Attempt, payment: Payment, now: datetime) -> Snapshot:
        account = await self.desk.account(payment.account_id)
        provider, ref = self.desk.provider(payment), payment.provider_ref or ""
        if not isinstance(provider, Capturing):
            raise CapturesNothing(payment.provider)
        if attempt.must_look_first(now, provider.key_lifetime):
            return await provider.look(account, ref)
        try:
            return await provider.capture(account, ref, key=attempt.key)
        except (OutOfState, Remembered):
            # Captured already, or to be approved again: whatever it is now is the truth.
            return await provider.look(account, ref)

    async def _unwanted(
        self, attempt: Attempt, payment: Payment, now: datetime, since: datetime
    ) -> Outcome:
        """Nothing is captured any more; but an earlier run may have done it."""
        account = await self.desk.account(payment.account_id)
        shown = await self.desk.provider(payment).look(account, payment.provider_ref or "")
        if shown.approved and now - since < SEARCH_LAG:
            return Retry(SEARCH_LAG.total_seconds(), "unwanted, and not captured yet")
        return self._seen(attempt, shown)

    def _seen(self, attempt: Attempt, shown: Snapshot) -> Done:
        secrets = self.desk.columns
        return Done(lambda tx: record_capture(tx, attempt, shown, secrets=secrets))


async def _refused(tx: Transaction, attempt: Attempt, no: Refused) -> None:
    if isinstance(no, Gone):
        await drop(tx, attempt, why=no.code, refused=False)
    else:
        await refuse_capture(tx, attempt, no.code)


async def _abandon(tx: Transaction, attempt: Attempt) -> None:
    await attempts.finish(tx, attempt.id, "abandoned", "unwanted")
