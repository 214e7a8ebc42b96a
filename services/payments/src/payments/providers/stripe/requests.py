"""Stripe request bodies: built once, stored, and sent unchanged however often."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from stripe.params import (
        PaymentIntentCreateParams,
        RefundCreateParams,
        SetupIntentCreateParams,
    )

    from payments.domain.connections import Split
    from payments.domain.provider import ChargeOrder, PaymentOrder, RefundOrder


METHODS = frozenset({"card", "bacs_debit"})
"""Methods we know how to take; an offering may name others for other providers."""

_DESCRIPTOR_CHARACTERS = 22
_NOT_IN_DESCRIPTORS = re.compile(r"[^A-Za-z0-9 .,&/+-]")


def payment(order: PaymentOrder) -> PaymentIntentCreateParams:
    """Parameters of `POST /v1/payment_intents`; all metadata values are ids and text."""
    methods = [method for method in order.methods if method in METHODS] or ["card"]
    body: PaymentIntentCreateParams = {
        "amount": order.amount.amount_minor,
        "currency": order.amount.currency.lower(),
        "allowed_payment_method_types": methods,
        "description": order.description[:1000],
        "metadata": {
            "attempt_id": str(order.attempt_id),
            "payment_id": str(order.payment_id),
            "booking_id": str(order.booking_id),
            "session_id": str(order.session_id),
            "offering_id": str(order.offering_id),
            "org_id": str(order.org_id),
            **({"change_id": str(order.change_id)} if order.change_id else {}),
            **({"venue": order.venue} if order.venue else {}),
            **shared_metadata(order.split),
        },
    }
    text = descriptor(order.descriptor or "")
    if text and "card" in methods:
        # Stripe refuses the whole descriptor for cards; it appends this to the account's prefix.
        body["statement_descriptor_suffix"] = text
    elif text:
        body["statement_descriptor"] = text
    if order.save_card:
        body["setup_future_usage"] = "off_session"
    return cast("PaymentIntentCreateParams", {**body, **shared(order.split)})


def setup(order: PaymentOrder) -> SetupIntentCreateParams:
    """Parameters of `POST /v1/setup_intents`, which knows no currency: the metadata keep it."""
    body: SetupIntentCreateParams = {
        "usage": "off_session",
        "allowed_payment_method_types": ["card"],
        "description": order.description[:1000],
        "metadata": {
            "attempt_id": str(order.attempt_id),
            "payment_id": str(order.payment_id),
            "booking_id": str(order.booking_id),
            "session_id": str(order.session_id),
            "offering_id": str(order.offering_id),
            "org_id": str(order.org_id),
            "currency": order.amount.currency,
            **({"venue": order.venue} if order.venue else {}),
        },
    }
    if order.split is not None:
        # The guest's bank agrees to charges by who sells, as those of the saved card will be.
        body["on_behalf_of"] = order.split.destination
    return body


def charge(order: ChargeOrder) -> PaymentIntentCreateParams:
    """Parameters of `POST /v1/payment_intents` for a card whose owner is away."""
    body: PaymentIntentCreateParams = {
        "amount": order.amount.amount_minor,
        "currency": order.amount.currency.lower(),
        "customer": order.card.customer_ref,
        "payment_method": order.card.method_ref,
        "allowed_payment_method_types": ["card"],
        "confirm": True,
        "off_session": True,
        "description": order.description[:1000],
        "metadata": {
            "attempt_id": str(order.attempt_id),
            "payment_id": str(order.payment_id),
            "booking_id": str(order.booking_id),
            "org_id": str(order.org_id),
            **shared_metadata(order.split),
        },
    }
    if text := descriptor(order.descriptor or ""):
        body["statement_descriptor_suffix"] = text
    return cast("PaymentIntentCreateParams", {**body, **shared(order.split)})


def shared(split: Split | None) -> dict[str, Any]:
    """A destination charge's parameters (PAY-21): the connected account is who sells.

    PaymentIntents and Checkout's `payment_intent_data` have them in common.
    """
    if split is None:
        return {}
    # Stripe takes no fee of nothing.
    fee = {"application_fee_amount": split.fee.amount_minor} if split.fee.amount_minor else {}
    return {
        "on_behalf_of": split.destination,
        "transfer_data": {"destination": split.destination},
        **fee,
    }


def shared_metadata(split: Split | None) -> dict[str, str]:
    """What a charge's metadata tells of the platform's fee (PAY-19)."""
    return {"platform_fee_percent": split.percent} if split is not None else {}


def refund(order: RefundOrder) -> RefundCreateParams:
    """Parameters of `POST /v1/refunds`; what was shared comes back in proportion."""
    back: RefundCreateParams = {}
    if order.split is not None:
        back["reverse_transfer"] = True
        if order.split.fee.amount_minor:
            back["refund_application_fee"] = order.split.fee_returned
    return {
        **back,
        "payment_intent": order.provider_ref,
        "amount": order.amount.amount_minor,
        "reason": "requested_by_customer",
        "metadata": {
            "attempt_id": str(order.attempt_id),
            "refund_id": str(order.refund_id),
            "payment_id": str(order.payment_id),
            "booking_id": str(order.booking_id),
            "org_id": str(order.org_id),
        },
    }


def descriptor(text: str) -> str | None:
    """What may stand on a card statement: at most 22 plain characters, with a letter among them."""
    plain = " ".join(_NOT_IN_DESCRIPTORS.sub(" ", text).split())[:_DESCRIPTOR_CHARACTERS].strip()
    return plain if any(c.isalpha() for c in plain) else None
