"""Stripe webhooks: proven authentic over the raw bytes, then cut down to what we may keep."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import stripe

from payments.domain.provider import Forged, Unreached, Unreadable, Unsigned
from payments.domain.snapshot import ProviderEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOLERANCE_SECONDS = 300

CHECKOUT = "stripe_checkout"
"""The adapter that looks at what was paid on Stripe's own page."""

SETUP = "stripe_setup"
"""The adapter that looks at what only saves a card."""

_SETUPS = frozenset(
    {
        "setup_intent.succeeded",
        "setup_intent.canceled",
        "setup_intent.setup_failed",
        "setup_intent.requires_action",
    }
)
_SESSIONS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    }
)
# That a session is complete does not tell that it was paid.
_SETTLING = frozenset(
    {
        "payment_intent.succeeded",
        "payment_intent.canceled",
        "setup_intent.succeeded",
        "setup_intent.canceled",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    }
)
_PAYMENTS = (
    _SETTLING
    | _SESSIONS
    | _SETUPS
    | {
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.processing",
    }
)
_REFUNDS = frozenset(
    {
        "charge.refunded",
        "charge.refund.updated",
        "refund.created",
        "refund.updated",
        "refund.failed",
    }
)
_DISPUTES = frozenset(
    {
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    }
)
ACTED_ON = tuple(sorted(_PAYMENTS | _REFUNDS | _DISPUTES))
"""What an endpoint at Stripe needs to send us; more is stored and costs."""

_CONNECTIONS = frozenset({"account.updated", "account.application.deauthorized"})
"""What a Connect endpoint at Stripe needs to send us."""

_OUR_METADATA = ("org_id", "booking_id", "payment_id", "attempt_id", "refund_id", "provider")
_KEPT = (
    "id",
    "object",
    "status",
    "payment_status",
    "amount",
    "amount_total",
    "amount_received",
    "amount_refunded",
    "currency",
    "cancellation_reason",
    "failure_reason",
)


def verify(body: bytes, header: str | None, secrets: Iterable[str]) -> ProviderEvent:
    """The event in `body`, if any of the secrets signed these very bytes in the last 300 s.

    Raises:
        Unsigned: no signature at all.
        Forged: a wrong one, or one made outside the tolerance, in either direction.
        Unreadable: well signed, but not an event.
    """
    if not header:
        raise Unsigned
    if not any(_signs(secret, body, header) for secret in secrets):
        raise Forged
    return _event(_parsed(body))


def _signs(secret: str, body: bytes, header: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
        made = next(int(p[2:]) for p in header.split(",") if p.startswith("t="))
    except (stripe.SignatureVerificationError, ValueError, TypeError, StopIteration):
        # Also what the package does not expect: bytes that are not UTF-8, a signature not in ASCII.
        return False
    # The package lets timestamps from the future pass.
    return made <= time.time() + TOLERANCE_SECONDS


def listed(event: Mapping[str, Any]) -> ProviderEvent:
    """An event that Stripe lists, in answer to a call of ours.

    Raises:
        Unreached: not an event.
    """
    try:
        return _event(event)
    except Unreadable:
        raise Unreached("unreadable_answer") from None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable from None


def _event(event: Any) -> ProviderEvent:
    try:
        event_id, kind, thing = event["id"], event["type"], event["data"]["object"]
    except (TypeError, KeyError):
        raise Unreadable from None
    if not isinstance(event_id, str) or not isinstance(kind, str) or not isinstance(thing, dict):
        raise Unreadable
    metadata, ref = _ours(thing.get("metadata")), _payment_ref(kind, thing)
    connection = _connection_ref(kind, event)
    if not _storable(event_id, kind, ref or "", connection or "", *metadata.values()):
        raise Unreadable
    return ProviderEvent(
        id=event_id[:255],
        type=kind[:255],
        payment_ref=ref,
        metadata=metadata,
        about_refunds=kind in _REFUNDS,
        settles=kind in _SETTLING,
        digest=_digest(event, thing, metadata),
        dispute_ref=_dispute_ref(kind, thing),
        adapter=_adapter(kind, metadata),
        connection_ref=connection,
    )


def _storable(*texts: str) -> bool:
    """Whether a database takes the texts: no NUL, no half of a surrogate pair."""
    return not any("\0" in text or any("\ud800" <= c <= "\udfff" for c in text) for text in texts)


def _payment_ref(kind: str, thing: Mapping[str, Any]) -> str | None:
    if kind in _PAYMENTS:
        ref = thing.get("id")
    elif kind in _REFUNDS | _DISPUTES:
        ref = thing.get("payment_intent")
        ref = ref.get("id") if isinstance(ref, dict) else ref
    else:
        return None
    return ref if isinstance(ref, str) else None


def _dispute_ref(kind: str, thing: Mapping[str, Any]) -> str | None:
    ref = thing.get("id") if kind in _DISPUTES else None
    return ref if isinstance(ref, str) and _storable(ref) else None


def _connection_ref(kind: str, event: Mapping[str, Any]) -> str | None:
    """Whose account an event is about; the platform's own has none."""
    ref = event.get("account") if kind in _CONNECTIONS else None
    return ref if isinstance(ref, str) and len(ref) <= 255 else None


def _adapter(kind: str, metadata: Mapping[str, str]) -> str | None:
    """Which adapter looks: what Checkout made says so itself; its refunds are like any other's.

    A card that is only saved says it by the kind of event.
    """
    if kind in _SETUPS:
        return SETUP
    from_checkout = kind in _SESSIONS or metadata.get("provider") == CHECKOUT
    return CHECKOUT if from_checkout and kind in _PAYMENTS else None


def _ours(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict):
        return {}
    return {
        name: value[:64]
        for name in _OUR_METADATA
        if isinstance(value := metadata.get(name), str) and value
    }


def _digest(
    event: Mapping[str, Any], thing: Mapping[str, Any], metadata: Mapping[str, str]
) -> dict[str, object]:
    """The event without names, addresses, e-mails, cards and secrets: an allow-list (PAY-42)."""
    plain = {
        name: value
        for name in _KEPT
        if isinstance(value := thing.get(name), str | int) and len(str(value)) <= 255
    }
    refusal = thing.get("last_payment_error") or thing.get("last_setup_error")
    if isinstance(refusal, dict):
        plain["failure_code"] = str(refusal.get("code"))[:64]
        plain["decline_code"] = str(refusal.get("decline_code"))[:64]
    return {
        "id": event["id"],
        "type": event["type"],
        "created": event.get("created"),
        "livemode": event.get("livemode"),
        "api_version": event.get("api_version"),
        "object": {**plain, "metadata": dict(metadata)},
    }
