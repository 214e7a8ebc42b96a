"""What booking says to PostgreSQL for a hold: overheard, not written down, so it cannot drift.

Two holds are made through the service's own application, in this process, and its calls of asyncpg
are noted. What differs between the two belongs to the one booking; the rest is the statement.
"""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unittest import mock
from uuid import UUID

import orjson
from asyncpg import Connection, Range

from booking.app import build
from booking.settings import Settings
from chassis.auth import Principal, TokenMinter
from chassis.http import create_app
from chassis.ids import uuid7
from chassis.settings import load

METHODS = ("fetch", "fetchrow", "fetchval", "execute")


@dataclass(frozen=True)
class Call:
    """One round trip: the connection's method, the statement and its arguments."""

    method: str
    sql: str
    arguments: tuple[Any, ...]


class Hold:
    """The calls of one hold, to be made again for other bookings and other places."""

    def __init__(self, calls: list[Call], other: list[Call], place: list[str | None]) -> None:
        if [(call.method, call.sql) for call in calls] != [(one.method, one.sql) for one in other]:
            raise RuntimeError("two holds did not make the same calls")
        ids: set[UUID] = set()
        words: set[str] = set()
        hashes: set[bytes] = set()
        for call, twin in zip(calls, other, strict=True):
            for mine, theirs in zip(call.arguments, twin.arguments, strict=True):
                _differing(mine, theirs, ids, words, hashes)
        known = {UUID(text) for text in (place[0], place[3]) if text}
        self._ids = ids - known
        # Short ones only: the reference and the like. Sealed text stays as it was.
        self._words = {text for text in words if 6 <= len(text) <= 40 and " " not in text}
        # Of the guest: each may have only so many unpaid holds.
        self._hashes = hashes
        self._session = UUID(str(place[0]))
        self._resource = UUID(place[3]) if place[3] else None
        self._calls = calls
        every = [str(one) for one in self._ids | known] + sorted(self._words, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, every)))

    @property
    def calls(self) -> list[Call]:
        return self._calls

    def again(self, place: list[Any]) -> list[Call]:
        """The same calls for a new booking of another place (as `Target.as_json`)."""
        new: dict[Any, Any] = {one: uuid7() for one in self._ids}
        new[self._session] = UUID(place[0])
        if self._resource:
            new[self._resource] = UUID(place[3])
        texts = {str(old): str(one) for old, one in new.items()}
        texts |= {text: _like(text) for text in self._words}
        during = Range(datetime.fromisoformat(place[1]), datetime.fromisoformat(place[2]))

        def put(value: Any) -> Any:
            if isinstance(value, UUID):
                return new.get(value, value)
            if isinstance(value, bytes):
                return secrets.token_bytes(len(value)) if value in self._hashes else value
            if isinstance(value, str):
                return self._pattern.sub(lambda found: texts[found[0]], value)
            if isinstance(value, Range):
                return during
            if isinstance(value, list):
                return [put(one) for one in value]
            return value

        return [
            Call(call.method, call.sql, tuple(map(put, call.arguments))) for call in self._calls
        ]


def _like(text: str) -> str:
    """Random text of the same length and alphabet class, as unlikely to be there already."""
    fresh = secrets.token_hex(len(text))[: len(text)]
    return fresh.upper() if text.isupper() else fresh


def _differing(mine: Any, theirs: Any, ids: set[UUID], words: set[str], hashes: set[bytes]) -> None:
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for one, other in zip(mine, theirs, strict=True):
            _differing(one, other, ids, words, hashes)
    elif mine != theirs:
        if isinstance(mine, UUID):
            ids.add(mine)
        elif isinstance(mine, str):
            words.add(mine)
        elif isinstance(mine, bytes):
            hashes.add(mine)


async def record(
    environment: Mapping[str, str],
    seed: Mapping[str, bytes],
    places: list[list[str | None]],
    body: Callable[[list[str | None]], bytes],
) -> Hold:
    """Make three holds in one session, and keep what the last two said: the caches are warm.

    Args:
        environment: of a booking process.
        seed: signs internal tokens, as the gateway does.
    """
    with mock.patch.dict(os.environ, environment, clear=True):
        service = build(load(Settings))
    app = create_app(service)
    token = TokenMinter(seed).mint(
        Principal(kind="guest", id="guest", org_id=None, permissions=frozenset()), "booking"
    )
    calls: list[list[Call]] = []
    same = [place for place in places if place[0] == places[0][0]]
    chosen = (same * 3)[:3]
    for place in chosen:
        calls.append([])
        with _overheard(calls[-1]):
            status, answer = await _post(app, token, body(place))
        if status != 201:
            raise RuntimeError(f"a hold was answered {status}: {answer!r}")
    for hook in service.on_stop:
        await hook()
    return Hold(calls[1], calls[2], chosen[1])


@contextmanager
def _overheard(calls: list[Call]) -> Any:
    def noting(name: str) -> Any:
        method = getattr(Connection, name)

        async def noted(self: Connection, sql: str, *arguments: Any, **more: Any) -> Any:
            calls.append(Call(name, sql, arguments))
            return await method(self, sql, *arguments, **more)

        return noted

    with mock.patch.multiple(Connection, **{name: noting(name) for name in METHODS}):
        yield


async def _post(app: Any, token: str, body: bytes) -> tuple[int, Any]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"idempotency-key", secrets.token_hex(12).encode()),
        (b"x-internal-token", token.encode()),
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/bookings",
        "raw_path": b"/bookings",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    content = b"".join(event.get("body", b"") for event in sent[1:])
    return int(sent[0]["status"]), orjson.loads(content)
