"""One OpenAPI document for the public API, merged from those of the services.

Only what the route table leads to is in it, under the public paths, with what the gateway adds:
credentials, limits, refusals, and the answers it composes itself.
"""

from __future__ import annotations

import asyncio
import re
import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog

from chassis.problems import MEDIA_TYPE, Problem, ProblemDocument
from gateway.routes import ROUTES, Route, Upstream
from gateway.wire import Answer, Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.limits import Window
    from gateway.upstream import Services

log = structlog.get_logger(__name__)

Document = dict[str, Any]

_FETCH_WITHIN: Final = 2.0
_AGAIN_WHEN_INCOMPLETE: Final = 3.0
_REF: Final = "#/components/schemas/"
_PARAMETER = re.compile(r"\{([^}]+)\}")
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": f"{_REF}ProblemDocument"}}}
_RATE_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeating a request with the same key repeats the answer, not the effect.",
    "schema": {"type": "string", "minLength": 16, "maxLength": 255},
}
_HEADERS: Final = {
    "RateLimit-Limit": {"$ref": "#/components/headers/RateLimit-Limit"},
    "RateLimit-Remaining": {"$ref": "#/components/headers/RateLimit-Remaining"},
    "RateLimit-Reset": {"$ref": "#/components/headers/RateLimit-Reset"},
}
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
    schemas = _Schemas(parts)
    paths: dict[str, Any] = {}
    for route in routes:
        operation = _found(route, parts.get(route.service, {}))
        operation = schemas.adopt(route.service, operation or _plain(route))
        _complete(operation, route, windows)
        if route.handling == "book":
            _describe_booking(operation, schemas)
        elif route.handling == "timeline":
            _describe_timeline(operation)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Holdfast", "version": "1", "description": _INTRODUCTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted((schemas.adopted | _own_schemas()).items())),
            "securitySchemes": _SECURITY_SCHEMES,
            "headers": _HEADERS,
        },
    }


