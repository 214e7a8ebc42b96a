"""Stripe request bodies: built once, stored, and sent unchanged however often."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stripe.params import (
        PaymentIntentCreateParams,
        RefundCreateParams,
        SetupIntentCreateParams,
    )

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
    return body


def setup(order: PaymentOrder) -> SetupIntentCreateParams:
    """Parameters of `POST /v1/setup_intents`, which knows no currency: the metadata keep it."""
    return {
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
        },
    }
    if text := descriptor(order.descriptor or ""):
        body["statement_descriptor_suffix"] = text
    return body


def refund(order: RefundOrder) -> RefundCreateParams:
    """Parameters of `POST /v1/refunds`."""
    return {
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
