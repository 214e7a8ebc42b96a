"""Bodies of Checkout Sessions: built once, stored, and sent unchanged however often."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from payments.domain.provider import OrderLine
from payments.providers.stripe.notifications import CHECKOUT
from payments.providers.stripe.requests import descriptor, shared, shared_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from payments.domain.provider import PaymentOrder

SHORTEST = timedelta(minutes=30)
"""Stripe takes no session that ends sooner; ours ends by a call at the end of the hold (F-08)."""
LIFETIME = timedelta(minutes=60)
LONGEST = timedelta(hours=23)
"""Stripe's is 24 hours; a longer hold's session ends before it."""

_STRIPE_FILLS_IN = "{CHECKOUT_SESSION_ID}"
_LOCALES = {"en": "en", "sv": "sv"}


def session(order: PaymentOrder, public_url: str) -> dict[str, Any]:
    """Parameters of `POST /v1/checkout/sessions` under `session`, all metadata ids and counts.

    `inline` are the same lines without the account's own prices, in case one is gone by then.
    """
    ids = _ids(order)
    intent: dict[str, Any] = {
        "description": order.description[:1000],
        "metadata": {**ids, "provider": CHECKOUT},
        **shared(order.split),
    }
    text = descriptor(order.descriptor or "")
    if text:
        intent["statement_descriptor_suffix"] = text
    back = f"booking_id={order.booking_id}"
    if order.change_id is not None:
        back += f"&change_id={order.change_id}"
    return {
        "session": {
            "mode": "payment",
            "line_items": [_item(order, line, line.price_ref) for line in _lines(order)],
            "success_url": f"{public_url}/booking/success?{back}&session_id={_STRIPE_FILLS_IN}",
            "cancel_url": f"{public_url}/booking/cancel?{back}",
            "client_reference_id": str(order.booking_id),
            "expires_at": ends(order.wanted_for),
            "locale": _LOCALES.get(order.locale[:2].lower(), "auto"),
            "metadata": {**ids, **_counts(order.lines)},
            "payment_intent_data": intent,
            # Checkout asks for an address or not; for which countries is the form's, or Radar's.
            **({"billing_address_collection": "required"} if order.billing_countries else {}),
        },
        "inline": [_item(order, line, None) for line in _lines(order)],
        "wanted_for_seconds": int(order.wanted_for.total_seconds()),
    }


def ends(wanted_for: timedelta) -> int:
    """When a session made now ends by itself, in Unix seconds of Stripe's clock, not the test's.

    However late in the hold the call is made, Stripe's shortest is still to come.
    """
    lifetime = min(max(LIFETIME, wanted_for + SHORTEST + timedelta(minutes=5)), LONGEST)
    return int(time.time() + lifetime.total_seconds())


def _ids(order: PaymentOrder) -> dict[str, str]:
    return {
        "attempt_id": str(order.attempt_id),
        "payment_id": str(order.payment_id),
        "booking_id": str(order.booking_id),
        "session_id": str(order.session_id),
        "offering_id": str(order.offering_id),
        "org_id": str(order.org_id),
        **({"change_id": str(order.change_id)} if order.change_id else {}),
        **({"venue": order.venue} if order.venue else {}),
        **shared_metadata(order.split),
    }


def _counts(lines: Iterable[OrderLine]) -> dict[str, str]:
    """People by tier, as text (PRC-07): keys of other lines have a colon, or mean the booking."""
    return {
        f"{line.key}_count": str(line.quantity)
        for line in lines
        if ":" not in line.key and line.key not in {"booking", "deposit"}
    }


def _lines(order: PaymentOrder) -> Iterable[OrderLine]:
    """A line for each tier (PRC-06), or one for what is due when that is not the whole price."""
    return order.lines or [OrderLine("due", order.description, 1, order.amount.amount_minor)]


def _item(order: PaymentOrder, line: OrderLine, price_ref: str | None) -> dict[str, Any]:
    if price_ref is not None:
        return {"price": price_ref, "quantity": line.quantity}
    return {
        "price_data": {
            "currency": order.amount.currency.lower(),
            "unit_amount": line.unit_minor,
            "product_data": {"name": line.name[:250]},
        },
        "quantity": line.quantity,
    }
