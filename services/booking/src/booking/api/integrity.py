"""The integrity report and its repairs."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from booking.api.callers import IdempotencyKey, actor_of, optional_key, org_of
from booking.api.filters import FromQuery, instant
from booking.store.integrity import INVARIANTS, Finding
from booking.usecases.check_integrity import check_integrity
from booking.usecases.once import once
from booking.usecases.repair import REPAIRS, Repair, repair
from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Body, require
from chassis.problems import Conflict, Forbidden, Unauthenticated, responses

router = APIRouter(tags=["reports"], responses=responses(Unauthenticated, Forbidden))

Reader = Annotated[Principal, Depends(require("reports:view"))]
Manager = Annotated[Principal, Depends(require("bookings:manage"))]
_REPAIR = "POST /integrity/repair"


class FaultView(BaseModel):
    """One row; `id` is what a repair asks for."""

    id: UUID
    facts: dict[str, Any]


class FindingView(BaseModel):
    """One thing that must hold: how often it does not, and at most 100 rows."""

    kind: str
    meaning: str
    repairable: bool
    count: int
    rows: list[FaultView]

    @classmethod
    def of(cls, finding: Finding) -> "FindingView":
        invariant = finding.invariant
        return cls(
            kind=invariant.kind,
            meaning=invariant.meaning,
            repairable=invariant.kind in REPAIRS,
            count=finding.count,
            rows=[FaultView(id=fault.id, facts=fault.facts) for fault in finding.faults],
        )


class IntegrityReport(BaseModel):
    """What this service found of its own; every kind is there, also those without a fault."""

    service: str = "booking"
    checked_at: datetime
    faults: int
    findings: list[FindingView]


class RepairFault(Body):
    """The fault to mend, as the report names it."""

    kind: Annotated[str, Field(pattern="^(" + "|".join(one.kind for one in INVARIANTS) + ")$")]
    id: UUID
    reason: Annotated[str | None, Field(max_length=500)] = None


class Repaired(BaseModel):
    """What was mended."""

    kind: str
    id: UUID


@router.get("/integrity")
async def get_integrity(caller: Reader, db: DB, since: FromQuery = None) -> IntegrityReport:
    """Faults among bookings that begin from `from` on; yesterday unless said."""
    first = instant("from", since)

    async def work(tx: Transaction) -> IntegrityReport:
        findings = await check_integrity(tx, first)
        return IntegrityReport(
            checked_at=await tx.now(),
            faults=sum(finding.count for finding in findings),
            findings=[FindingView.of(finding) for finding in findings],
        )

    return await db.run(org_of(caller), work)


@router.post("/integrity/repair", responses=responses(Conflict))
async def post_repair(
    body: RepairFault, caller: Manager, db: DB, idempotency_key: IdempotencyKey = None
) -> Repaired:
    """Mend one fault, if it is still there; written to the audit log with who did it."""
    key = optional_key(caller, _REPAIR, idempotency_key, body)
    command = Repair(kind=body.kind, id=body.id, actor=actor_of(caller), reason=body.reason)

    async def work(tx: Transaction) -> dict[str, Any]:
        await repair(tx, command)
        return Repaired(kind=body.kind, id=body.id).model_dump(mode="json")

    answer = await db.run(org_of(caller), lambda tx: once(tx, key, lambda: work(tx)))
    return Repaired.model_validate(answer)
