"""What a PaymentIntent's parameters may be, as far as it can be said without the intent."""

import re
from typing import Any

from sandbox.stripe import payment_methods
from sandbox.stripe.refusal import Json, bad_parameter
from sandbox.stripe.shapes import (
    EXPAND,
    Choice,
    Fields,
    Flag,
    Integer,
    Many,
    Metadata,
    Shape,
    Text,
    Values,
)


def payable_by(params: Values, currency: str | None = None) -> Json:
    """The fields that say how this can be paid: by card, and pounds by Bacs Direct Debit if asked.

    Raises Refusal(400) when that leaves nothing to pay with.
    """
    allowed = params.get("allowed_payment_method_types")
    here = {"card", "bacs_debit"} if currency == "gbp" else {"card"}
    types = [one for one in (allowed if allowed is not None else ["card"]) if one in here]
    if not types:
        raise bad_parameter(
            "No valid payment method types for this Payment Intent. Please ensure that you have "
            "activated payment methods compatible with your chosen currency in your dashboard.",
            param="allowed_payment_method_types",
        )
    automatic = params.get("automatic_payment_methods")
    enabled = automatic["enabled"] if automatic is not None else allowed is None
    redirects = (automatic or {}).get("allow_redirects", "always")
    return {
        "allowed_payment_method_types": allowed,
        "automatic_payment_methods": (
            {"allow_redirects": redirects, "enabled": True} if enabled else None
        ),
        "payment_method_types": types,
    }


def check(params: Values) -> None:
    """Rules for single parameters that need no object."""
    email = params.get("receipt_email")
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise bad_parameter(
            f"Invalid email address: {email}", param="receipt_email", code="email_invalid"
        )
    url = params.get("return_url")
    if url and not re.match(r"[a-z][a-z0-9+.-]*://\S+\Z", url):
        raise bad_parameter("Not a valid URL", param="return_url", code="url_invalid")


def check_descriptors(params: Values) -> None:
    if params.get("statement_descriptor"):
        raise bad_parameter(
            "The statement_descriptor parameter is not supported for the card payment method type. "
            "Use statement_descriptor_suffix to set a customized suffix instead.",
            param="statement_descriptor",
        )
    suffix = params.get("statement_descriptor_suffix")
    if suffix is not None and (
        len(suffix) > 22 or not re.search("[A-Za-z]", suffix) or re.search(r"[<>\\'\"*]", suffix)
    ):
        raise bad_parameter(
            "The statement descriptor suffix must be at most 22 characters, contain a letter and "
            "none of < > \\ ' \" *.",
            param="statement_descriptor_suffix",
        )


def merged(old: dict[str, Any], new: dict[str, str] | None) -> dict[str, str]:
    """Metadata after an update: named keys change, empty ones leave, None empties it."""
    if new is None:
        return {} if old else dict(old)
    merged = {**old, **new}
    if sum(1 for value in merged.values() if value) > 50:
        raise bad_parameter("Metadata can have at most 50 keys.", param="metadata")
    return {key: value for key, value in merged.items() if value}


CHANGEABLE: dict[str, Shape] = {
    "capture_method": Choice(("automatic", "automatic_async", "manual")),
    "customer": Text(),
    "metadata": Metadata(),
    "payment_method": Text(),
    "payment_method_data": payment_methods.ANY_DATA,
    "allowed_payment_method_types": Many(Choice(("card", "bacs_debit"))),
    "receipt_email": Text(longest=800, clears=True),
    "setup_future_usage": Choice(("off_session", "on_session")),
    "expand": EXPAND,
}
AMOUNTS: dict[str, Shape] = {
    "amount": Integer(least=1),
    "currency": Text(longest=10),
    "description": Text(longest=1000, clears=True),
    "statement_descriptor": Text(longest=22, clears=True),
    "statement_descriptor_suffix": Text(clears=True),
}
CONFIRMING: dict[str, Shape] = {
    "error_on_requires_action": Flag(),
    "off_session": Flag(),
    "return_url": Text(clears=True),
    "use_stripe_sdk": Flag(),
}
AUTOMATIC = Fields(
    {"enabled": Flag(), "allow_redirects": Choice(("always", "never"))}, frozenset({"enabled"})
)
