"""Read one page of what a provider lists, and compare it with what we have."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog

from chassis import failpoints, metrics
from chassis.db import Transaction
from chassis.intents import Done, GiveUp, Intent, Outcome
from payments.calls.desk import Desk
from payments.domain.provider import (
    PLATFORM,
    Account,
    Gone,
    Listing,
    Misconfigured,
    ProviderError,
    Refused,
)
from payments.domain.reconciliation import Run, Stage
from payments.store import payments, provider_events, reconciliations
from payments.usecases.compare import Comparison
from payments.usecases.connect import look_at_connection
from payments.usecases.receive_event import uuid_in
from payments.usecases.start_reconciliation import intend_page

log = structlog.get_logger(__name__)
T = TypeVar("T")

_LOOKS = 20  # payments asked for by name in one page
_STAGES = list(Stage)
_LISTS = {Stage.EVENTS, Stage.PAYMENTS, Stage.REFUNDS}


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Executor of `reconcile`: a page, then the next.

    The page is compared in transactions of the organisations it concerns, each of which changes
    nothing when it is repeated; only then is the next page asked for. Where a list is not for us to
    see, our payments are looked at one by one all the same, and the run is said to be incomplete.
    """

    desk: Desk

    async def __call__(self, intent: Intent) -> Outcome:
        run, stage = _run(intent.payload), Stage(intent.payload["stage"])
        cursor: str | None = intent.payload["cursor"]
        unlisted: str | None = intent.payload.get("unlisted")
        account = await self.desk.account(run.account_id)
        try:
            following = await self._page(account, run, stage, cursor)
        except (Refused, Misconfigured) as no:
            if stage in _LISTS:
                unlisted, following, stage = no.code, None, Stage.REFUNDS
                log.warning("reconcile.unlisted", account_id=run.account_id, code=no.code)
            elif isinstance(no, Misconfigured):
                return await self.desk.put_off(no)
            else:
                code = no.code
                return GiveUp(code, lambda tx: reconciliations.finish(tx, run.id, code))
        except ProviderError as error:
            return await self.desk.put_off(error)

        async def record(tx: Transaction) -> None:
            if following is not None:
                intend_page(tx, run, stage, following, unlisted)
            elif stage is not _STAGES[-1]:
                intend_page(tx, run, _STAGES[_STAGES.index(stage) + 1], None, unlisted)
            else:
                await reconciliations.finish(tx, run.id, unlisted)
                if unlisted is not None:
                    metrics.ALARMS.labels("reconciliation_incomplete").inc()

        return Done(record)

    async def _page(
        self, account: Account, run: Run, stage: Stage, cursor: str | None
    ) -> str | None:
        """Compare a page; the cursor of the next one of this stage, None when there is none."""
        beyond = (
            UUID(cursor) if cursor and stage in {Stage.OURS, Stage.CONNECTIONS} else UUID(int=0)
        )
        if stage is Stage.OURS:
            return await self._ours(account, run, beyond)
        if stage is Stage.CONNECTIONS:
            return await self._connections(run, beyond) if run.account_id == PLATFORM else None
        lister = self.desk.providers.of_kind(account.provider)
        if not isinstance(lister, Listing):
            return None
        window = (run.since, run.until)
        match stage:
            case Stage.EVENTS:
                events = await lister.list_events(account, window, cursor)
                about = [one for one in events.items if one.payment_ref is not None]
                await self._by_owner(
                    account,
                    run,
                    lister.name,
                    [(one.metadata, one.payment_ref or "", one) for one in about],
                    Comparison.event,
                )
                return events.following
            case Stage.PAYMENTS:
                shown = await lister.list_payments(account, window, cursor)
                await self._by_owner(
                    account,
                    run,
                    lister.name,
                    [(one.metadata, one.ref, one) for one in shown.items],
                    Comparison.payment,
                )
                return shown.following
            case Stage.REFUNDS:
                made = await lister.list_refunds(account, window, cursor)
                await self._by_owner(
                    account,
                    run,
                    lister.name,
                    [(one.metadata, one.payment_ref or "", one) for one in made.items],
                    Comparison.refund,
                )
                return made.following

    async def _by_owner(
        self,
        account: Account,
        run: Run,
        lister: str,
        items: Sequence[tuple[Any, str, T]],
        compare: Callable[[Comparison, T], Awaitable[None]],
    ) -> None:
        owned: defaultdict[UUID, list[T]] = defaultdict(list)
        for metadata, ref, item in items:
            owner = account.org_id or uuid_in(metadata.get("org_id"))
            if owner is None:
                owner = await provider_events.org_of_payment(self.desk.db, account.id, ref)
            if owner is not None and run.org_id in {None, owner}:
                owned[owner].append(item)
        for owner, theirs in owned.items():
            async with self.desk.db.transaction(owner) as tx:
                for item in theirs:
                    await compare(Comparison(tx, run, lister), item)
            failpoints.reach("reconcile.within_page")

    async def _ours(self, account: Account, run: Run, beyond: UUID) -> str | None:
        """Ask by name for those of ours that were not listed."""
        found = await reconciliations.unchecked(self.desk.db, run, beyond, _LOOKS)
        for payment_id, org_id in found:
            await self._one_of_ours(account, run, payment_id, org_id)
        return str(found[-1][0]) if len(found) == _LOOKS else None

    async def _connections(self, run: Run, beyond: UUID) -> str | None:
        """Have each connected account looked at, whose events are in a list of its own."""
        found = await reconciliations.connections(self.desk.db, run.org_id, beyond, _LOOKS)
        for connection_id, org_id in found:
            async with self.desk.db.transaction(org_id) as tx:
                look_at_connection(tx, connection_id, because=str(run.id))
        return str(found[-1][0]) if len(found) == _LOOKS else None

    async def _one_of_ours(
        self, account: Account, run: Run, payment_id: UUID, org_id: UUID
    ) -> None:
        async with self.desk.db.transaction(org_id) as tx:
            payment = await payments.lock(tx, payment_id)
        if payment is None:
            return
        provider = self.desk.provider(payment)
        shown, given_back = None, None
        try:
            shown = await provider.look(account, payment.provider_ref or "")
            given_back = await provider.refunds(account, payment.refundable_ref)
        except Refused as no:
            if shown is None and not isinstance(no, Gone) and no.code != "resource_missing":
                raise
        async with self.desk.db.transaction(org_id) as tx:
            ours = await payments.lock(tx, payment_id)
            if ours is None:
                return
            compared = Comparison(tx, run, provider.name)
            if shown is None:
                await compared.not_there(ours)
            else:
                await compared.known_payment(ours, shown)
                await compared.refunds_of(ours, given_back or [])


def _run(payload: dict[str, Any]) -> Run:
    return Run(
        id=UUID(payload["run_id"]),
        account_id=payload["account_id"],
        since=datetime.fromisoformat(payload["since"]),
        until=datetime.fromisoformat(payload["until"]),
        started_at=datetime.fromisoformat(payload["started_at"]),
        org_id=uuid_in(payload["org_id"]),
    )
