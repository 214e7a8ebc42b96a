"""Look at what a provider's notification is about, and apply what is seen (F-23)."""

from dataclasses import dataclass
from typing import Any

import structlog

from chassis.db import Transaction
from chassis.intents import Done, Intent, Outcome
from payments.calls.desk import Desk
from payments.domain.provider import Account, Disputable, Provider, ProviderError, Refused
from payments.store import payments, provider_events
from payments.usecases import observe as observing
from payments.usecases.receive_event import intend_apply, uuid_in
from payments.usecases.record_dispute import record_dispute
from payments.usecases.record_refunds import record_refunds

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ApplyEvent:
    """Executor of `apply_event`: the notification only says where to look."""

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        event = intent.payload
        account = await self.desk.account(event["account_id"])
        try:
            if event.get("dispute_ref"):
                return await self._dispute(account, event)
            if event["about_refunds"]:
                return await self._refunds(account, event)
            return await self._payment(account, event, intent)
        except Refused as no:
            # No such payment at this account: it was removed, or the event is not about ours.
            log.warning("event.leads_nowhere", code=no.code)
            return Done(lambda tx: _settle(tx, event, observing.Outcome.FOREIGN))
        except ProviderError as error:
            return await self.desk.put_off(error)

    def _provider(self, account: Account, event: dict[str, Any]) -> Provider:
        return self.desk.providers.named(event.get("adapter") or account.provider)

    async def _payment(self, account: Account, event: dict[str, Any], intent: Intent) -> Outcome:
        ref: str = event["payment_ref"]
        seen: int | None = None
        if not event["settles"]:
            # An outcome that may still change is only believed if nothing moved during the look.
            async with self.desk.db.transaction(intent.org_id) as tx:
                seen = await payments.version_of(
                    tx, account.id, ref, uuid_in(event.get("payment_id"))
                )
        snapshot = await self._provider(account, event).look(account, ref)

        async def record(tx: Transaction) -> None:
            outcome = await observing.observe(
                tx,
                snapshot,
                account_id=account.id,
                seen_version=seen,
                secrets=self.desk.columns,
            )
            await _settle(tx, event, outcome)

        return Done(record)

    async def _dispute(self, account: Account, event: dict[str, Any]) -> Outcome:
        teller = self._provider(account, event)
        if not isinstance(teller, Disputable):
            return Done(lambda tx: _settle(tx, event, observing.Outcome.FOREIGN))
        shown = await teller.dispute(account, event["dispute_ref"])

        async def record(tx: Transaction) -> None:
            payment = await payments.lock_by_ref(tx, account.id, shown.payment_ref)
            if payment is None:
                await _settle(tx, event, observing.Outcome.FOREIGN)
                return
            news = await record_dispute(tx, payment, shown)
            await _settle(
                tx, event, observing.Outcome.APPLIED if news else observing.Outcome.NOTHING_NEW
            )

        return Done(record)

    async def _refunds(self, account: Account, event: dict[str, Any]) -> Outcome:
        ref: str = event["payment_ref"]
        shown = await self._provider(account, event).refunds(account, ref)

        whose = next((one.payment_ref for one in shown if one.payment_ref), ref)

        async def record(tx: Transaction) -> None:
            payment = await payments.lock_by_ref(tx, account.id, whose)
            if payment is None:
                await _settle(tx, event, observing.Outcome.FOREIGN)
                return
            news = await record_refunds(tx, payment, shown)
            await _settle(
                tx, event, observing.Outcome.APPLIED if news else observing.Outcome.NOTHING_NEW
            )

        return Done(record)


async def _settle(tx: Transaction, event: dict[str, Any], outcome: observing.Outcome) -> None:
    if outcome is observing.Outcome.LOOK_AGAIN:
        # The intent that runs now is gone with this transaction; its successor looks anew.
        intend_apply(
            tx,
            account_id=event["account_id"],
            event_id=event["event_id"],
            event={**event, "settles": False},
        )
        return
    await provider_events.settle(tx, event["account_id"], event["event_id"], outcome)
