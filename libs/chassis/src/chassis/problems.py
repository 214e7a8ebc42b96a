"""Refusals as classes, and the one form they take on the wire: RFC 9457 `application/problem+json`.

A service subclasses the kind it means and gives it a code of its own:

    class CapacityExceeded(Conflict):
        code = "CAPACITY_EXCEEDED"
        title = "Not enough places left"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """A reason for a refusal and the field it is about (dotted path: `customer.email`)."""

    field: str
    message: str


class Problem(Exception):
    """Something the caller is told about: status, stable `code`, title and, when useful, fields.

    `detail` reaches the caller: it must hold no personal data, no secret and no internals.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self,
        detail: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def document(self, request_id: str) -> dict[str, Any]:
        """The members of the problem document."""
        return {
            "type": f"urn:holdfast:problem:{self.code.lower().replace('_', '-')}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
            "code": self.code,
            "errors": [{"field": e.field, "message": e.message} for e in self.errors],
            "request_id": request_id,
        }

    def render(self, request_id: str) -> bytes:
        """The problem document as JSON."""
        return orjson.dumps(self.document(request_id))


class Malformed(Problem):
    """The request cannot be read at all."""

    status = 400
    code = "MALFORMED"
    title = "The request cannot be read"


class Unauthenticated(Problem):
    """Nobody we know is asking."""

    status = 401
    code = "UNAUTHENTICATED"
    title = "Authentication is required"


class Forbidden(Problem):
    """We know who is asking, and they may not."""

    status = 403
    code = "FORBIDDEN"
    title = "Not allowed"


class NotFound(Problem):
    """It does not exist, or it is not the caller's: the two look alike on purpose."""

    status = 404
    code = "NOT_FOUND"
    title = "Not found"


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    status = 405
    code = "METHOD_NOT_ALLOWED"
    title = "Method not allowed"


class Conflict(Problem):
    """The request is right, but the present state refuses it."""

    status = 409
    code = "CONFLICT"
    title = "Conflict with the present state"


class TooLarge(Problem):
    """The body is larger than we read."""

    status = 413
    code = "TOO_LARGE"
    title = "The request body is too large"


class Invalid(Problem):
    """The request can be read, but says something impossible."""

    status = 422
    code = "VALIDATION_ERROR"
    title = "The request is not valid"


class Limited(Problem):
    """Too many requests; `retry_after` is in whole seconds."""

    status = 429
    code = "RATE_LIMITED"
    title = "Too many requests"

    def __init__(
        self,
        detail: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        *,
        retry_after: int = 1,
    ) -> None:
        super().__init__(detail, errors, {"Retry-After": str(retry_after), **(headers or {})})


class Unavailable(Problem):
    """Something we depend on is down, or the feature is off; `retry_after` is in whole seconds."""

    status = 503
    code = "DEPENDENCY_UNAVAILABLE"
    title = "Temporarily unavailable"

    def __init__(
        self,
        detail: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        *,
        retry_after: int = 2,
    ) -> None:
        super().__init__(detail, errors, {"Retry-After": str(retry_after), **(headers or {})})


class FieldProblem(BaseModel):
    """One field that was refused."""

    field: str = Field(description="Dotted path of the field, e.g. customer.email")
    message: str


class ProblemDocument(BaseModel):
    """RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable, for programs")
    errors: list[FieldProblem]
    request_id: str = Field(description="Quote this when reporting a fault")


def responses(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for a route or router that may answer with these problems.

    Usage: `APIRouter(responses=responses(NotFound, CapacityExceeded))`.
    """
    by_status: dict[int, list[type[Problem]]] = {}
    for problem in problems:
        by_status.setdefault(problem.status, []).append(problem)
    return {
        status: {
            "description": "; ".join(f"{p.code}: {p.title}" for p in kinds),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status, kinds in sorted(by_status.items())
    }
