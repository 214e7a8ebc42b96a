"""How one route is described: what its service says of it, and what the gateway adds."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from chassis.problems import MEDIA_TYPE
from gateway.routes import Route, Upstream
from gateway.schemas import PARAMETER, REF, Schemas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.limits import Window

_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": f"{REF}ProblemDocument"}}}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeating a request with the same key repeats the answer, not the effect.",
    "schema": {"type": "string", "minLength": 16, "maxLength": 255},
}
_RATE_HEADERS: Final = {
    "RateLimit-Limit": {"$ref": "#/components/headers/RateLimit-Limit"},
    "RateLimit-Remaining": {"$ref": "#/components/headers/RateLimit-Remaining"},
    "RateLimit-Reset": {"$ref": "#/components/headers/RateLimit-Reset"},
}
SECURITY_SCHEMES: Final = {
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
HEADERS: Final = {
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


def found(route: Route, part: Mapping[str, Any]) -> dict[str, Any] | None:
    """The service's description of a route, with the route table's names of parameters."""
    shape = PARAMETER.sub("{}", route.upstream_path)
    for path, item in part.get("paths", {}).items():
        operation = item.get(route.method.lower())
        if operation is None or PARAMETER.sub("{}", path) != shape:
            continue
        operation = deepcopy(operation)
        renamed = dict(zip(PARAMETER.findall(path), PARAMETER.findall(route.path), strict=True))
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


def plain(route: Route) -> dict[str, Any]:
    """What the table alone says of a route."""
    return {
        "operationId": f"{route.method.lower()}{PARAMETER.sub('', route.path).replace('/', '_')}",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in PARAMETER.findall(route.path)
        ],
        "responses": {"200": {"description": "Done"}},
    }


def complete(operation: dict[str, Any], route: Route, windows: Mapping[str, Window]) -> None:
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


def describe_booking(operation: dict[str, Any], schemas: Schemas) -> None:
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
    content["schema"] = {"$ref": f"{REF}BookingAnswer"}
    operation["responses"]["202"] = {
        "description": "The place is held; the payment is still being prepared, see payment_url",
        "content": deepcopy(created["content"]),
        "headers": dict(created.get("headers", {})),
    }


def describe_evidence(operation: dict[str, Any]) -> None:
    """What the services know of a dispute's booking, and who is missing."""
    part = {"type": ["object", "null"]}
    parts = {"type": "array", "items": {"type": "object"}}
    answer = operation["responses"].setdefault("200", {"description": "What there is to show"})
    answer["content"] = {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["dispute", "booking", "timeline", "messages", "incomplete"],
                "properties": {
                    "dispute": {"type": "object"},
                    "booking": part,
                    "timeline": parts,
                    "messages": parts,
                    "incomplete": {
                        "type": "array",
                        "description": "Services whose part is missing.",
                        "items": {"type": "string", "enum": [str(each) for each in Upstream]},
                    },
                },
            }
        }
    }


def describe_timeline(operation: dict[str, Any]) -> None:
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
