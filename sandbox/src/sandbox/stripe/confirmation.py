"""What confirming a PaymentIntent leads to: a charge, a decline, or a question to the customer."""

import secrets

from sandbox.stripe import (
    cards,
    charges,
    checkout_completion,
    dispute_course,
    payment_methods,
    saving,
)
from sandbox.stripe.call import Call
from sandbox.stripe.refusal import Json, Refusal, doc_url
from sandbox.stripe.store import Stored

# With a publishable key Stripe shows no more of a PaymentIntent than this.
_SHOWN_TO_CLIENTS = frozenset(
    {
        "id",
        "object",
        "amount",
        "amount_details",
        "automatic_payment_methods",
        "canceled_at",
        "cancellation_reason",
        "capture_method",
        "client_secret",
        "confirmation_method",
        "created",
        "currency",
        "description",
        "excluded_payment_method_types",
        "last_payment_error",
        "livemode",
        "next_action",
        "payment_method",
        "payment_method_configuration_details",
        "payment_method_types",
        "processing",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "source",
        "status",
    }
)


def shown(call: Call, intent: Json) -> Json:
    """The PaymentIntent as the caller may see it."""
    if not call.publishable:
        return intent
    return {name: value for name, value in intent.items() if name in _SHOWN_TO_CLIENTS}


def start(call: Call, stored: Stored, method: Stored, *, off_session: bool) -> Json:
    """Charge the method, or ask for authentication first.

    Raises Refusal(402), which stands, when the card is declined.
    """
    card = payment_methods.card_of(method)
    intent = stored.body
    saving.check_owner(method, intent["customer"])
    intent["payment_method"] = method.body["id"]
    ask_no_more(stored)
    intent["last_payment_error"] = None
    asks = saving.needs_its_owner(method, off_session=off_session)
    if asks and off_session:
        return _decline(call, stored, method, cards.AUTHENTICATION_REQUIRED)
    if asks:
        return _ask(call, stored)
    return _charge(call, stored, method, card)


def answer(call: Call, stored: Stored, *, approved: bool) -> None:
    """What the customer said on the authentication page. A decline after it is no error here."""
    intent = stored.body
    method = call.store.get(call.tenant, payment_methods.KIND, intent["payment_method"])
    ask_no_more(stored)
    if approved:
        try:
            _charge(call, stored, method, payment_methods.card_of(method))
        except Refusal as refusal:
            if not refusal.stands:
                raise
        return
    code = "payment_intent_authentication_failure"
    intent["last_payment_error"] = {
        "code": code,
        "doc_url": doc_url(code),
        "message": "The provided PaymentMethod has failed authentication. You can provide "
        "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent "
        "again.",
        "payment_method": method.body,
        "type": "invalid_request_error",
    }
    back_to_start(call, stored, method)


def ask_no_more(stored: Stored) -> None:
    """A page still open for an earlier question must not pay any more."""
    stored.body["next_action"] = None
    stored.hidden.pop("challenge", None)


def _ask(call: Call, stored: Stored) -> Json:
    intent = stored.body
    challenge = secrets.token_urlsafe(16)
    stored.hidden["challenge"] = challenge
    intent["status"] = "requires_action"
    intent["next_action"] = {
        "redirect_to_url": {
            "return_url": stored.hidden.get("return_url"),
            "url": f"{call.base_url}/_sandbox/authenticate/{intent['id']}/{challenge}",
        },
        "type": "redirect_to_url",
    }
    call.store.save(stored)
    call.emit("payment_intent.requires_action", intent)
    return intent


def _charge(call: Call, stored: Stored, method: Stored, card: cards.Card) -> Json:
    if card.decline is not None:
        return _decline(call, stored, method, card.decline)
    intent = stored.body
    charge = charges.add(call, intent, method.body, None)
    if intent["setup_future_usage"] == "off_session" and intent["customer"] is not None:
        saving.save(call, method, intent["customer"])
    use_up(call, method)
    intent["latest_charge"] = charge.body["id"]
    if intent["capture_method"] == "manual":
        intent["status"] = "requires_capture"
        intent["amount_capturable"] = intent["amount"]
        call.later("payment_intent.authorisation_ends", intent["id"], charges.capture_before(call))
        call.store.save(stored)
        call.emit("payment_intent.amount_capturable_updated", intent)
    else:
        intent["status"] = "succeeded"
        intent["amount_received"] = intent["amount"]
        call.store.save(stored)
        call.emit("payment_intent.succeeded", intent)
    call.emit("charge.succeeded", charge.body)
    checkout_completion.paid(call, stored)
    dispute_course.on_charge(call, charge)
    return intent


def _decline(call: Call, stored: Stored, method: Stored, decline: cards.Decline) -> Json:
    intent = stored.body
    charge = charges.add(call, intent, method.body, decline).body
    intent["latest_charge"] = charge["id"]
    error: Json = {"charge": charge["id"], "code": decline.code, "doc_url": doc_url(decline.code)}
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    error["message"] = decline.message
    if decline.param:
        error["param"] = decline.param
    error["payment_method"] = method.body
    error["type"] = "card_error"
    intent["last_payment_error"] = error
    back_to_start(call, stored, method)
    call.emit("charge.failed", charge)
    more: Json = {name: error[name] for name in ("charge", "decline_code") if name in error}
    more["payment_intent"] = shown(call, intent)
    more["payment_method"] = method.body
    raise Refusal(
        402,
        decline.message,
        kind="card_error",
        code=decline.code,
        param=decline.param,
        stands=True,
        more=more,
    )


def back_to_start(call: Call, stored: Stored, method: Stored) -> None:
    """It was not paid this way; the customer may try another."""
    intent = stored.body
    intent["payment_method"] = None
    intent["status"] = "requires_payment_method"
    use_up(call, method)
    call.store.save(stored)
    call.emit("payment_intent.payment_failed", intent)


def use_up(call: Call, method: Stored) -> None:
    """Without a customer a payment method is good for one attempt."""
    if method.body["customer"] is not None:
        return
    method.hidden["used"] = True
    call.store.save(method)
