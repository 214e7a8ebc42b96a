"""A request as the gateway reads it, and an answer as it gives it."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from chassis.problems import MEDIA_TYPE, Malformed, Problem, TooLarge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

Headers = list[tuple[bytes, bytes]]

# The only headers of a request that anything here looks at or passes on. What is not named cannot
# reach a service: no internal token from outside, no forwarded host, no header that two parsers
# could read in two ways.
PASSED_ON: Final = frozenset(
    {
        b"accept",
        b"accept-language",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
    }
)
_READ: Final = PASSED_ON | {
    b"authorization",
    b"content-length",
    b"x-manage-token",
}
_ONCE: Final = frozenset(
    {b"authorization", b"content-length", b"idempotency-key", b"x-manage-token"}
)

# Statuses whose answers have no body, not even an empty one.
BODYLESS: Final = frozenset({204, 304})

_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}\Z")
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")


class SlowBody(Problem):
    """The body did not arrive in time."""

    status = 408
    code = "REQUEST_TIMEOUT"
    title = "The request body took too long to arrive"


@dataclass(frozen=True, slots=True)
class Trail:
    """What ties a call to the request it is made for."""

    request_id: str
    traceparent: str


@dataclass(slots=True)
class Request:
    """What of a request matters here; `query` is without `token`, which is in `manage_token`."""

    method: str
    path: str
    query: bytes
    manage_token: str | None
    headers: dict[bytes, bytes]
    forwarded: list[bytes]
    peer: str | None
    trail: Trail
    receive: Receive

    async def body(self, most: int, seconds: float) -> bytes:
        """The whole body: at most `most` bytes within `seconds`.

        Raises:
            TooLarge: it is longer, whether or not it said so first.
            SlowBody: it is still incomplete after that time.
            Malformed: the caller left before its end.
        """
        declared = self.headers.get(b"content-length")
        # The HTTP parser has refused anything but one number.
        if declared is not None and int(declared) > most:
            raise _too_large(most)
        try:
            async with asyncio.timeout(seconds):
                return await self._read(most)
        except TimeoutError:
            raise SlowBody(headers={"Connection": "close"}) from None

    async def _read(self, most: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                raise Malformed("The body ended early.")
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > most:
                raise _too_large(most)
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)


def _too_large(most: int) -> TooLarge:
    # The rest of the body would be read as the next request.
    return TooLarge(f"At most {most} bytes are read.", headers={"Connection": "close"})


def read(scope: Scope, receive: Receive, trail: Trail) -> Request:
    """The request in `scope`; its body is still to be received.

    Raises:
        Malformed: a header that counts once is there twice, or the address holds other than ASCII.
    """
    headers: dict[bytes, bytes] = {}
    forwarded: list[bytes] = []
    for name, value in scope["headers"]:
        if name in _READ:
            if name in headers and name in _ONCE:
                raise Malformed(f"The header {name.decode()} is there more than once.")
            headers[name] = value
        elif name == b"x-forwarded-for":
            forwarded.append(value)
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    if not (raw_path.isascii() and query.isascii()):
        raise Malformed("The address may hold ASCII only; escape the rest.")
    token = headers.get(b"x-manage-token")
    manage_token = None if token is None else token.decode("latin-1")
    if b"token=" in query:
        in_query, query = _without_token(query)
        manage_token = manage_token or in_query
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=raw_path.decode(),
        query=query,
        manage_token=manage_token,
        headers=headers,
        forwarded=forwarded,
        peer=client[0] if client else None,
        trail=trail,
        receive=receive,
    )


def identify(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id of a request: the caller's own when it is a plain one, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.match(value):
            return value.decode()
    return secrets.token_hex(16)


def parent(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The caller's `traceparent`, when it has one."""
    for name, value in headers:
        if name == b"traceparent" and _TRACEPARENT.match(value):
            return value.decode()
    return None


def _without_token(query: bytes) -> tuple[str | None, bytes]:
    token: str | None = None
    rest: list[tuple[str, str]] = []
    for name, value in parse_qsl(query.decode(), keep_blank_values=True, errors="surrogateescape"):
        if name == "token":
            token = token or value
        else:
            rest.append((name, value))
    return token, urlencode(rest, errors="surrogateescape").encode()


@dataclass(slots=True)
class Answer:
    """Status, headers and body; `rest` carries on where `body` ends, for answers of any length."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    rest: AsyncIterator[bytes] | None = None

    @classmethod
    def problem(cls, problem: Problem, request_id: str) -> Answer:
        """The answer that a refusal is."""
        return cls(
            problem.status,
            [(b"content-type", MEDIA_TYPE.encode()), *_encoded(problem.headers)],
            problem.render(request_id),
        )

    @classmethod
    def json(cls, body: bytes, status: int = 200) -> Answer:
        """An answer of our own making."""
        return cls(status, [(b"content-type", b"application/json")], body)

    async def send(self, send: Send) -> None:
        """Put it on the wire."""
        headers = self.headers
        if self.rest is None and self.status not in BODYLESS:
            headers = [*headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        if self.rest is not None:
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            async for chunk in self.rest:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.body", "body": self.body})


def _encoded(headers: Mapping[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
