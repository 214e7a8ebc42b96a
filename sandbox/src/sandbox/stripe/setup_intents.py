"""SetupIntents: saving a card for later, with whatever its bank wants to ask now."""

import secrets

from sandbox.stripe import (
    cards,
    client_secrets,
    customers,
    destinations,
    intent_rules,
    payment_methods,
    saving,
)
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, Refusal, bad_parameter, doc_url
from sandbox.stripe.shapes import EXPAND, PAGE, Choice, Fields, Flag, Many, Metadata, Shape, Text
from sandbox.stripe.store import Stored

KIND = "setup_intent"

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
# With a publishable key Stripe shows no more of a SetupIntent than this.
_SHOWN_TO_CLIENTS = frozenset(
    {
        "id",
        "object",
        "automatic_payment_methods",
        "cancellation_reason",
        "client_secret",
        "created",
        "description",
        "excluded_payment_method_types",
        "last_setup_error",
        "livemode",
        "next_action",
        "payment_method",
        "payment_method_configuration_details",
        "payment_method_types",
        "status",
        "usage",
    }
)


def create(call: Call) -> Json:
    params = call.params
    intent_rules.check(params)
    if "customer" in params:
        customers.present(call, params["customer"])
    if "return_url" in params and not params.get("confirm"):
        raise bad_parameter(
            "You cannot set `return_url` when creating a SetupIntent without `confirm=true`.",
            param="return_url",
        )
    method = payment_methods.data_or_name(call, params)
    identifier = new_id("seti")
    body: Json = {
        "id": identifier,
        "object": KIND,
        "application": None,
        "cancellation_reason": None,
        "client_secret": f"{identifier}_secret_{secrets.token_hex(12)}",
        "created": call.now,
        "customer": params.get("customer"),
        "customer_account": None,
        "description": params.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": intent_rules.merged({}, params.get("metadata")),
        "next_action": None,
        "on_behalf_of": destinations.on_behalf(call, params),
        "payment_method": method.body["id"] if method else None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "single_use_mandate": None,
        "status": "requires_confirmation" if method else "requires_payment_method",
        "usage": params.get("usage", "off_session"),
        **intent_rules.payable_by(params),
    }
    stored = call.store.add(call.tenant, body)
    call.emit("setup_intent.created", body)
    return _confirm(call, stored, method) if params.get("confirm") else body


def retrieve(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="intent")
    client_secrets.check(call, stored, "SetupIntent")
    return _shown(call, stored.body)


def confirm(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="intent")
    client_secrets.check(call, stored, "SetupIntent")
    status = stored.body["status"]
    if status not in _CONFIRMABLE:
        raise _unexpected_state(
            f"You cannot confirm this SetupIntent because it has a status of {status}.",
            _shown(call, stored.body),
        )
    intent_rules.check(call.params)
    method = payment_methods.data_or_name(call, call.params)
    return _shown(call, _confirm(call, stored, method))


def cancel(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="intent")
    intent = stored.body
    if intent["status"] not in _CONFIRMABLE:
        raise _unexpected_state(
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}. "
            "Only a SetupIntent with one of the following statuses may be canceled: "
            f"{', '.join(_CONFIRMABLE)}.",
            intent,
        )
    intent["status"] = "canceled"
    intent["cancellation_reason"] = call.params.get("cancellation_reason")
    _ask_no_more(stored)
    call.store.save(stored)
    call.emit("setup_intent.canceled", intent)
    return intent


def list_(call: Call) -> Json:
    rows, more = call.store.page(call.tenant, KIND, window(call.params))
    wanted = call.params.get("customer")
    kept = [row for row in rows if wanted in {None, row["customer"]}]
    return listing("/v1/setup_intents", (kept, more))


def answer(call: Call, stored: Stored, *, approved: bool) -> None:
    """What the customer said on the authentication page. A refusal after it is no error here."""
    method = call.store.get(call.tenant, payment_methods.KIND, stored.body["payment_method"])
    _ask_no_more(stored)
    if approved:
        _save_card(call, stored, method)
        return
    code = "setup_intent_authentication_failure"
    _fail(
        call,
        stored,
        {
            "code": code,
            "doc_url": doc_url(code),
            "message": "The latest attempt to set up the payment method has failed because "
            "authentication failed.",
            "payment_method": method.body,
            "type": "invalid_request_error",
        },
    )


