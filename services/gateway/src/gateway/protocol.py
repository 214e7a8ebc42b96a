"""HTTP on the public port: what a stranger may send before we know what they want.

uvicorn bounds neither the size of a request's head nor the time it takes. Bodies are bounded
where they are read. Connections are bounded in all and per address, so that one stranger with many
sockets cannot shut everybody else out.
"""

from __future__ import annotations

import secrets
import socket
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chassis.problems import MEDIA_TYPE, Limited, Malformed, Problem, Unavailable

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from gateway.addresses import TrustedProxies


SEND_BUFFER = 256 * 1024
"""Bytes of an answer that the kernel may keep for one client.

It asks for more only when a third is free, so of its own megabytes a slow reader would have to take
one before we see that anything was read at all.
"""


class HeadTooLarge(Problem):
    """Address and headers are larger than we read."""

    status = 431
    code = "HEADERS_TOO_LARGE"
    title = "The address and headers of the request are too large"


class TooManyConnections(Limited):
    """This address has as many connections open as one address may."""

    code = "RATE_LIMIT_EXCEEDED"
    title = "Too many connections"


@dataclass(frozen=True, slots=True)
class HeadBounds:
    """The largest head in bytes and headers, the seconds it may take, and the most connections.

    The time counts from the connection, or from the first byte of a further request on it.
    `unread`: seconds for which a client may take nothing of an answer that waits for it.
    """

    size: int = 16 * 1024
    headers: int = 100
    seconds: float = 10.0
    connections: int = 2_000
    unread: float = 30.0


class Visitors:
    """How many connections each address has open; those of our own proxies are not counted."""

    def __init__(self, proxies: TrustedProxies, most: int) -> None:
        """`most`: connections of one address, or of one /64 in IPv6."""
        self._proxies = proxies
        self._most = most
        self._open: Counter[str] = Counter()

    def enter(self, peer: str | None) -> str | None:
        """Count a connection; the name to leave under, or None when it is not counted.

        Raises:
            TooManyConnections: there are as many as may be; this one is not counted.
        """
        if peer is None or self._proxies.is_ours(peer):
            return None
        name = self._proxies.caller(peer, [])
        if self._open[name] >= self._most:
            raise TooManyConnections(f"At most {self._most} at once from one address.")
        self._open[name] += 1
        return name

    def leave(self, name: str) -> None:
        """A connection that was counted is gone."""
        self._open[name] -= 1
        if self._open[name] <= 0:
            del self._open[name]


class BoundedProtocol(HttpToolsProtocol):
    """One connection, with bounds on the heads of its requests."""

    def __init__(self, *args: Any, bounds: HeadBounds, visitors: Visitors, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._visitors = visitors
        self._name: str | None = None
        self._head_size = 0  # received since the head began, whether parsed or not
        self._parsed_size = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._refusal: Problem | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._unread = 0  # bytes that waited for the client when we last looked

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """A stranger has come."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER
        )
        try:
            self._name = self._visitors.enter(self.client[0] if self.client else None)
        except TooManyConnections as refusal:
            self._refuse(refusal)
            return
        if len(self.connections) > self._bounds.connections:
            self._refuse(Unavailable("Too many connections. Please try again shortly."))
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """They have gone."""
        self._head_is_here()
        self._is_read_again()
        if self._name is not None:
            self._visitors.leave(self._name)
            self._name = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """They sent something."""
        between = self.cycle is None or self.cycle.response_complete
        if between:
            # Not only a head: also the body of a request that was answered without it.
            self._expect_head()
            self._head_size += len(data)
        super().data_received(data)
        if self._deadline is not None and self._head_size > self._bounds.size:
            self._refuse(HeadTooLarge())

    def pause_writing(self) -> None:
        """They read more slowly than we answer."""
        super().pause_writing()
        self._look_again()

    def resume_writing(self) -> None:
        """They have read."""
        self._is_read_again()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """The parser has found the start of a request."""
        super().on_message_begin()
        self._parsed_size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser has read a header."""
        super().on_header(name, value)
        self._parsed_size += len(name) + len(value) + 4
        size = len(self.url) + self._parsed_size
        if size > self._bounds.size or len(self.headers) > self._bounds.headers:
            self._refusal = HeadTooLarge()
            raise ValueError  # the parser turns any exception into a refusal of the request

    def on_headers_complete(self) -> None:
        """The parser has read a head."""
        self._head_is_here()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the text is the parser's
        """Refuse what cannot be read."""
        self._refuse(self._refusal or Malformed("This is not an HTTP request."))

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._bounds.seconds, self._give_up)

    def _head_is_here(self) -> None:
        self._head_size = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _look_again(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(self._bounds.unread, self._hurry)

    def _hurry(self) -> None:
        # Slow is fine, as long as something moves.
        if self.transport.get_write_buffer_size() < self._unread:
            self._look_again()
        else:
            self.transport.abort()

    def _is_read_again(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        self._head_is_here()
        if self.transport.is_closing():
            return
        request_id = secrets.token_hex(16)
        body = problem.render(request_id)
        reason = b"%d %s" % (problem.status, problem.title.encode("ascii", "replace"))
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\nx-request-id: %s\r\n"
            b"cache-control: no-store\r\nconnection: close\r\n\r\n%s"
            % (reason, MEDIA_TYPE.encode(), len(body), request_id.encode(), body)
        )
        self.transport.close()


def bounded(bounds: HeadBounds, visitors: Visitors) -> Callable[..., BoundedProtocol]:
    """What makes a protocol for each connection."""
    return partial(BoundedProtocol, bounds=bounds, visitors=visitors)
