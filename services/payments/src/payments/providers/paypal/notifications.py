"""PayPal's webhooks: proven authentic over the raw bytes, then cut down to what we may keep."""

from __future__ import annotations

import binascii
import json
import re
import time
import zlib
from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from payments.domain.provider import Forged, Unreached, Unreadable, Unsigned
from payments.domain.snapshot import ProviderEvent
from payments.providers.paypal import requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

TOLERANCE_SECONDS = 300

_SETTLING = frozenset({"PAYMENT.CAPTURE.COMPLETED"})
_PAYMENTS = _SETTLING | {
    "CHECKOUT.ORDER.APPROVED",
    "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
    "PAYMENT.CAPTURE.DECLINED",
    "PAYMENT.CAPTURE.DENIED",
    "PAYMENT.CAPTURE.PENDING",
}
_REFUNDS = frozenset(
    {
        "PAYMENT.CAPTURE.REFUNDED",
        "PAYMENT.CAPTURE.REVERSED",
        "PAYMENT.REFUND.PENDING",
        "PAYMENT.REFUND.FAILED",
    }
)
_DISPUTES = frozenset(
    {"CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.UPDATED", "CUSTOMER.DISPUTE.RESOLVED"}
)
ACTED_ON = tuple(sorted(_PAYMENTS | _REFUNDS | _DISPUTES))
"""What a webhook at PayPal needs to send us; more is stored and costs."""

CAPTURE = "capture:"
"""Before a reference that is a capture's, where a notification does not name the order."""

_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_UP = re.compile(r"/v2/payments/captures/([A-Za-z0-9]{1,64})\Z")
_PRINTED = re.compile(r"[\x21-\x7e]{1,256}\Z")
_KEPT = (
    "id",
    "status",
    "final_capture",
    "invoice_id",
    "create_time",
    "dispute_id",
    "dispute_life_cycle_stage",
    "reason",
)
_SIGNED = (
    "paypal-transmission-id",
    "paypal-transmission-time",
    "paypal-transmission-sig",
    "paypal-cert-url",
    "paypal-auth-algo",
)


