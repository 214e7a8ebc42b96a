"""Keyset pages: an opaque cursor names the last row of the page before."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Query

from booking.domain.refusals import Fault, InvalidRequest

Limit = Annotated[int, Query(ge=1, le=100, description="Rows on a page")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before")
]


def encode(*key: object) -> str:
    """The cursor for a row's sort key."""
    # The driver's ids are a subclass of UUID, which orjson leaves to `default`.
    return urlsafe_b64encode(orjson.dumps(key, default=str)).decode().rstrip("=")


def after_id(cursor: str | None) -> UUID | None:
    """The key of pages in id order; raises InvalidRequest for a cursor that is none of ours."""
    return None if cursor is None else _read(cursor, 1)[1]


def after_number(cursor: str | None) -> tuple[int, UUID] | None:
    """The key of pages in the order of numbers; raises InvalidRequest."""
    if cursor is None:
        return None
    first, last = _read(cursor, 2)
    # Not isinstance(): to Python, true is an integer; to PostgreSQL it is none.
    if type(first) is not int or not 0 <= first < 2**31:
        raise _foreign()
    return first, last


def after_instant(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The key of pages in the order of time; raises InvalidRequest."""
    if cursor is None:
        return None
    first, last = _read(cursor, 2)
    try:
        instant = datetime.fromisoformat(first) if isinstance(first, str) else None
        if instant is not None and instant.tzinfo is not None:
            return instant.astimezone(UTC), last
    except (ValueError, OverflowError):
        pass
    raise _foreign()


def _foreign() -> InvalidRequest:
    return InvalidRequest(Fault("cursor", "is not a cursor of this list"))


def _read(cursor: str, length: int) -> tuple[object, UUID]:
    try:
        key = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(key, list) and len(key) == length:
            return key[0], UUID(key[-1])
    except (ValueError, TypeError, AttributeError):
        pass
    raise _foreign()
