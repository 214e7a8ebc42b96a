"""The one place where failures become answers."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from chassis.db import is_outage, sqlstate_of
from chassis.http.edge import request_id
from chassis.http.replies import problem_reply
from chassis.problems import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    Limited,
    Malformed,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

log = structlog.get_logger(__name__)

MOST_FIELD_ERRORS = 20

_BY_STATUS: dict[int, type[Problem]] = {
    kind.status: kind
    for kind in (
        Malformed,
        Unauthenticated,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Conflict,
        TooLarge,
        Invalid,
        Limited,
        Unavailable,
    )
}


class Contended(Conflict):
    """Someone else holds what this request needs; asking again shortly may succeed."""

    code = "BUSY"
    title = "Another request is working on the same thing"


def problem_of(error: Exception) -> Problem:
    """How a failure is told to the caller; what is not the caller's doing is logged in full."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return of_validation(error.errors())
    if isinstance(error, HTTPException):
        return of_status(error.status_code, error.headers)
    return _of_database(error) or _unexpected(error)


def _of_database(error: Exception) -> Problem | None:
    state = sqlstate_of(error) or ""
    if is_outage(error):
        log.error("http.dependency_unavailable", sqlstate=state or None, exc_info=error)
        return Unavailable("The database cannot be reached. Please try again shortly.")
    if state == "55P03":
        return Contended(headers={"Retry-After": "1"})
    if state in {"40P01", "40001", "57014", "53100", "53200", "53400"}:
        # Lost to others twice, took too long, or the server is short of something.
        log.error("http.database_overloaded", sqlstate=state, exc_info=error)
        return Unavailable("The database is too busy. Please try again shortly.", retry_after=1)
    if state.startswith("22"):
        # A value that no column can hold passed the models: refuse it, and tell us which.
        log.warning("http.value_refused_by_database", sqlstate=state, exc_info=error)
        return Invalid("A value is outside what can be stored.")
    return None


def _unexpected(error: Exception) -> Problem:
    log.error("http.failed", exc_info=error)
    return Problem("Please try again, and quote the request id if it keeps failing.")


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem for a bare HTTP status, as frameworks raise it."""
    kind = _BY_STATUS.get(status)
    if kind is not None:
        return kind(headers=headers)
    return (Malformed if 400 <= status < 500 else Problem)(headers=headers)


def of_validation(errors: Iterable[Mapping[str, Any]]) -> Problem:
    """400 when the body is no JSON at all, else 422 naming the fields; values are not echoed."""
    found = list(errors)
    if any(error["type"] == "json_invalid" for error in found):
        return Malformed("The body is not valid JSON.")
    fields: dict[tuple[str, str], None] = {}
    for error in found:
        fields.setdefault((_path(error["loc"]), _told(error)), None)
    first = list(fields)[:MOST_FIELD_ERRORS]
    return Invalid(
        f"{len(fields)} field{'' if len(fields) == 1 else 's'} refused.",
        errors=[FieldError(field, message) for field, message in first],
    )


def _path(location: Iterable[object]) -> str:
    """`("body", "customer", "email")` -> `customer.email`; headers and queries by their name."""
    parts = [str(part)[:64] for part in location]
    if len(parts) > 1 and parts[0] in {"body", "query", "path", "header", "cookie"}:
        parts = parts[1:]
    return ".".join(parts)


def _told(error: Mapping[str, Any]) -> str:
    if error["type"] == "string_pattern_mismatch" and "u0000" in str(error.get("ctx")):
        return "must not contain the NUL character"
    if error["type"] == "extra_forbidden":
        return "is not a known field"
    if error["type"] == "missing":
        return "is required"
    if error["type"] == "model_attributes_type":
        # Without its type a JSON body arrives as one string.
        return "must be a JSON object, sent with Content-Type: application/json"
    return str(error["msg"]).removeprefix("Value error, ")


async def answer(request: Request, error: Exception) -> Response:
    """Exception handler for everything FastAPI itself would answer in another form."""
    return problem_reply(problem_of(error), request_id(request))


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    Problem: answer,
    RequestValidationError: answer,
    HTTPException: answer,
}
