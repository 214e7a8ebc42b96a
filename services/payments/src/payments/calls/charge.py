"""Charge a saved card once more, exactly once however often this runs."""

from dataclasses import dataclass
from datetime import datetime

from chassis.intents import Done, Intent, Outcome
from payments.calls.desk import Desk
from payments.domain.attempt import Attempt
from payments.domain.payment import Payment
from payments.domain.provider import Charging, OutOfState, ProviderError, Refused, Remembered
from payments.domain.snapshot import Snapshot
from payments.usecases.record_capture import record_capture, refuse_capture


class ChargesNothing(Exception):  # named for what is wrong
    """A charge is wanted of a provider that keeps no cards."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Executor of `charge_payment`."""

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        task = await self.desk.task(intent)
        if task is None:
            return Done()
        attempt, payment, now = task
        try:
            shown = await self._charge(attempt, payment, now)
        except Refused as no:
            code = no.code
            return Done(lambda tx: refuse_capture(tx, attempt, code))
        except ProviderError as error:
            return await self.desk.put_off(error)
        secrets = self.desk.columns
        return Done(lambda tx: record_capture(tx, attempt, shown, secrets=secrets))

    async def _charge(self, attempt: Attempt, payment: Payment, now: datetime) -> Snapshot:
        account = await self.desk.account(payment.account_id)
        provider, ref = self.desk.provider(payment), payment.provider_ref or ""
        if not isinstance(provider, Charging):
            raise ChargesNothing(payment.provider)
        unwanted = payment.unwanted_since(now) is not None
        if unwanted or attempt.must_look_first(now, provider.key_lifetime):
            return await provider.look(account, ref)
        try:
            return await provider.charge(account, ref, attempt.body, key=attempt.key)
        except (OutOfState, Remembered):
            # Paid by the guest meanwhile, or given up: whatever it is now is the truth.
            return await provider.look(account, ref)
