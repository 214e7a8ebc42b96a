"""Stripe's error envelope, as exceptions."""

from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """An answer other than 200.

    `stored` says whether an idempotency key remembers it: what never began executing (bad
    parameters, conflicts, bad keys) is not. `stands` says that what was written before the refusal
    is kept, as a declined card's charge is.
    """

    def __init__(  # one argument per field of the envelope
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        stored: bool = True,
        stands: bool = False,
        more: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.stored = stored
        self.stands = stands
        self.more = more or {}

    def envelope(self) -> Json:
        """The body: absent fields are left out, as Stripe does."""
        error: Json = dict(self.more)
        if self.code:
            error["code"] = self.code
            error["doc_url"] = doc_url(self.code)
        error["message"] = self.message
        if self.param:
            error["param"] = self.param
        error["type"] = self.kind
        return {"error": error}


def doc_url(code: str) -> str:
    return "https://stripe.com/docs/error-codes/" + code.replace("_", "-")


def bad_parameter(message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    """A parameter that can be judged without looking at any object."""
    return Refusal(400, message, code=code, param=param, stored=False)


def no_such(kind: str, identifier: str, *, param: str = "id") -> Refusal:
    return Refusal(404, f"No such {kind}: '{identifier}'", code="resource_missing", param=param)


def unexpected_state(message: str, intent: Json) -> Refusal:
    """The PaymentIntent is somewhere this operation can't start from."""
    return Refusal(
        400, message, code="payment_intent_unexpected_state", more={"payment_intent": intent}
    )