@dataclass(frozen=True, slots=True)
class Transmission:
    """The headers of one delivery, each of a form that PayPal's have; nothing is proven yet."""

    id: str
    time: str
    signature: str
    cert_url: str
    algorithm: str

    def signed_by(self, key: RSAPublicKey, webhook_ids: Iterable[str], body: bytes) -> bool:
        """Whether the key signed these very bytes for one of our webhooks."""
        return any(self._signed(key, webhook_id, body) for webhook_id in webhook_ids)

    def _signed(self, key: RSAPublicKey, webhook_id: str, body: bytes) -> bool:
        message = f"{self.id}|{self.time}|{webhook_id}|{zlib.crc32(body)}".encode()
        try:
            key.verify(b64decode(self.signature), message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def question(self, webhook_id: str, body: bytes) -> bytes:
        """Body of `POST /v1/notifications/verify-webhook-signature`: the event byte by byte."""
        fields = {
            "auth_algo": self.algorithm,
            "cert_url": self.cert_url,
            "transmission_id": self.id,
            "transmission_sig": self.signature,
            "transmission_time": self.time,
            "webhook_id": webhook_id,
        }
        return json.dumps(fields).encode()[:-1] + b', "webhook_event": ' + body + b"}"


def transmission(headers: Mapping[str, str]) -> Transmission:
    """The headers of a delivery made in the last 300 s.

    Raises:
        Unsigned: one of them is missing.
        Forged: one is of no form that PayPal would send, or the time is another.
    """
    sent = [headers.get(name) for name in _SIGNED]
    if not all(sent):
        raise Unsigned
    identifier, at, signature, url, algorithm = (text or "" for text in sent)
    if not _PRINTED.match(at) or not _ID.match(identifier) or algorithm != "SHA256withRSA":
        raise Forged
    if abs(_moment(at) - time.time()) > TOLERANCE_SECONDS or len(url) > 512:
        raise Forged
    try:
        if len(b64decode(signature, validate=True)) > 1024:
            raise Forged
    except (binascii.Error, ValueError):
        raise Forged from None
    return Transmission(identifier, at, signature, url, algorithm)


def _moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Forged from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def event(body: bytes) -> ProviderEvent:
    """The event in a proven body.

    Raises:
        Unreadable: it is none.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable from None
    return _event(found)


def listed(found: Mapping[str, Any]) -> ProviderEvent:
    """An event that PayPal lists, in answer to a call of ours.

    Raises:
        Unreached: it is none.
    """
    try:
        return _event(found)
    except Unreadable:
        raise Unreached("unreadable_answer") from None


def _event(found: Any) -> ProviderEvent:
    try:
        event_id, kind, thing = found["id"], found["event_type"], found["resource"]
    except (TypeError, KeyError):
        raise Unreadable from None
    if not isinstance(event_id, str) or not isinstance(kind, str) or not isinstance(thing, dict):
        raise Unreadable
    if not _PRINTED.match(event_id) or not _PRINTED.match(kind):
        raise Unreadable
    metadata = requests.payment_ids(_custom_id(kind, thing))
    dispute_ref = _id(thing.get("dispute_id")) if kind in _DISPUTES else None
    ref = _payment_ref(kind, thing)
    return ProviderEvent(
        id=event_id[:255],
        type=kind[:255],
        payment_ref=ref if dispute_ref or kind not in _DISPUTES else None,
        metadata=metadata,
        about_refunds=kind in _REFUNDS,
        settles=kind in _SETTLING,
        digest=_digest(found, thing, metadata),
        dispute_ref=dispute_ref,
        adapter="paypal",
    )


def _custom_id(kind: str, thing: Mapping[str, Any]) -> object:
    if kind in _DISPUTES:
        return _disputed(thing).get("custom")
    units = thing.get("purchase_units")
    if isinstance(units, list) and units and isinstance(units[0], dict):
        return units[0].get("custom_id")
    return thing.get("custom_id")


def _payment_ref(kind: str, thing: Mapping[str, Any]) -> str | None:
    """The order's id, or a capture's that leads to it."""
    if kind in _DISPUTES:
        disputed = _id(_disputed(thing).get("seller_transaction_id"))
        return f"{CAPTURE}{disputed}" if disputed else None
    if kind not in _PAYMENTS | _REFUNDS:
        return None
    if kind.startswith("CHECKOUT."):
        return _id(thing.get("id") or thing.get("order_id"))
    data = thing.get("supplementary_data")
    related = data.get("related_ids") if isinstance(data, dict) else None
    order = _id(related.get("order_id")) if isinstance(related, dict) else None
    capture = _above(thing) or (_id(thing.get("id")) if _is_capture(kind) else None)
    return order or (f"{CAPTURE}{capture}" if capture else None)


def _disputed(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a dispute is about; PayPal's own have one transaction."""
    found = thing.get("disputed_transactions")
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, dict) else {}


def _is_capture(kind: str) -> bool:
    # Reversals come with the capture itself, or with a refund that points up to it.
    return kind.startswith("PAYMENT.CAPTURE.") and kind != "PAYMENT.CAPTURE.REFUNDED"


def _above(thing: Mapping[str, Any]) -> str | None:
    """The capture that a refund points up to; its address is taken apart, never called."""
    links = thing.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "up" and isinstance(link.get("href"), str):
            found = _UP.search(link["href"])
            if found:
                return found[1]
    return None


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and _ID.match(value) else None


def _digest(
    found: Mapping[str, Any], thing: Mapping[str, Any], metadata: Mapping[str, str]
) -> dict[str, object]:
    """The event without the payer, links and text: an allow-list (PAY-29)."""
    plain = {
        name: value
        for name in _KEPT
        if isinstance(value := thing.get(name), str | bool)
        and (isinstance(value, bool) or _PRINTED.match(value))
    }
    paid = thing.get("amount") or thing.get("dispute_amount")
    if isinstance(paid, dict):
        plain |= {
            name: value
            for name in ("currency_code", "value")
            if isinstance(value := paid.get(name), str) and _PRINTED.match(value)
        }
    made = found.get("create_time")
    return {
        "id": found["id"],
        "type": found["event_type"],
        "created": made if isinstance(made, str) and _PRINTED.match(made) else None,
        "object": {**plain, "metadata": dict(metadata)},
    }
