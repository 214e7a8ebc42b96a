"""One OpenAPI document for the public API, merged from those of the services.

Only what the route table leads to is in it, under the public paths, with what the gateway adds:
credentials, limits, refusals, and the answers it composes itself.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog

from chassis.problems import Problem, ProblemDocument
from gateway import operations
from gateway.routes import ROUTES, Route, Upstream
from gateway.schemas import REF, Schemas
from gateway.wire import Answer, Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.limits import Window
    from gateway.upstream import Services

log = structlog.get_logger(__name__)

Document = dict[str, Any]

_FETCH_WITHIN: Final = 2.0
_AGAIN_WHEN_INCOMPLETE: Final = 3.0
_INTRODUCTION: Final = """\
Reservations: hold a place, pay for it, keep it.

**Credentials.** Guests need none to look and to book. The answer to a booking holds a
`manage_token`: whoever shows it (header `X-Manage-Token`, or `?token=` in a link) may read and
cancel that booking. Staff and programs use an API key: `Authorization: Bearer hf_...`.

**Refusals** are `application/problem+json` (RFC 9457). Programs go by `code`, people by `detail`;
`errors` names the fields; quote `request_id` when something is wrong on our side.

**Limits** are moving windows, told by the `RateLimit-*` headers; beyond them the answer is 429
with `Retry-After` in seconds.

**Money** is whole minor units (pence, cents, öre) with an ISO 4217 currency. **Instants** are
RFC 3339 in UTC.

**Repeating.** Where `Idempotency-Key` is taken, the same key with the same body gives the same
answer for 24 hours and has no second effect."""


class PublicDocument:
    """The merged document: made when asked for, and again after `refresh` seconds.

    A service that cannot be asked keeps its last known part; one never seen is described by the
    route table alone until it answers.
    """

    def __init__(
        self,
        services: Services,
        windows: Mapping[str, Window],
        *,
        routes: Iterable[Route] = ROUTES,
        refresh: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._windows = windows
        self._routes = tuple(routes)
        self._refresh = refresh
        self._clock = clock
        self._parts: dict[Upstream, Document] = {}
        self._made: bytes = b""
        self._again_at = float("-inf")
        self._lock = asyncio.Lock()

    async def page(self) -> Answer:
        """The document as an answer."""
        answer = Answer.json(await self.document())
        answer.headers.append((b"cache-control", b"public, max-age=60"))
        return answer

    async def document(self) -> bytes:
        """The document as JSON."""
        async with self._lock:
            if self._clock() >= self._again_at:
                found = await asyncio.gather(*(self._fetch(service) for service in Upstream))
                self._made = orjson.dumps(merge(self._routes, self._parts, self._windows))
                wait = self._refresh if all(found) else _AGAIN_WHEN_INCOMPLETE
                self._again_at = self._clock() + wait
            return self._made

    async def _fetch(self, service: Upstream) -> bool:
        try:
            answer = await self._services.call(
                service, "GET", "/openapi.json", None, Trail("openapi", ""), within=_FETCH_WITHIN
            )
            part = orjson.loads(answer.body) if answer.status == 200 else None
        except (Problem, ValueError):
            part = None
        if not isinstance(part, dict):
            log.warning("openapi.part_missing", part=service.value)
            return False
        self._parts[service] = part
        return True


def merge(
    routes: Iterable[Route],
    parts: Mapping[Upstream, Document],
    windows: Mapping[str, Window],
) -> Document:
    """The public document from the services' documents."""
    schemas = Schemas(parts)
    paths: dict[str, Any] = {}
    for route in routes:
        operation = operations.found(route, parts.get(route.service, {}))
        operation = schemas.adopt(route.service, operation or operations.plain(route))
        operations.complete(operation, route, windows)
        if route.handling == "book":
            operations.describe_booking(operation, schemas)
        elif route.handling == "timeline":
            operations.describe_timeline(operation)
        elif route.handling == "evidence":
            operations.describe_evidence(operation)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Holdfast", "version": "1", "description": _INTRODUCTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted((schemas.adopted | _own_schemas()).items())),
            "securitySchemes": operations.SECURITY_SCHEMES,
            "headers": operations.HEADERS,
        },
    }


def _own_schemas() -> dict[str, Any]:
    made = ProblemDocument.model_json_schema(ref_template=REF + "{model}")
    return {**made.pop("$defs", {}), "ProblemDocument": made}
