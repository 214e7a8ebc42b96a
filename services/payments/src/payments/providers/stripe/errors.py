"""Stripe's errors in our words: what each allows us to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import stripe

from payments.domain.provider import (
    Misconfigured,
    OutOfState,
    ProviderError,
    Refused,
    Remembered,
    Unreached,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Declined(Refused):  # named for what happened
    """A card was declined that was to be charged with the call; the payment is there all the same.

    `shown`: the payment as Stripe holds it then.
    """

    def __init__(self, code: str, shown: Mapping[str, Any]) -> None:
        super().__init__(code)
        self.shown = shown


def translated(error: stripe.StripeError) -> ProviderError:
    """What an error means for the call that met it.

    Stripe's own text is left behind: it may quote what we sent.
    """
    code = error.code or _code_in(error) or f"http_{error.http_status}"
    match error:
        case stripe.APIConnectionError():
            meaning: ProviderError = Unreached("no_answer")
        case stripe.AuthenticationError() | stripe.PermissionError():
            meaning = Misconfigured(code)
        case stripe.IdempotencyError():
            meaning = Remembered(code)
        case stripe.CardError() if shown := _payment_in(error):
            meaning = Declined(code, shown)
        case stripe.InvalidRequestError() if code in _UNEXPECTED:
            meaning = OutOfState(code)
        case stripe.InvalidRequestError() | stripe.CardError():
            meaning = Refused(code)
        case _ if _is_stored_fault(error):
            meaning = Remembered(code)
        case _:
            # Rate limits, a first 5xx, the same key still in flight, an answer that is not JSON.
            meaning = Unreached(code, _retry_after(error))
    return meaning


_UNEXPECTED = frozenset({"payment_intent_unexpected_state", "setup_intent_unexpected_state"})


def _code_in(error: stripe.StripeError) -> str | None:
    # The package leaves `code` out of the errors that it gives no parameter.
    code = _details(error).get("code")
    return code if isinstance(code, str) else None


def _payment_in(error: stripe.StripeError) -> dict[str, Any] | None:
    shown = _details(error).get("payment_intent")
    return shown if isinstance(shown, dict) else None


def _details(error: stripe.StripeError) -> dict[str, Any]:
    body = error.json_body
    details = body.get("error") if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}


def _is_stored_fault(error: stripe.StripeError) -> bool:
    replayed = _header(error, "idempotent-replayed") == "true"
    return replayed and (error.http_status or 0) >= 500


def _retry_after(error: stripe.StripeError) -> float | None:
    text = _header(error, "retry-after")
    return float(text) if text and text.isascii() and text.isdigit() else None


def _header(error: stripe.StripeError, name: str) -> str | None:
    headers = error.headers or {}
    return next((str(v) for k, v in headers.items() if k.lower() == name), None)
