"""PayPal's error envelope."""

import secrets
from typing import Any

Json = dict[str, Any]

_STATUS = {
    "INVALID_REQUEST": 400,
    "AUTHENTICATION_FAILURE": 401,
    "NOT_AUTHORIZED": 403,
    "RESOURCE_NOT_FOUND": 404,
    "RESOURCE_CONFLICT": 409,
    "UNPROCESSABLE_ENTITY": 422,
    "RATE_LIMIT_REACHED": 429,
    "INTERNAL_SERVER_ERROR": 500,
}
_TEXT = {
    "INVALID_REQUEST": "Request is not well-formed, syntactically incorrect, or violates schema.",
    "AUTHENTICATION_FAILURE": "Authentication failed due to invalid authentication credentials.",
    "RESOURCE_NOT_FOUND": "The specified resource does not exist.",
    "UNPROCESSABLE_ENTITY": "The requested action could not be performed, semantically incorrect, "
    "or failed business validation.",
}


class Refusal(Exception):
    """An answer other than 2xx: its `name`, and the `issue` that says exactly what is wrong."""

    def __init__(
        self, name: str, issue: str, *, field: str | None = None, links: list[Json] | None = None
    ) -> None:
        super().__init__(f"{name}: {issue}")
        self.status = _STATUS[name]
        self.name = name
        self.issue = issue
        self.field = field
        self.links = links or []

    def body(self) -> Json:
        """As PayPal writes it; `debug_id` is new each time."""
        detail: Json = {"issue": self.issue, "description": self.issue.replace("_", " ").lower()}
        if self.field is not None:
            detail |= {"field": self.field, "location": "body"}
        return envelope(self.name, [detail], self.links)


def envelope(name: str, details: list[Json] | None = None, links: list[Json] | None = None) -> Json:
    """The error object of a name."""
    return {
        "name": name,
        "message": _TEXT.get(name, name.replace("_", " ").capitalize() + "."),
        "debug_id": secrets.token_hex(7),
        "details": details or [],
        "links": links or [],
    }


def name_of(status: int) -> str:
    """The error name that goes with a status, for trouble on demand."""
    return next((n for n, s in _STATUS.items() if s == status), "INTERNAL_SERVER_ERROR")


def unprocessable(issue: str, *, links: list[Json] | None = None) -> Refusal:
    """The state of things forbids it."""
    return Refusal("UNPROCESSABLE_ENTITY", issue, links=links)


def not_found() -> Refusal:
    """No such thing, or another account's."""
    return Refusal("RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