def _confirm(call: Call, stored: Stored, method: Stored | None) -> Json:
    intent, params = stored.body, call.params
    if "return_url" in params:
        stored.hidden["return_url"] = params["return_url"]
    if method is None and intent["payment_method"]:
        method = call.store.get(call.tenant, payment_methods.KIND, intent["payment_method"])
    if method is None:
        raise _unexpected_state(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update "
            "the SetupIntent with a payment method and then confirm it again.",
            _shown(call, intent),
        )
    saving.check_owner(method, intent["customer"])
    card = payment_methods.card_of(method)
    intent["payment_method"] = method.body["id"]
    intent["last_setup_error"] = None
    _ask_no_more(stored)
    if card.decline is not None and not card.attaches:
        return _decline(call, stored, method, card.decline)
    return _ask(call, stored) if card.asks else _save_card(call, stored, method)


def _save_card(call: Call, stored: Stored, method: Stored) -> Json:
    intent = stored.body
    saving.save(call, method, intent["customer"])
    intent["status"] = "succeeded"
    call.store.save(stored)
    call.emit("setup_intent.succeeded", intent)
    return intent


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
    call.emit("setup_intent.requires_action", intent)
    return intent


def _decline(call: Call, stored: Stored, method: Stored, decline: cards.Decline) -> Json:
    error: Json = {"code": decline.code, "doc_url": doc_url(decline.code)}
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    error["message"] = decline.message
    if decline.param:
        error["param"] = decline.param
    error["payment_method"] = method.body
    error["type"] = "card_error"
    _fail(call, stored, error)
    more: Json = {name: error[name] for name in ("decline_code",) if name in error}
    raise Refusal(
        402,
        decline.message,
        kind="card_error",
        code=decline.code,
        param=decline.param,
        stands=True,
        more={**more, "setup_intent": _shown(call, stored.body), "payment_method": method.body},
    )


def _fail(call: Call, stored: Stored, error: Json) -> None:
    intent = stored.body
    intent["last_setup_error"] = error
    intent["payment_method"] = None
    intent["status"] = "requires_payment_method"
    call.store.save(stored)
    call.emit("setup_intent.setup_failed", intent)


def _ask_no_more(stored: Stored) -> None:
    stored.body["next_action"] = None
    stored.hidden.pop("challenge", None)


def _shown(call: Call, intent: Json) -> Json:
    if not call.publishable:
        return intent
    return {name: value for name, value in intent.items() if name in _SHOWN_TO_CLIENTS}


def _unexpected_state(message: str, intent: Json) -> Refusal:
    return Refusal(
        400, message, code="setup_intent_unexpected_state", more={"setup_intent": intent}
    )


_METHOD: dict[str, Shape] = {
    "payment_method": Text(),
    "payment_method_data": Fields(payment_methods.DATA, payment_methods.DATA_REQUIRED),
    "allowed_payment_method_types": Many(Choice(("card", "bacs_debit"))),
    "return_url": Text(clears=True),
    "use_stripe_sdk": Flag(),
    "expand": EXPAND,
}
OPERATIONS = (
    operation(
        "setup_intents.create",
        "POST /v1/setup_intents",
        create,
        {
            **_METHOD,
            "automatic_payment_methods": intent_rules.AUTOMATIC,
            "confirm": Flag(),
            "customer": Text(),
            "description": Text(longest=1000, clears=True),
            "metadata": Metadata(),
            "on_behalf_of": Text(),
            "usage": Choice(("off_session", "on_session")),
        },
    ),
    operation("setup_intents.list", "GET /v1/setup_intents", list_, {**PAGE, "customer": Text()}),
    operation(
        "setup_intents.retrieve",
        "GET /v1/setup_intents/{id}",
        retrieve,
        {"client_secret": Text(), "expand": EXPAND},
        publishable=True,
    ),
    operation(
        "setup_intents.confirm",
        "POST /v1/setup_intents/{id}/confirm",
        confirm,
        {**_METHOD, "client_secret": Text()},
        publishable=True,
    ),
    operation(
        "setup_intents.cancel",
        "POST /v1/setup_intents/{id}/cancel",
        cancel,
        {
            "cancellation_reason": Choice(("abandoned", "duplicate", "requested_by_customer")),
            "expand": EXPAND,
        },
    ),
)
