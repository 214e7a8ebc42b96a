"""The way to the services: one connection pool, bounded in time, size and number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp
import structlog
from multidict import istr
from yarl import URL

from chassis.auth import HEADER as INTERNAL_TOKEN
from chassis.problems import MEDIA_TYPE, Problem, Unavailable
from gateway.wire import BODYLESS, Answer, Headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from chassis.auth import Principal, TokenMinter
    from gateway.routes import Upstream
    from gateway.wire import Trail

log = structlog.get_logger(__name__)

# What a service may say to the outside besides status and body.
_PASSED_BACK: Final = {
    istr(name): name.lower().encode()
    for name in (
        "Cache-Control",
        "Content-Disposition",
        "Content-Language",
        "Content-Type",
        "ETag",
        "Idempotent-Replayed",
        "Last-Modified",
        "Location",
        "Retry-After",
        "WWW-Authenticate",
    )
}
_READ_AT_ONCE: Final = 1024 * 1024
_NO_AUTO_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

_TOKEN: Final = istr(INTERNAL_TOKEN)
_REQUEST_ID: Final = istr("X-Request-Id")
_TRACEPARENT: Final = istr("traceparent")


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds on a call, in seconds: to connect (or wait for a free connection), and in all.

    A `long` answer may take longer in all, but never pauses for more than `total`.
    """

    connect: float = 2.0
    total: float = 10.0
    long: float = 600.0


class Services:
    """Calls services in the name of a principal.

    An upstream that can't be reached, breaks off or takes too long is `Unavailable`; what it says
    about faults of its own stays here, in the log.
    """

    def __init__(
        self,
        addresses: Mapping[Upstream, str],
        minter: TokenMinter,
        *,
        patience: Patience = Patience(),
        connections: int = 256,
        keep_idle: float = 60.0,
    ) -> None:
        """`addresses`: base URLs. `connections`: most open ones per service.

        `keep_idle` (seconds) must stay below the time after which services close idle connections,
        or requests meet connections that are just being closed.
        """
        self._addresses = {service: base.rstrip("/") for service, base in addresses.items()}
        self._minter = minter
        self._patience = patience
        self._connections = connections
        self._keep_idle = keep_idle
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                limit_per_host=self._connections,
                keepalive_timeout=self._keep_idle,
                ttl_dns_cache=10,
            ),
            timeout=aiohttp.ClientTimeout(
                total=self._patience.total, connect=self._patience.connect
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_NO_AUTO_HEADERS,
        )

    async def stop(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self,
        service: Upstream,
        method: str,
        target: str,
        principal: Principal | None,
        trail: Trail,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        repeatable: bool = False,
        within: float | None = None,
        long: bool = False,
    ) -> Answer:
        """The service's answer to `method target` (path and query, already escaped).

        `repeatable`: sending it twice does no harm, so a connection that breaks is tried once
        more. `within`: seconds for this call instead of the usual bound. `long`: the answer may go
        on for minutes. Statuses from 500 up come back only as `Unavailable` that the service
        raised itself.

        Raises:
            Unavailable: no answer, or the service said so.
            Problem: the service failed.
        """
        sent = dict(headers) if headers else {}
        sent[_REQUEST_ID] = trail.request_id
        sent[_TRACEPARENT] = trail.traceparent
        if principal is not None:
            sent[_TOKEN] = self._minter.mint(principal, service)
        url = URL(self._addresses[service] + target, encoded=True)
        bound = self._bound(within=within, long=long)
        try:
            try:
                reply = await self._send(method, url, headers=sent, body=body, bound=bound)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                if not repeatable:
                    raise
                reply = await self._send(method, url, headers=sent, body=body, bound=bound)
            return await self._answer(service, reply)
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            log.warning(
                "upstream.unreachable",
                service=service.value,
                method=method,
                error=type(exc).__name__,
                reason=str(exc),
                request_id=trail.request_id,
            )
            raise Unavailable("A part of the system does not answer. Please try again.") from exc

    async def _send(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        bound: aiohttp.ClientTimeout | None,
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("the connection pool is not open")
        if bound is None:
            return await self._session.request(
                method, url, headers=headers, data=body, allow_redirects=False
            )
        return await self._session.request(
            method, url, headers=headers, data=body, allow_redirects=False, timeout=bound
        )

    def _bound(self, *, within: float | None, long: bool) -> aiohttp.ClientTimeout | None:
        if long:
            # Reading pauses while the client does: that is no pause of the service's.
            return aiohttp.ClientTimeout(
                total=self._patience.long,
                connect=self._patience.connect,
                sock_read=self._patience.total,
            )
        return None if within is None else aiohttp.ClientTimeout(total=within)

    async def _answer(self, service: Upstream, reply: aiohttp.ClientResponse) -> Answer:
        headers: Headers = []
        for name, wire in _PASSED_BACK.items():
            value = reply.headers.get(name)
            if value is not None:
                headers.append((wire, value.encode("latin-1", "replace")))
        if reply.status >= 500 and not _is_unavailable(reply):
            log.error("upstream.failed", service=service.value, status=reply.status)
            reply.close()
            raise Problem
        if reply.status in BODYLESS:
            reply.release()
            return Answer(reply.status, headers)
        if reply.content_length is not None and reply.content_length <= _READ_AT_ONCE:
            return Answer(reply.status, headers, await reply.read())
        return Answer(reply.status, headers, rest=_chunks(reply))


def _is_unavailable(reply: aiohttp.ClientResponse) -> bool:
    return reply.status == 503 and reply.content_type == MEDIA_TYPE


async def _chunks(reply: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with reply:
        async for chunk in reply.content.iter_any():
            yield chunk
