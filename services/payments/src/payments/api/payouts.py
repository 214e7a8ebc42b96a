"""What organisations earned, day by day, as a file."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from chassis.auth import Principal
from chassis.db import Database
from chassis.http import DB, require
from chassis.problems import FieldError, responses
from payments.problems import BadWindow, ForeignOrganisation
from payments.store import payouts
from payments.store.payouts import Line

router = APIRouter(tags=["payouts"])

PaymentsViewer = Annotated[Principal, Depends(require("payments:view", "payments:manage"))]
_LONGEST = 366  # days
_TYPES = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/json"}
_COLUMNS = (
    "day",
    "currency",
    "payment_id",
    "booking_id",
    "charged_minor",
    "fees_minor",
    "platform_fees_minor",
    "refunded_minor",
    "disputed_minor",
    "net_minor",
)


@router.get(
    "/payouts/report",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A line for each day and currency, or each payment of it",
            "content": {"text/csv": {}, "application/json": {}},
        },
        **responses(BadWindow, ForeignOrganisation),
    },
)
async def report(
    *,
    caller: PaymentsViewer,
    db: DB,
    first: Annotated[date, Query(alias="from", examples=["2030-01-01"])],
    last: Annotated[date, Query(alias="to", examples=["2030-01-31"])],
    lines: Literal["days", "payments"] = "days",
    wanted_format: Annotated[Literal["csv", "json"], Query(alias="format")] = "csv",
) -> StreamingResponse:
    """What was charged, refunded and disputed, the providers' fees and what is left.

    Both days count, at most 366 of them; a day is one where the venue is. Streamed day by day.
    Amounts are in the currency's minor unit.
    """
    if caller.org_id is None:
        raise ForeignOrganisation
    _check(first, last)
    days = _days(db, caller.org_id, first, last, each_payment=lines == "payments")
    return StreamingResponse(
        _csv(days) if wanted_format == "csv" else _json(days),
        headers={
            "content-disposition": f'attachment; filename="payouts-{first}-{last}.{wanted_format}"'
        },
        media_type=_TYPES[wanted_format],
    )


def _check(first: date, last: date) -> None:
    if last < first:
        raise BadWindow(errors=[FieldError("to", "must not be before from")])
    if (last - first).days >= _LONGEST:
        raise BadWindow(errors=[FieldError("to", f"at most {_LONGEST} days")])


async def _days(
    db: Database, org_id: UUID, first: date, last: date, *, each_payment: bool
) -> AsyncIterator[Sequence[Line]]:
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        async with db.transaction(org_id) as tx:
            found = await payouts.of_day(tx, day, each_payment=each_payment)
        yield found


async def _csv(days: AsyncIterator[Sequence[Line]]) -> AsyncIterator[bytes]:
    yield _rows([_COLUMNS])
    async for found in days:
        if found:
            yield _rows(["" if value is None else str(value) for value in line] for line in found)


def _rows(rows: object) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue().encode()


async def _json(days: AsyncIterator[Sequence[Line]]) -> AsyncIterator[bytes]:
    lead = b"["
    async for found in days:
        for line in found:
            yield lead + orjson.dumps(dict(zip(_COLUMNS, line, strict=True)))
            lead = b",\n"
    yield b"]" if lead != b"[" else b"[]"
