"""PayPal's errors in our words: what each allows us to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from payments.domain.provider import (
    Gone,
    Misconfigured,
    OutOfState,
    ProviderError,
    Refused,
    Remembered,
    Unreached,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATES = frozenset(
    {
        "ORDER_ALREADY_CAPTURED",
        "ORDER_ALREADY_COMPLETED",
        "ORDER_COMPLETED_OR_VOIDED",
        "ORDER_NOT_APPROVED",
        "ORDER_EXPIRED",
        "PAYER_ACTION_REQUIRED",
        "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
    }
)


class Declined(Refused):
    """The payer's means were declined; they may approve again with others."""


_BY_CODE: Mapping[str, type[ProviderError]] = {
    **dict.fromkeys(_STATES, OutOfState),
    "PREVIOUS_REQUEST_IN_PROGRESS": Unreached,
    "DUPLICATE_REQUEST_ID": Remembered,
    "INSTRUMENT_DECLINED": Declined,
}


def translated(status: int, body: Any, headers: Mapping[str, str]) -> ProviderError:
    """What an error means for the call that met it.

    PayPal's own text is left behind: it may quote what we sent.
    """
    code = _issue(body) or f"http_{status}"
    match status:
        case _ if code in _BY_CODE:
            meaning = _BY_CODE[code](code)
        case 401 | 403:
            meaning = Misconfigured(code)
        case 404:
            meaning = Gone(code)
        case 400 | 422:
            meaning = Refused(code)
        case _:
            # Rate limits, conflicts of requests under way, faults, redirects.
            meaning = Unreached(code, _retry_after(headers))
    return meaning


def _issue(body: Any) -> str | None:
    """The exact reason, where there is one; else the name of the error."""
    if not isinstance(body, dict):
        return None
    details = body.get("details")
    first = details[0] if isinstance(details, list) and details else None
    issue = first.get("issue") if isinstance(first, dict) else None
    found = issue or body.get("name")
    return found[:64] if isinstance(found, str) else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After")
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else None