_SECURITY_SCHEMES: Final = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key: hf_..."},
    "manageToken": {"type": "apiKey", "in": "header", "name": "X-Manage-Token"},
    "manageLink": {"type": "apiKey", "in": "query", "name": "token"},
}
_SECURITY: Final[Mapping[str, list[dict[str, list[str]]]]] = {
    "guest": [{}],
    "manage": [{"manageToken": []}, {"manageLink": []}],
    "key": [{"apiKey": []}],
    "operator": [{"apiKey": []}],
}
_HEADERS: Final = {
    "RateLimit-Limit": {
        "description": "Requests of this kind that the caller may make in a window.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Remaining": {
        "description": "How many of them are left.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Reset": {
        "description": "Seconds until one more is possible.",
        "schema": {"type": "integer"},
    },
}


def _own_schemas() -> dict[str, Any]:
    made = ProblemDocument.model_json_schema(ref_template=_REF + "{model}")
    return {**made.pop("$defs", {}), "ProblemDocument": made}


def _found(route: Route, part: Document) -> dict[str, Any] | None:
    """The service's description of a route, with the route table's names of parameters."""
    shape = _PARAMETER.sub("{}", route.upstream_path)
    for path, item in part.get("paths", {}).items():
        operation = item.get(route.method.lower())
        if operation is None or _PARAMETER.sub("{}", path) != shape:
            continue
        operation = deepcopy(operation)
        renamed = dict(zip(_PARAMETER.findall(path), _PARAMETER.findall(route.path), strict=True))
        parameters = [*deepcopy(item.get("parameters", [])), *operation.get("parameters", [])]
        for parameter in parameters:
            if parameter.get("in") == "path":
                parameter["name"] = renamed.get(parameter["name"], parameter["name"])
        operation["parameters"] = [p for p in parameters if not _is_internal(p)]
        found: dict[str, Any] = operation
        return found
    return None


def _is_internal(parameter: Mapping[str, Any]) -> bool:
    return parameter.get("in") == "header" and parameter.get("name", "").lower() in {
        "x-internal-token",
        "x-request-id",
        "traceparent",
    }


def _plain(route: Route) -> dict[str, Any]:
    """What the table alone says of a route."""
    return {
        "operationId": f"{route.method.lower()}{_PARAMETER.sub('', route.path).replace('/', '_')}",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PARAMETER.findall(route.path)
        ],
        "responses": {"200": {"description": "Done"}},
    }


def _complete(operation: dict[str, Any], route: Route, windows: Mapping[str, Window]) -> None:
    operation.setdefault("tags", [route.service.value])
    operation["security"] = [
        scheme
        for caller in ("guest", "manage", "key")
        if caller in route.callers or (caller == "key" and "operator" in route.callers)
        for scheme in _SECURITY[caller]
    ]
    parameters = operation.setdefault("parameters", [])
    names = {parameter.get("name", "").lower() for parameter in parameters}
    if route.method == "POST" and route.idempotent and "idempotency-key" not in names:
        parameters.append(_IDEMPOTENCY_KEY)
    told = [operation.get("description", ""), _who(route), _limits(route, windows)]
    operation["description"] = "\n\n".join(part for part in told if part)
    responses = operation.setdefault("responses", {})
    responses.pop("default", None)
    for status, meaning in _refusals(route).items():
        responses.setdefault(status, {"description": meaning, "content": _PROBLEM})
    for status, response in responses.items():
        if status[0] == "2" or status == "429":
            response["headers"] = {**response.get("headers", {}), **_RATE_HEADERS}
    responses["default"] = {"description": "Any other refusal", "content": _PROBLEM}


def _who(route: Route) -> str:
    names = {
        "guest": "anyone",
        "manage": "holders of the manage token",
        "key": f"API keys with {route.permission}" if route.permission else "API keys",
        "operator": "operators",
    }
    return f"For {', '.join(names[kind] for kind in names if kind in route.callers)}."


def _limits(route: Route, windows: Mapping[str, Window]) -> str:
    keys = windows["keys"]
    per_key = f"{keys.amount} requests in {keys.seconds} s per API key"
    if not route.callers & {"guest", "manage"}:
        return f"Limit: {per_key}."
    window = windows[route.limit]
    return f"Limit: {window.amount} in {window.seconds} s per address; {per_key}."


def _refusals(route: Route) -> dict[str, str]:
    refusals = {"400": "MALFORMED: The request cannot be read"}
    refusals["401"] = "What was shown is not valid, or nothing was shown where something is needed"
    if "key" in route.callers or "operator" in route.callers:
        refusals["403"] = "FORBIDDEN: The caller may not do this"
    refusals["404"] = "NOT_FOUND: Unknown, or not yours"
    if route.method != "GET":
        refusals["413"] = "TOO_LARGE: The body is larger than is read"
    refusals["422"] = "VALIDATION_ERROR: The request is not valid"
    refusals["429"] = "RATE_LIMIT_EXCEEDED: Too many requests; see Retry-After"
    refusals["503"] = "DEPENDENCY_UNAVAILABLE: Try again after Retry-After seconds"
    return refusals


def _describe_booking(operation: dict[str, Any], schemas: _Schemas) -> None:
    """201 gains the payment, and 202 stands beside it."""
    created = operation["responses"].setdefault("201", {"description": "The place is held"})
    content = created.setdefault("content", {}).setdefault("application/json", {})
    held = schemas.resolve(content.get("schema", {"type": "object"}))
    properties = dict(held.get("properties", {}))
    properties["payment"] = {
        "description": "How to pay; null when nothing is due now, or not ready yet (202).",
        "anyOf": [schemas.answer_of(Upstream.PAYMENTS, "/bookings/{}/payment"), {"type": "null"}],
    }
    properties["payment_url"] = {
        "type": "string",
        "description": "With 202: where the payment will appear.",
    }
    schemas.adopted["BookingAnswer"] = {**held, "properties": properties, "title": "BookingAnswer"}
    content["schema"] = {"$ref": f"{_REF}BookingAnswer"}
    operation["responses"]["202"] = {
        "description": "The place is held; the payment is still being prepared, see payment_url",
        "content": deepcopy(created["content"]),
        "headers": dict(created.get("headers", {})),
    }


def _describe_timeline(operation: dict[str, Any]) -> None:
    """The services' entries together, and who is missing."""
    answer = operation["responses"].setdefault("200", {"description": "All that happened, by time"})
    answer["content"] = {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["entries", "incomplete"],
                "properties": {
                    "entries": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["at", "service", "type", "summary"],
                            "properties": {
                                "at": {"type": "string", "format": "date-time"},
                                "service": {"type": "string"},
                                "type": {"type": "string"},
                                "message_id": {"type": ["string", "null"]},
                                "summary": {"type": "string"},
                                "data": {"type": ["object", "null"]},
                            },
                        },
                    },
                    "incomplete": {
                        "type": "array",
                        "description": "Services that did not answer; their entries are missing.",
                        "items": {"type": "string", "enum": [str(each) for each in Upstream]},
                    },
                },
            }
        }
    }


