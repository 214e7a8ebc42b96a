"""Our records against the providers', for those who manage payments."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Body, require
from chassis.problems import FieldError, responses
from payments.api.parts import Parts, switched_on
from payments.domain.reconciliation import LONGEST, Finding, Kind, Run
from payments.problems import BadWindow, ForeignOrganisation, NoSuchReconciliation, PaymentsDisabled
from payments.store import reconciliations as store
from payments.store.reconciliations import Standing
from payments.usecases.start_reconciliation import start_asked

router = APIRouter(tags=["reconciliations"], responses=responses(ForeignOrganisation))

Manager = Annotated[Principal, Depends(require("payments:manage"))]
# Such an instant can be reckoned with in any zone.
Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC))]
_FINDINGS = 1000
_DAY = timedelta(days=1)


class WindowRequest(Body):
    """What to compare: everything that was made at the provider in a window of at most 30 days.

    Without, the last 24 hours.
    """

    since: Instant | None = None
    until: Instant | None = None


class Drift(BaseModel):
    """How much more the provider has than we, in the currency's minor unit."""

    amount_minor: int
    currency: str


class Reconciliation(BaseModel):
    """One comparison with one provider account.

    `findings` counts what differed when it was compared, which is then looked into at once: the
    next comparison shows what is left.
    """

    id: UUID
    account_id: Annotated[str, Field(examples=["platform"])]
    asked: bool
    """By staff; false: the hourly one."""
    since: datetime
    until: datetime
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    findings: int
    drift: list[Drift]


class Reconciliations(BaseModel):
    """Comparisons, newest first."""

    reconciliations: list[Reconciliation]


class FindingView(BaseModel):
    """One difference, with both amounts in the currency's minor unit where it is about money."""

    kind: Kind
    provider_ref: str
    payment_id: UUID | None
    booking_id: UUID | None
    currency: str | None
    ours_minor: int | None
    theirs_minor: int | None


class ReconciliationDetail(Reconciliation):
    """One comparison with what it found, at most 1,000 of it."""

    details: list[FindingView]


@router.post(
    "/reconciliations",
    status_code=202,
    dependencies=[Depends(switched_on)],
    responses=responses(BadWindow, PaymentsDisabled),
)
async def start(body: WindowRequest, caller: Manager, parts: Parts, db: DB) -> Reconciliations:
    """Compare now, with each provider account that has money of the organisation's.

    One that is under way already is not started again. Read how it goes with
    `GET /v1/reconciliations/{id}`.
    """
    org_id = _organisation(caller)

    async def work(tx: Transaction) -> list[Run]:
        now = await tx.now()
        until = body.until or now
        since = body.since or until - _DAY
        _check(since, until, now)
        return await start_asked(tx, org_id, since, until, providers=parts.providers)

    runs = await db.run(org_id, work)
    return Reconciliations(
        reconciliations=[_view(Standing(run, None, None, 0, {})) for run in runs]
    )


@router.get("/reconciliations")
async def newest(
    caller: Manager,
    db: DB,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Reconciliations:
    """The latest comparisons; `before` a given one, for more."""
    found = await db.run(_organisation(caller), lambda tx: store.newest(tx, before, limit))
    return Reconciliations(reconciliations=[_view(one) for one in found])


@router.get("/reconciliations/{run_id}", responses=responses(NoSuchReconciliation))
async def one(run_id: UUID, caller: Manager, db: DB) -> ReconciliationDetail:
    """One comparison, with what it found."""

    async def work(tx: Transaction) -> tuple[Standing | None, list[Finding]]:
        return await store.read(tx, run_id), await store.findings(tx, run_id, _FINDINGS)

    standing, found = await db.run(_organisation(caller), work)
    if standing is None:
        raise NoSuchReconciliation
    return ReconciliationDetail(
        **_view(standing).model_dump(), details=[_finding(each) for each in found]
    )


def _organisation(caller: Principal) -> UUID:
    if caller.org_id is None:
        raise ForeignOrganisation
    return caller.org_id


def _check(since: datetime, until: datetime, now: datetime) -> None:
    faults = []
    if since >= until:
        faults.append(FieldError("since", "must be before until"))
    if until > now + timedelta(minutes=1):
        faults.append(FieldError("until", "must not be in the future"))
    if until - since > LONGEST:
        faults.append(FieldError("since", f"at most {LONGEST.days} days before until"))
    if faults:
        raise BadWindow(errors=faults)


def _view(standing: Standing) -> Reconciliation:
    run = standing.run
    return Reconciliation(
        id=run.id,
        account_id=run.account_id,
        asked=run.org_id is not None,
        since=run.since,
        until=run.until,
        started_at=run.started_at,
        finished_at=standing.finished_at,
        error=standing.error,
        findings=standing.findings,
        drift=[Drift(amount_minor=a, currency=c) for c, a in sorted(standing.drift.items())],
    )


def _finding(finding: Finding) -> FindingView:
    return FindingView(
        kind=finding.kind,
        provider_ref=finding.ref,
        payment_id=finding.payment_id,
        booking_id=finding.booking_id,
        currency=finding.currency,
        ours_minor=finding.ours_minor,
        theirs_minor=finding.theirs_minor,
    )
