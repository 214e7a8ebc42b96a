"""What a customer does on the page of a Checkout Session."""

from typing import Any

from sandbox.stripe import checkout_completion, checkout_sessions, confirmation, payment_methods
from sandbox.stripe.call import Call
from sandbox.stripe.checkout_completion import KIND
from sandbox.stripe.refusal import Json, Refusal


def pay(call: Call, identifier: str, payment: dict[str, Any], *, return_url: str) -> Json:
    """Pay an open session with a card's name or its data; the PaymentIntent as it is then.

    A decline leaves its traces and the session open. Raises Refusal(409) when it is not open.
    """
    session = _open(call, identifier)
    try:
        method = payment_methods.data_or_name(call, payment)
    except Refusal as refusal:
        if refusal.status != 402:
            raise
        return {
            "status": "requires_payment_method",
            "last_payment_error": refusal.envelope()["error"],
        }
    if method is None:
        raise Refusal(400, "Name a card.", param="payment_method")
    intent = checkout_sessions.intent_of(call, session)
    intent.hidden["return_url"] = return_url
    try:
        return confirmation.start(call, intent, method, off_session=False)
    except Refusal as refusal:
        if not refusal.stands:
            raise
    return intent.body


def pay_later(call: Call, identifier: str) -> Json:
    """Pay by something that takes days to clear, as a bank debit does."""
    session = _open(call, identifier)
    intent = checkout_sessions.intent_of(call, session)
    intent.body["status"] = "processing"
    call.store.save(intent)
    call.emit("payment_intent.processing", intent.body)
    checkout_completion.clearing(call, intent)
    return intent.body


def clear(call: Call, identifier: str, *, succeeds: bool) -> Json:
    """The days are over. Raises Refusal(409) when nothing is clearing."""
    session = call.store.get(call.tenant, KIND, identifier)
    intent = checkout_sessions.intent_of(call, session)
    if intent.body["status"] != "processing":
        raise Refusal(409, f"{identifier} has nothing to clear")
    method = payment_methods.use(
        call, "pm_card_visa" if succeeds else "pm_card_visa_chargeDeclinedInsufficientFunds"
    )
    try:
        confirmation.start(call, intent, method, off_session=False)
    except Refusal as refusal:
        if not refusal.stands:
            raise
        checkout_completion.bounced(call, intent)
    return intent.body


def lapse(call: Call, identifier: str) -> Json:
    """Its time is over, as far as Stripe is concerned."""
    session = _open(call, identifier)
    session.body["expires_at"] = call.now
    return checkout_sessions.end(call, session)


def _open(call: Call, identifier: str) -> Any:
    session = call.store.get(call.tenant, KIND, identifier)
    if session.body["status"] != "open" or session.body["expires_at"] <= call.now:
        raise Refusal(409, "This session is not open any more.")
    return session