class _Schemas:
    """Takes over the schemas that routed operations need, under names that stay distinct."""

    def __init__(self, parts: Mapping[Upstream, Document]) -> None:
        self._parts = parts
        self._theirs = {
            service: part.get("components", {}).get("schemas", {})
            for service, part in parts.items()
        }
        self.adopted: dict[str, Any] = {}

    def adopt(self, service: Upstream, node: Any) -> Any:
        """A copy of `node` whose references lead into the merged document."""
        if isinstance(node, dict):
            taken = {
                key: self.adopt(service, value) for key, value in node.items() if key != "$ref"
            }
            if (ref := node.get("$ref")) is not None:
                taken["$ref"] = self._adopt_named(service, str(ref))
            return taken
        if isinstance(node, list):
            return [self.adopt(service, value) for value in node]
        return node

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The adopted schema itself, when given a reference to it."""
        ref = schema.get("$ref")
        if ref is None:
            return schema
        found: dict[str, Any] = self.adopted.get(ref.removeprefix(_REF), {"type": "object"})
        return found

    def answer_of(self, service: Upstream, shape: str) -> dict[str, Any]:
        """The schema of what a service answers to a GET on a path of this shape."""
        for path, item in self._parts.get(service, {}).get("paths", {}).items():
            if _PARAMETER.sub("{}", path) == shape and "get" in item:
                answer = item["get"].get("responses", {}).get("200", {})
                schema = answer.get("content", {}).get("application/json", {}).get("schema")
                if schema:
                    adopted: dict[str, Any] = self.adopt(service, schema)
                    return adopted
        return {"type": "object"}

    def _adopt_named(self, service: Upstream, ref: str) -> str:
        name = ref.removeprefix(_REF)
        if not ref.startswith(_REF) or name not in self._theirs[service]:
            return ref
        public = self._public_name(service, name)
        if public not in self.adopted:
            self.adopted[public] = {}  # for schemas that refer to themselves
            self.adopted[public] = self.adopt(service, self._theirs[service][name])
        return _REF + public

    def _public_name(self, service: Upstream, name: str) -> str:
        for other, theirs in self._theirs.items():
            if other != service and name in theirs and not self._same(service, other, name):
                return f"{service.title()}{name}"
        return name

    def _same(self, one: Upstream, other: Upstream, name: str) -> bool:
        return self._whole(one, name, set()) == self._whole(other, name, set())

    def _whole(self, service: Upstream, name: str, seen: set[str]) -> tuple[object, list[object]]:
        """A schema with all it refers to, for comparison."""
        seen.add(name)
        own = self._theirs[service].get(name)
        return own, [
            self._whole(service, inner, seen)
            for inner in sorted(_references(own))
            if inner not in seen
        ]


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        found = {str(node["$ref"]).removeprefix(_REF)} if "$ref" in node else set()
        return found.union(*(_references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(value) for value in node))
    return set()
