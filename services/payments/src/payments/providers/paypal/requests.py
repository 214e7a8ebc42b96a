"""PayPal request bodies: built once, stored, and sent unchanged however often. Ids only (F-39)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

from payments.domain.money import Money

if TYPE_CHECKING:
    from payments.domain.provider import Body, PaymentOrder, RefundOrder

METHODS = frozenset({"paypal"})

_WHOLE = frozenset({"JPY"})  # their minor unit is the whole one
_NO_DECIMALS = frozenset({"HUF", "TWD"})  # have a minor unit, but not at PayPal
_PAYMENT = ("payment_id", "booking_id", "org_id", "change_id")
_REFUND = ("refund_id", "attempt_id")


def payment(order: PaymentOrder, public_url: str | None) -> Body:
    """Body of `POST /v2/checkout/orders`.

    The invoice is the payment: PayPal itself then refuses to take the money for it twice. What the
    other ids need goes into `custom_id`, which has room for 127 characters, as 22 each.
    `public_url` is where the guest came from and goes back to.
    """
    ids = [order.payment_id, order.booking_id, order.org_id]
    ids += [order.change_id] if order.change_id else []
    context: Body = {
        "user_action": "PAY_NOW",
        "shipping_preference": "NO_SHIPPING",
        "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
    }
    if public_url:
        back = urlencode({"booking_id": str(order.booking_id)})
        context |= {
            "return_url": f"{public_url}/booking/success?{back}",
            "cancel_url": f"{public_url}/booking/cancel?{back}",
        }
    return {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "reference_id": str(order.attempt_id),
                "custom_id": ".".join(_short(each) for each in ids),
                "invoice_id": str(order.payment_id),
                "description": order.description[:127],
                "amount": amount(order.amount),
            }
        ],
        "payment_source": {"paypal": {"experience_context": context}},
    }


def refund(order: RefundOrder) -> Body:
    """The order to refund, and the body of `POST /v2/payments/captures/{id}/refund`."""
    return {
        "order_id": order.provider_ref,
        "amount": amount(order.amount),
        "custom_id": f"{_short(order.refund_id)}.{_short(order.attempt_id)}",
    }


def redrafted(body: Body, attempt_id: UUID) -> Body:
    """The same request as a new attempt."""
    if "purchase_units" in body:
        [unit] = body["purchase_units"]
        return {**body, "purchase_units": [{**unit, "reference_id": str(attempt_id)}]}
    if "custom_id" in body:
        refund_id = body["custom_id"].partition(".")[0]
        return {**body, "custom_id": f"{refund_id}.{_short(attempt_id)}"}
    return body


def payment_ids(custom_id: object) -> dict[str, str]:
    """What `payment` wrote; nothing where it is not ours."""
    return _ids(custom_id, _PAYMENT, least=3)


def refund_ids(custom_id: object) -> dict[str, str]:
    """What `refund` wrote; nothing where it is not ours."""
    return _ids(custom_id, _REFUND, least=2)


def amount(money: Money) -> dict[str, str]:
    """An amount in PayPal's words; decimals that PayPal does not take are refused there."""
    whole, rest = divmod(money.amount_minor, 100)
    if money.currency in _WHOLE:
        value = str(money.amount_minor)
    elif money.currency in _NO_DECIMALS and rest == 0:
        value = str(whole)
    else:
        value = f"{whole}.{rest:02d}"
    return {"currency_code": money.currency, "value": value}


def money(found: dict[str, str]) -> Money:
    """An amount in our words.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    currency, value = found["currency_code"], found["value"]
    whole, _, rest = value.partition(".")
    if currency in _WHOLE:
        return Money(int(whole), currency)
    return Money(int(whole) * 100 + int((rest + "00")[:2]), currency)


def _short(identifier: UUID) -> str:
    return urlsafe_b64encode(identifier.bytes).decode().rstrip("=")


def _ids(text: object, names: tuple[str, ...], *, least: int) -> dict[str, str]:
    parts = text.split(".") if isinstance(text, str) else []
    if not least <= len(parts) <= len(names):
        return {}
    try:
        ids = [UUID(bytes=urlsafe_b64decode(part + "==")) for part in parts]
    except ValueError:
        return {}
    return {name: str(each) for name, each in zip(names, ids, strict=False)}
