"""Days of money as a file, streamed: what the reports have in common."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from fastapi import Depends, Query
from starlette.responses import StreamingResponse

from chassis.problems import FieldError
from payments.problems import BadWindow

_LONGEST = 366  # days
_TYPES = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/json"}

Format = Annotated[Literal["csv", "json"], Query(alias="format")]


class Days(NamedTuple):
    """The first and the last day of a report; both count."""

    first: date
    last: date

    def each(self) -> list[date]:
        """All of them, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


def _days(
    *,
    first: Annotated[date, Query(alias="from", examples=["2030-01-01"])],
    last: Annotated[date, Query(alias="to", examples=["2030-01-31"])],
) -> Days:
    if last < first:
        raise BadWindow(errors=[FieldError("to", "must not be before from")])
    if (last - first).days >= _LONGEST:
        raise BadWindow(errors=[FieldError("to", f"at most {_LONGEST} days")])
    return Days(first, last)


AskedDays = Annotated[Days, Depends(_days)]
"""At most 366 days; BadWindow says which end is wrong."""


def streamed(
    lines: AsyncIterator[Sequence[tuple[Any, ...]]],
    columns: Sequence[str],
    *,
    name: str,
    days: Days,
    kind: Literal["csv", "json"],
) -> StreamingResponse:
    """An answer that is written as its lines come, a day's at a time."""
    return StreamingResponse(
        _csv(lines, columns) if kind == "csv" else _json(lines, columns),
        headers={
            "content-disposition": f'attachment; filename="{name}-{days.first}-{days.last}.{kind}"'
        },
        media_type=_TYPES[kind],
    )


async def _csv(
    lines: AsyncIterator[Sequence[tuple[Any, ...]]], columns: Sequence[str]
) -> AsyncIterator[bytes]:
    yield _rows([columns])
    async for found in lines:
        if found:
            yield _rows(["" if value is None else str(value) for value in line] for line in found)


def _rows(rows: object) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue().encode()


async def _json(
    lines: AsyncIterator[Sequence[tuple[Any, ...]]], columns: Sequence[str]
) -> AsyncIterator[bytes]:
    lead = b"["
    async for found in lines:
        for line in found:
            yield lead + orjson.dumps(dict(zip(columns, line, strict=True)), default=str)
            lead = b",\n"
    yield b"]" if lead != b"[" else b"[]"
