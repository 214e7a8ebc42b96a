"""HTTP calls to the gateway as one caller, and waiting for what happens later."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any, Self, TypeVar

import httpx

T = TypeVar("T")

_addresses = itertools.count(random.randrange(2**16) * 2**8 + 1)


def new_address() -> str:
    """An address nobody called from yet: limits count by address."""
    return str(IPv4Address("10.0.0.0") + next(_addresses) % 2**24)


async def until(what: str, look: Callable[[], Awaitable[T | None]], *, seconds: float = 60) -> T:
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
class Caller:
    """Somebody who calls the public API.

    With an `address` every call comes from it; without, each call comes from a new one, so that
    the limits per address stay out of stories that are not about them.
    """

    http: httpx.AsyncClient
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
        content: bytes | Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Any answer."""
        sent = {
            "X-Forwarded-For": self.address or new_address(),
            **self.credentials,
            **(headers or {}),
        }
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
            return await self.http.request(method, self.base + path, content=content, headers=sent)
        return await self.http.request(method, self.base + path, json=json, headers=sent)

    async def get(self, path: str) -> Any:
        """The content of a 200."""
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, told(answer)
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
        answer = await self.ask("POST", path, json=json, headers=headers)
        assert answer.status_code in expect, told(answer)
        return answer.json()

    async def patch(self, path: str, json: object) -> Any:
        """The content of a 200."""
        answer = await self.ask("PATCH", path, json=json)
        assert answer.status_code == 200, told(answer)
        return answer.json()


def told(answer: httpx.Response) -> str:
    """An answer as a failing test shows it."""
    request = answer.request
    return f"{request.method} {request.url.path} → {answer.status_code} {answer.text[:2000]}"


def problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of a refusal, which must be of this status (and code)."""
    assert answer.status_code == status, told(answer)
    assert answer.headers["content-type"].startswith("application/problem+json"), told(answer)
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["request_id"]
    if code is not None:
        assert document["code"] == code, told(answer)
    return document


def fields(answer: httpx.Response, status: int = 422) -> set[str]:
    """The fields that a refusal names."""
    return {error["field"] for error in problem(answer, status)["errors"]}
