"""The one place where refusals become HTTP answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.api.texts import has_text, language, text
from booking.domain import refusals
from chassis import problems
from chassis.http import problem_reply, request_id

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response


class CapacityExceeded(problems.Conflict):
    """Not enough places are left."""

    code = refusals.CapacityExceeded.code
    title = "Not enough places are left"


class ResourceTaken(problems.Conflict):
    """Somebody else has it."""

    code = refusals.ResourceTaken.code
    title = "This table is taken"


class IdempotencyInProgress(problems.Conflict):
    """A rival request has the same key."""

    code = refusals.IdempotencyInProgress.code
    title = "A request with this idempotency key is in progress"


class IdempotencyKeyReused(problems.Invalid):
    """The key belongs to another request."""

    code = refusals.IdempotencyKeyReused.code
    title = "This idempotency key was used for another request"


class IdempotencyKeyRequired(problems.Malformed):
    """The header is missing, too short or too long."""

    code = refusals.IdempotencyKeyMissing.code
    title = "An Idempotency-Key of 16 to 255 characters is required"


class FeatureOff(problems.Unavailable):
    """The feature is switched off."""

    code = refusals.PaymentsOff.code
    title = "Payments are switched off"


# The first class that fits decides; its code gives way to the refusal's own.
_KINDS: tuple[tuple[type[refusals.Refusal], type[problems.Problem]], ...] = (
    (refusals.IdempotencyKeyMissing, IdempotencyKeyRequired),
    (refusals.IdempotencyKeyReused, IdempotencyKeyReused),
    (refusals.InvalidRequest, problems.Invalid),
    (refusals.Unknown, problems.NotFound),
    (refusals.NotPermitted, problems.Forbidden),
    (refusals.GuestRefused, problems.Forbidden),
    (refusals.PaymentsOff, FeatureOff),
    (refusals.Clash, problems.Conflict),
)


def problem_of(refusal: refusals.Refusal, accept_language: str | None = None) -> problems.Problem:
    """The problem that tells a client about a refusal; its ``code`` is the refusal's."""
    kind = next(kind for refused, kind in _KINDS if isinstance(refusal, refused))
    errors: tuple[problems.FieldError, ...] = ()
    if isinstance(refusal, refusals.InvalidRequest):
        errors = tuple(problems.FieldError(fault.field, fault.message) for fault in refusal.faults)
    detail, headers = str(refusal), {}
    if refusal.text is not None:
        chosen = language(accept_language, refusal.text.locale)
        detail = text(refusal.text.key, chosen, **refusal.text.facts)
        headers = {"Content-Language": chosen}
    elif has_text(key := f"refused.{refusal.code}"):
        chosen = language(accept_language, "en")
        detail = text(key, chosen)
        headers = {"Content-Language": chosen}
    problem = kind(detail, errors, headers)
    problem.code = refusal.code  # type: ignore[misc]
    return problem


def install(app: FastAPI) -> None:
    """Answer refusals, whatever route they leave."""

    async def answer(request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, refusals.Refusal)  # noqa: S101 - registered for these only
        return problem_reply(
            problem_of(refusal, request.headers.get("accept-language")), request_id(request)
        )

    app.add_exception_handler(refusals.Refusal, answer)
