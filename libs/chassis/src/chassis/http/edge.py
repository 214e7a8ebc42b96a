"""The outermost layer: request id, trace, access line, metrics, and an answer to every failure."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog
from opentelemetry import context, trace
from opentelemetry.trace import SpanKind
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import logging, telemetry
from chassis.http.replies import problem_reply
from chassis.metrics import HTTP_SECONDS
from chassis.problems import Malformed, Problem
from chassis.redaction import scrub

if TYPE_CHECKING:
    from prometheus_client import Histogram

_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._:-]{8,64}\Z")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_UNMATCHED = "(unmatched)"
_PROBES = frozenset({"/livez", "/readyz"})


def request_id(request: Request) -> str:
    """The id of this request: the caller's `X-Request-ID` when it is sane, else a new one."""
    found: str = request.scope.get("request_id", "")
    return found


class Edge:
    """Pure ASGI middleware; wraps all others."""

    def __init__(self, app: ASGIApp, problem_of: Callable[[Exception], Problem]) -> None:
        self._app = app
        self._problem_of = problem_of
        self._timings: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        parent: str | None = None
        identity = ""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _ACCEPTED_ID.match(value):
                identity = value.decode()
            elif name == b"traceparent":
                parent = value.decode("latin-1")
        identity = identity or uuid4().hex
        scope["request_id"] = identity
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", identity.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        span = telemetry.start(scope["method"], parent=parent, kind=SpanKind.SERVER)
        outer = context.attach(trace.set_span_in_context(span))
        bound = structlog.contextvars.bind_contextvars(request_id=identity)
        try:
            try:
                if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
                    raise Malformed("The address contains a NUL character.")
                await self._app(scope, receive, send_marked)
            except Exception as error:
                problem = self._problem_of(error)
                if status:
                    # The answer has begun; cutting the connection is the only honest end to it.
                    raise
                await problem_reply(problem, identity)(scope, receive, send_marked)
        finally:
            self._account(scope, status, time.perf_counter() - began, span)
            structlog.contextvars.reset_contextvars(**bound)
            context.detach(outer)
            span.end()

    def _account(self, scope: Scope, status: int, seconds: float, span: trace.Span) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = _template(scope)
        key = (route, method, status)
        timing = self._timings.get(key)
        if timing is None:
            timing = self._timings[key] = HTTP_SECONDS.labels(route, method, str(status))
        timing.observe(seconds)
        if span.is_recording():
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", status)
        if route in _PROBES:
            return
        caller = scope.get("state", {}).get("principal")
        logging.access(
            {
                "request_id": scope["request_id"],
                "trace_id": format(span.get_span_context().trace_id, "032x"),
                "method": method,
                "route": route,
                # Only an address that a route knows: it holds ids. Others may hold anything.
                "path": scrub(scope["path"][:200]) if route is not _UNMATCHED else None,
                "status": status,
                "ms": round(seconds * 1000, 2),
                "caller": f"{caller.kind}:{caller.id}" if caller is not None else None,
                "org_id": str(caller.org_id) if caller is not None and caller.org_id else None,
            }
        )


def _template(scope: Scope) -> str:
    """The route's path template: bounded in number, unlike paths."""
    route: Any = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else _UNMATCHED
