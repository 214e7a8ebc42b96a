"""HTTP calls to the gateway as one caller, and waiting for what happens later."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any, Self, TypeVar

import aiohttp
import orjson
from yarl import URL

T = TypeVar("T")

_addresses = itertools.count(random.randrange(2**16) * 2**8 + 1)


def new_address() -> str:
    """An address nobody called from yet: limits count by address."""
    return str(IPv4Address("10.0.0.0") + next(_addresses) % 2**24)


async def until(what: str, look: Callable[[], Awaitable[T | None]], *, seconds: float = 120) -> T:
    """What `look` finds, asked again and again; fails after `seconds`, saying `what` is missing."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"did not happen within {seconds:.0f} s: {what}"
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.5)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, and the line of the request that got it."""

    asked: str
    status: int
    headers: Mapping[str, str]  # names as lower case
    body: bytes

    def json(self) -> Any:
        """The body, which must be JSON."""
        return orjson.loads(self.body)

    def __str__(self) -> str:
        return f"{self.asked} -> {self.status} {self.body[:2000].decode(errors='replace')}"


async def answered(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """An answer other than "not now": the same request is sent again, as any client would."""

    async def look() -> Answer | None:
        answer = await ask()
        return None if answer.status in (409, 503) and answer.json()["code"] in _NOT_NOW else answer

    return await until("an answer", look)


_NOT_NOW = {"BUSY", "IDEMPOTENCY_IN_PROGRESS", "DEPENDENCY_UNAVAILABLE"}


@dataclass(frozen=True)
class Http:
    """The connections of everybody in the tests."""

    session: aiohttp.ClientSession

    async def ask(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        form: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = True,
    ) -> Answer:
        """Any answer, with `follow` not a redirect. The URL is sent as it stands."""
        sent = dict(headers or {})
        data: Any = form if form is not None else content
        if json is not None:
            data = orjson.dumps(json)
            sent.setdefault("Content-Type", "application/json")
        async with self.session.request(
            method, URL(url, encoded=True), data=data, headers=sent, allow_redirects=follow
        ) as answer:
            body = await answer.read()
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(f"{method} {url}", answer.status, found, body)


@dataclass(frozen=True)
class Caller:
    """Somebody who calls the public API.

    With an `address` every call comes from it; without, each call comes from a new one, so that
    the limits per address stay out of stories that are not about them.
    """

    http: Http
    base: str
    credentials: Mapping[str, str]
    address: str | None = None

    def at(self, address: str) -> Self:
        """The same caller, always from one address."""
        return replace(self, address=address)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Any answer."""
        sent = {
            "X-Forwarded-For": self.address or new_address(),
            **self.credentials,
            **(headers or {}),
        }
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        return await self.http.ask(
            method, self.base + path, json=json, content=content, headers=sent
        )

    async def get(self, path: str) -> Any:
        """The content of a 200."""
        answer = await answered(lambda: self.ask("GET", path))
        assert answer.status == 200, str(answer)
        return answer.json()

    async def post(
        self,
        path: str,
        json: object,
        *,
        key: str | None = None,
        expect: tuple[int, ...] = (200, 201),
    ) -> Any:
        """The content of an expected answer; `key` is the idempotency key."""
        headers = {"Idempotency-Key": key} if key else {}

        def ask() -> Awaitable[Answer]:
            return self.ask("POST", path, json=json, headers=headers)

        answer = await (answered(ask) if key else ask())
        assert answer.status in expect, str(answer)
        return answer.json()

    async def patch(self, path: str, json: object) -> Any:
        """The content of a 200."""
        answer = await self.ask("PATCH", path, json=json)
        assert answer.status == 200, str(answer)
        return answer.json()


def problem(answer: Answer, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of a refusal, which must be of this status (and code)."""
    assert answer.status == status, str(answer)
    assert answer.headers["content-type"].startswith("application/problem+json"), str(answer)
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["request_id"]
    if code is not None:
        assert document["code"] == code, str(answer)
    return document


def fields(answer: Answer, status: int = 422) -> set[str]:
    """The fields that a refusal names."""
    return {error["field"] for error in problem(answer, status)["errors"]}
