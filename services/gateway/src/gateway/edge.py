"""The edge: every public request passes here, in this order.

match the route table → count guests by address → identify the caller → count keys → admit →
read the body → hand over → answer. Plain ASGI, since each request pays for every layer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from opentelemetry import context, trace
from opentelemetry.trace import SpanKind

from chassis import telemetry
from chassis.auth import Principal
from chassis.metrics import HTTP_SECONDS
from chassis.problems import Limited, MethodNotAllowed, Problem
from gateway.authentication import GUEST, Authentication, admit
from gateway.limits import Verdict
from gateway.wire import Answer, Trail, identify, parent, read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from prometheus_client import Histogram

    from gateway.addresses import TrustedProxies
    from gateway.forwarding import Handler
    from gateway.limits import Limits
    from gateway.routes import Handling, RouteTable
    from gateway.wire import Headers, Receive, Request, Scope, Send

    App = Callable[[Scope, Receive, Send], Awaitable[None]]
    Page = Callable[[], Awaitable[Answer]]

log = structlog.get_logger(__name__)

_PREFIX: Final = "/v1/"
_ALWAYS: Final = [
    (b"x-content-type-options", b"nosniff"),
    # Links in mails carry the manage token in the address.
    (b"referrer-policy", b"no-referrer"),
]
_NO_STORE: Final = (b"cache-control", b"no-store")
_SERVER: Final = SpanKind.SERVER
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class RateLimitExceeded(Limited):
    """Too many requests of this class by this caller."""

    code = "RATE_LIMIT_EXCEEDED"
    title = "Too many requests"


@dataclass(frozen=True, slots=True)
class BodyBounds:
    """The largest request body, in bytes, and the seconds it may take to arrive."""

    size: int = 256 * 1024
    seconds: float = 10.0


@dataclass(slots=True)
class _Seen:
    """What became known of a request on its way; for its headers, log line and metrics."""

    id: str
    route: str = "(unmatched)"
    cache: int = 0
    principal: Principal | None = None
    verdict: Verdict | None = None


class Edge:
    """Serves the route table and the gateway's own pages; leaves all else to `inner`."""

    def __init__(
        self,
        inner: App,
        *,
        table: RouteTable,
        handlers: Mapping[Handling, Handler],
        pages: Mapping[str, Page],
        authentication: Authentication,
        limits: Limits,
        proxies: TrustedProxies,
        body: BodyBounds,
    ) -> None:
        self._inner = inner
        self._table = table
        self._handlers = handlers
        self._pages = pages
        self._authentication = authentication
        self._limits = limits
        self._proxies = proxies
        self._body = body
        self._timings: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not (
            scope["path"].startswith(_PREFIX) or scope["path"] in self._pages
        ):
            await self._inner(scope, receive, send)
            return
        began = time.perf_counter()
        seen = _Seen(identify(scope["headers"]))
        span = telemetry.start(scope["method"], parent=parent(scope["headers"]), kind=_SERVER)
        outer = context.attach(trace.set_span_in_context(span))
        bound = structlog.contextvars.bind_contextvars(request_id=seen.id)
        status = 500
        try:
            answer = await self._answer(scope, receive, seen)
            status = answer.status
            answer.headers += self._headers(seen, answer)
            await answer.send(send)
        finally:
            self._account(scope["method"], seen, status, time.perf_counter() - began)
            structlog.contextvars.reset_contextvars(**bound)
            context.detach(outer)
            span.end()

    async def _answer(self, scope: Scope, receive: Receive, seen: _Seen) -> Answer:
        try:
            request = read(scope, receive, Trail(seen.id, telemetry.traceparent() or ""))
            page = self._pages.get(request.path)
            if page is not None:
                seen.route = request.path
                return await self._page(page, request, seen)
            return await self._routed(request, seen)
        except Problem as problem:
            return Answer.problem(problem, seen.id)
        except Exception:
            log.exception("edge.failed")
            return Answer.problem(Problem("Please try again, and quote the request id."), seen.id)

    async def _page(self, page: Page, request: Request, seen: _Seen) -> Answer:
        if request.method != "GET":
            raise MethodNotAllowed(headers={"Allow": "GET"})
        await self._count("reads", self._address(request), seen)
        return await page()

    async def _routed(self, request: Request, seen: _Seen) -> Answer:
        match = self._table.match(request.method, request.path)
        route = match.route
        seen.route = route.path
        address = self._address(request)
        by_key = b"authorization" in request.headers
        if not by_key:
            await self._count(route.limit, address, seen)
            if route.limit == "booking":
                # A minute's pace kept up would hold a whole house for free (F-12).
                await self._count("holding", address, seen)

        async def before_asking() -> None:
            await self._count("credentials", address, seen)

        principal = await self._authentication.identify(request, match, before_asking)
        seen.principal = principal
        if by_key:
            await self._count("keys", principal.id, seen)
        admit(principal, route)
        body: bytes | None = None
        if request.method in _WITH_BODY:
            body = await request.body(self._body.size, self._body.seconds)
        answer = await self._handlers[route.handling](request, match, principal, body)
        if principal is GUEST and answer.status == 200:
            seen.cache = route.cache
        return answer

    async def _count(self, limit: str, caller: str, seen: _Seen) -> None:
        verdict = await self._limits.hit(limit, caller)
        if (
            seen.verdict is None
            or not verdict.allowed
            or verdict.remaining < seen.verdict.remaining
        ):
            seen.verdict = verdict  # the tightest is what the caller should know
        if not verdict.allowed:
            raise RateLimitExceeded(
                f"At most {verdict.limit} requests of this kind; "
                f"the next is possible in {verdict.reset} s.",
                retry_after=verdict.reset,
            )

    def _address(self, request: Request) -> str:
        return self._proxies.caller(request.peer, request.forwarded)

    @staticmethod
    def _headers(seen: _Seen, answer: Answer) -> Headers:
        headers = [(b"x-request-id", seen.id.encode()), *_ALWAYS]
        if seen.verdict is not None:
            headers += seen.verdict.headers()
        if seen.cache:
            headers.append((b"cache-control", b"public, max-age=%d" % seen.cache))
            headers.append((b"vary", b"authorization"))
        elif all(name != b"cache-control" for name, _ in answer.headers):
            headers.append(_NO_STORE)
        return headers

    def _account(self, method: str, seen: _Seen, status: int, seconds: float) -> None:
        if method not in _METHODS:
            method = "OTHER"
        key = (seen.route, method, status)
        timing = self._timings.get(key)
        if timing is None:
            timing = self._timings[key] = HTTP_SECONDS.labels(seen.route, method, str(status))
        timing.observe(seconds)
        principal = seen.principal
        # Never the address as asked for: it may hold a manage token.
        log.info(
            "http.request",
            method=method,
            route=seen.route,
            status=status,
            ms=round(seconds * 1000, 2),
            caller=f"{principal.kind}:{principal.id}" if principal is not None else None,
            org_id=str(principal.org_id) if principal is not None and principal.org_id else None,
        )
