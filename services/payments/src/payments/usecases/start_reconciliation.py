"""Begin to compare an account's records with ours: every hour, and when staff ask."""

from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from chassis.ids import uuid7
from payments.domain.provider import PLATFORM, Providers
from payments.domain.reconciliation import BEFORE_THE_FIRST, LONGEST, OVERLAP, Run, Stage
from payments.store import reconciliations


async def start_hourly(tx: Transaction, providers: Providers) -> None:
    """Start the run of the hour that has ended, of every account; once, whoever comes first.

    Each window begins where the last complete one ended, so that no hour is left out.
    """
    now = await tx.now()
    until = now.replace(minute=0, second=0, microsecond=0)
    for account_id in [PLATFORM, *await reconciliations.accounts(tx, providers.telling())]:
        last = await reconciliations.last_hourly(tx, account_id)
        since = max(last - OVERLAP if last else until - BEFORE_THE_FIRST, until - LONGEST)
        if since < until - OVERLAP:
            await _start(tx, account_id, (since, until), None)


async def start_asked(
    tx: Transaction, org_id: UUID, since: datetime, until: datetime, *, providers: Providers
) -> list[Run]:
    """Start one run for each account that the organisation has money at, of its own money only.

    Where one that it asked for is still under way, that is the answer.
    """
    runs: list[Run] = []
    for account_id in await reconciliations.accounts_of(tx, providers.telling()):
        run = await _start(tx, account_id, (since, until), org_id)
        run = run or await reconciliations.running(tx, account_id, org_id)
        runs += [run] if run else []
    return runs


async def _start(
    tx: Transaction, account_id: str, window: tuple[datetime, datetime], org_id: UUID | None
) -> Run | None:
    run = await reconciliations.start(tx, uuid7(), account_id, window, org_id)
    if run is not None:
        intend_page(tx, run, Stage.EVENTS, None)
    return run


def intend_page(
    tx: Transaction, run: Run, stage: Stage, cursor: str | None, unlisted: str | None = None
) -> None:
    """Have the worker compare a page; each page asks for the next, so one is read at a time.

    ``unlisted``: why the provider would not list what the run began with, if it would not.
    """
    tx.intend(
        "reconcile",
        subject=f"{run.id}:{stage}:{cursor or ''}",
        lane=run.account_id,
        payload={
            "run_id": str(run.id),
            "account_id": run.account_id,
            "org_id": str(run.org_id) if run.org_id else None,
            "since": run.since.isoformat(),
            "until": run.until.isoformat(),
            "started_at": run.started_at.isoformat(),
            "stage": stage,
            "cursor": cursor,
            "unlisted": unlisted,
        },
    )
