"""Compare what a provider shows with what we have, note what differs, and look into it.

Nothing is corrected here: whatever differs is looked at by the same intent as any notification,
which reads it anew and applies it under the payment's lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from chassis import metrics
from chassis.db import Transaction
from payments.domain import reconciliation
from payments.domain.money import Money
from payments.domain.payment import Fact, Payment
from payments.domain.reconciliation import Finding, Kind, Run
from payments.domain.refunds import Taken
from payments.domain.snapshot import ProviderEvent, RefundSnapshot, Snapshot
from payments.store import ledger, payments, reconciliations, refunds
from payments.usecases.receive_event import intend_apply, receive_event, uuid_in
from payments.usecases.record_refunds import known_as

log = structlog.get_logger(__name__)

_ALARM = "reconciliation_drift"
metrics.ALARMS.labels(_ALARM)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One organisation's part of a run. `lister`: the adapter whose payments the lists name."""

    tx: Transaction
    run: Run
    lister: str

    async def event(self, event: ProviderEvent) -> None:
        """Take in a notification that never came."""
        account_id = self.run.account_id
        if await receive_event(self.tx, account_id=account_id, event=event, delivered=False):
            await self._found(Finding(Kind.EVENT_MISSED, event.id))

    async def payment(self, shown: Snapshot) -> None:
        """One that the provider lists; those that we did not make are none of our business."""
        payment_id = uuid_in(shown.metadata.get("payment_id"))
        if payment_id is None:
            return
        ours = await payments.lock(self.tx, payment_id)
        if ours is None or not self._is_of(ours, shown):
            received = shown.received if shown.fact is Fact.SUCCEEDED else None
            theirs = received.amount_minor if received else 0
            unknown = Finding(
                Kind.PAYMENT_UNKNOWN, shown.ref, None, None, shown.amount.currency, 0, theirs
            )
            await self._found(unknown)
            return
        await self.known_payment(ours, shown)

    def _is_of(self, ours: Payment, shown: Snapshot) -> bool:
        """Whether it is the one that we know, and not a second one for the same payment."""
        known = ours.money_ref or (ours.provider_ref if ours.provider == self.lister else None)
        return ours.account_id == self.run.account_id and known in {None, shown.ref}

    async def known_payment(self, ours: Payment, shown: Snapshot) -> None:
        """One of ours, as the provider shows it; its lock is held."""
        await reconciliations.mark_payment(self.tx, ours.id)
        if ours.captured is not None and shown.fee is not None:
            await ledger.book_fee(self.tx, ours, shown.fee)
        finding = reconciliation.of_payment(ours, shown)
        if finding is not None and await self._found(finding):
            self._look(ours, about_refunds=False)
        elif finding is None and shown.shared is not None:
            await self._shares(ours, shown)

    async def _shares(self, ours: Payment, shown: Snapshot) -> None:
        taken = Taken(ours, await refunds.of_payment(self.tx, ours.id))
        kept = await ledger.platform_fee(self.tx, ours.id)
        for finding in reconciliation.of_shares(taken, Money(kept, taken.captured.currency), shown):
            await self._found(finding)

    async def refund(self, shown: RefundSnapshot) -> None:
        """One that the provider lists, if it is of a payment of ours."""
        payment = await payments.lock_by_ref(self.tx, self.run.account_id, shown.payment_ref or "")
        if payment is not None:
            await self.refunds_of(payment, [shown])

    async def refunds_of(self, payment: Payment, shown: Sequence[RefundSnapshot]) -> None:
        """Refunds of a payment of ours, as the provider shows them."""
        ours = await refunds.of_payment(self.tx, payment.id)
        seen = []
        for one in shown:
            known = known_as(one, ours)
            if known is not None:
                seen.append(known.id)
            finding = reconciliation.of_refund(payment, known, one)
            if finding is not None and await self._found(finding):
                self._look(payment, about_refunds=True)
        await reconciliations.mark_refunds(self.tx, seen)

    async def not_there(self, payment: Payment) -> None:
        """The provider does not know a payment of ours."""
        await reconciliations.mark_payment(self.tx, payment.id)
        if payment.captured is not None:
            taken = payment.captured
            await self._found(
                Finding(
                    Kind.PAYMENT_NOT_THERE,
                    payment.provider_ref or "",
                    payment.id,
                    payment.booking_id,
                    taken.currency,
                    taken.amount_minor,
                    0,
                )
            )

    async def _found(self, finding: Finding) -> bool:
        new = await reconciliations.add(self.tx, self.run.id, finding)
        if new and finding.drifts:
            log.error("reconciliation.drift", kind=finding.kind, ref=finding.ref)
            metrics.ALARMS.labels(_ALARM).inc()
        return new

    def _look(self, payment: Payment, *, about_refunds: bool) -> None:
        ref = payment.refundable_ref if about_refunds else payment.provider_ref
        intend_apply(
            self.tx,
            account_id=self.run.account_id,
            event_id=f"{self.run.id}:{ref}:{'refunds' if about_refunds else 'payment'}",
            event={
                "payment_ref": ref,
                "about_refunds": about_refunds,
                "settles": False,
                "adapter": payment.provider,
                "payment_id": str(payment.id),
            },
        )
