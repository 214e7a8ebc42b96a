"""Lists of any length as files, written while they are read: a page at a time is in memory."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import StreamingResponse

from chassis.problems import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from starlette.types import Receive, Scope, Send

    Page = Iterable[Mapping[str, Any]]

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/json"}

COLUMNS = (
    "reference", "status", "payment_status", "starts_at", "ends_at", "timezone", "venue",
    "offering", "offering_kind", "title", "party_size", "quantities", "tables", "arrives_at",
    "name", "email", "phone", "currency",
    "amount_total", "amount_due_now", "amount_paid", "amount_refunded", "source", "created_at",
    "id", "offering_id", "venue_id", "session_id", "customer_id",
)  # fmt: skip
"""Columns of the CSV; amounts are in the currency's minor unit, instants in UTC.

`quantities` as `adult 2, child 1`, `tables` as `7, 8`.
"""

# A cell that begins so is a formula to a spreadsheet, and a guest may choose any name.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


class Exports:
    """The exports under way in this process: each reads as fast as its client does, for minutes."""

    def __init__(self, most: int = 4) -> None:
        self._free = most

    def begin(self) -> None:
        """Take a turn.

        Raises:
            Unavailable: as many as may are under way.
        """
        if not self._free:
            raise Unavailable("Other exports are under way. Please try again.", retry_after=5)
        self._free -= 1

    def end(self) -> None:
        """Give the turn back."""
        self._free += 1


class Download(StreamingResponse):
    """A file, written while it is read; its turn ends with it, however it ends."""

    def __init__(
        self, chunks: AsyncIterator[bytes], name: str, media_type: str, exports: Exports
    ) -> None:
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        super().__init__(chunks, headers=headers, media_type=media_type)
        self._exports = exports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._exports.end()


async def as_json(pages: AsyncIterator[Page]) -> AsyncIterator[bytes]:
    """A JSON array of the rows, as the list shows them."""
    lead = b"["
    async for page in pages:
        for row in page:
            yield lead + orjson.dumps(row, option=orjson.OPT_UTC_Z)
            lead = b",\n"
    yield b"]" if lead != b"[" else b"[]"


async def as_csv(pages: AsyncIterator[Page]) -> AsyncIterator[bytes]:
    """RFC 4180 with a header line; cells that a spreadsheet would run begin with an apostrophe."""
    yield _lines([COLUMNS])
    async for page in pages:
        yield _lines([_cell(value) for value in _values(row)] for row in page)


def _values(row: Mapping[str, Any]) -> Iterable[Any]:
    for column in COLUMNS:
        if column == "currency":
            yield row["amount_total"]["currency"]
        elif column.startswith("amount_"):
            yield row[column]["amount_minor"]
        else:
            yield row[column]


def _cell(value: Any) -> str:
    text = _text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case dict():
            return ", ".join(f"{key} {number}" for key, number in value.items())
        case list():
            return ", ".join(map(str, value))
    return str(value)


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
