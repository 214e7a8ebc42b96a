"""What organisations earned, day by day, as a file; and what the platform did."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from chassis.auth import Principal
from chassis.db import Database
from chassis.http import DB, require
from chassis.problems import Forbidden, responses
from payments.api.reports import AskedDays, Days, Format, streamed
from payments.problems import BadWindow, ForeignOrganisation
from payments.store import payouts, platform

router = APIRouter(tags=["payouts"])

PaymentsViewer = Annotated[Principal, Depends(require("payments:view", "payments:manage"))]
# In files and in docs/api.md in this order, which is part of the interface: new ones come last.
_COLUMNS = (
    "day",
    "payment_id",
    "booking_id",
    "currency",
    "charged_minor",
    "fees_minor",
    "platform_fees_minor",
    "refunded_minor",
    "disputed_minor",
    "lost_minor",
    "platform_due_minor",
    "net_minor",
)
_PLATFORM_COLUMNS = (
    "day",
    "organisation_id",
    "currency",
    "platform_fees_minor",
    "costs_minor",
    "disputed_minor",
    "lost_minor",
    "due_minor",
    "net_minor",
)
_FILE: dict[str, Any] = {"text/csv": {}, "application/json": {}}


@router.get(
    "/payouts/report",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A line for each day and currency, or each payment of it",
            "content": _FILE,
        },
        **responses(BadWindow, ForeignOrganisation),
    },
)
async def report(
    *,
    caller: PaymentsViewer,
    db: DB,
    days: AskedDays,
    lines: Literal["days", "payments"] = "days",
    wanted_format: Format = "csv",
) -> StreamingResponse:
    """What was charged, refunded and disputed, the providers' fees and what is left.

    Both days count, at most 366 of them; a day is one where the venue is. Streamed day by day.
    Amounts are in the currency's minor unit.
    """
    if caller.org_id is None:
        raise ForeignOrganisation
    found = _of_organisation(db, caller.org_id, days, each_payment=lines == "payments")
    return streamed(found, _COLUMNS, name="payouts", days=days, kind=wanted_format)


@router.get(
    "/payouts/platform-report",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A line for each day, organisation and currency",
            "content": _FILE,
        },
        **responses(BadWindow, Forbidden),
    },
)
async def platform_report(
    *,
    caller: PaymentsViewer,
    db: DB,
    days: AskedDays,
    wanted_format: Format = "csv",
) -> StreamingResponse:
    """What the platform kept of charges that it took for others, and what those cost it.

    For operators. Both days count, at most 366 of them; a day is one of UTC. Streamed day by day.
    Amounts are in the currency's minor unit.
    """
    if caller.kind != "operator":
        raise Forbidden
    found = _of_platform(db, days)
    return streamed(found, _PLATFORM_COLUMNS, name="platform", days=days, kind=wanted_format)


async def _of_organisation(
    db: Database, org_id: UUID, days: Days, *, each_payment: bool
) -> AsyncIterator[Sequence[payouts.Line]]:
    for day in days.each():
        async with db.transaction(org_id) as tx:
            found = await payouts.of_day(tx, day, each_payment=each_payment)
        yield found


async def _of_platform(db: Database, days: Days) -> AsyncIterator[Sequence[platform.Line]]:
    for day in days.each():
        yield await platform.of_day(db, day)
