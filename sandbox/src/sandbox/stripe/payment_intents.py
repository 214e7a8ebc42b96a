"""PaymentIntents: every operation and the states it may start from."""

import secrets
from typing import Any

from sandbox.stripe import (
    balance_transactions,
    client_secrets,
    confirmation,
    customers,
    destinations,
    direct_debits,
    dispute_course,
    intent_rules,
    money,
    payment_methods,
    saving,
    search,
)
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, Refusal, bad_parameter, unexpected_state
from sandbox.stripe.shapes import (
    EXPAND,
    PAGE,
    Choice,
    Flag,
    Integer,
    Text,
    Values,
)
from sandbox.stripe.store import Stored

KIND = "payment_intent"

_UPDATABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)
_COPIED = (
    "capture_method",
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
)
# Changing one of these on a finished intent would change what was agreed.
_FROZEN_ONCE_PAID = (
    "amount",
    "currency",
    "payment_method",
    "payment_method_data",
    "allowed_payment_method_types",
    "capture_method",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
)


def create(call: Call) -> Json:
    params = call.params
    code = money.currency(params["currency"])
    amount = money.chargeable(params["amount"], code)
    intent_rules.check(params)
    if "customer" in params:
        customers.present(call, params["customer"])
    method = payment_methods.data_or_name(call, params)
    intent_rules.check_descriptors(params)
    if not params.get("confirm"):
        for name in ("off_session", "return_url", "error_on_requires_action"):
            if name in params:
                raise bad_parameter(
                    f"You cannot set `{name}` when creating a PaymentIntent without "
                    "`confirm=true`.",
                    param=name,
                )
    identifier = new_id("pi")
    body: Json = {
        "id": identifier,
        "object": KIND,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{identifier}_secret_{secrets.token_hex(12)}",
        "confirmation_method": "automatic",
        "created": call.now,
        "currency": code,
        "customer": params.get("customer"),
        "customer_account": None,
        "description": params.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": intent_rules.merged({}, params.get("metadata")),
        "next_action": None,
        "payment_method": method.body["id"] if method else None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "processing": None,
        "receipt_email": params.get("receipt_email"),
        "review": None,
        "setup_future_usage": params.get("setup_future_usage"),
        "shipping": None,
        "source": None,
        "statement_descriptor": params.get("statement_descriptor"),
        "statement_descriptor_suffix": params.get("statement_descriptor_suffix"),
        "status": "requires_confirmation" if method else "requires_payment_method",
        "transfer_group": None,
        **destinations.check(call, params, amount),
        **intent_rules.payable_by(params, code),
    }
    stored = call.store.add(call.tenant, body)
    call.emit("payment_intent.created", body)
    if params.get("confirm"):
        return _confirm(call, stored, method)
    return body


def retrieve(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="intent")
    client_secrets.check(call, stored, "PaymentIntent")
    return confirmation.shown(call, stored.body)


def update(call: Call) -> Json:
    params = call.params
    stored = call.store.get(call.tenant, KIND, call.id, param="intent")
    intent = stored.body
    _check_still_open(intent, params)
    intent_rules.check(params)
    intent_rules.check_descriptors(params)
    if "customer" in params:
        intent["customer"] = customers.present(call, params["customer"]).body["id"]
    if "currency" in params:
        intent["currency"] = money.currency(params["currency"])
    if "amount" in params or "currency" in params:
        amount = params["amount"] if "amount" in params else intent["amount"]
        intent["amount"] = money.chargeable(amount, intent["currency"])
    if "allowed_payment_method_types" in params:
        intent.update(intent_rules.payable_by(params, intent["currency"]))
    method = payment_methods.data_or_name(call, params)
    if method is not None:
        intent["payment_method"] = method.body["id"]
    intent.update({name: params[name] for name in _COPIED if name in params})
    if "metadata" in params:
        intent["metadata"] = intent_rules.merged(intent["metadata"], params["metadata"])
    if method is not None or "amount" in params:
        # What the customer was asked to approve has changed.
        confirmation.ask_no_more(stored)
        intent["status"] = (
            "requires_confirmation" if intent["payment_method"] else "requires_payment_method"
        )
    call.store.save(stored, metadata_changed="metadata" in params)
    return intent


def confirm(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="intent")
    client_secrets.check(call, stored, "PaymentIntent")
    _check_not_checkouts(stored, "confirm")
    status = stored.body["status"]
    if status == "succeeded":
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed.",
            confirmation.shown(call, stored.body),
        )
    if status not in _UPDATABLE:
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {status}. Only a "
            "PaymentIntent with one of the following statuses may be confirmed: "
            "requires_confirmation, requires_action.",
            confirmation.shown(call, stored.body),
        )
    intent_rules.check(call.params)
    method = payment_methods.data_or_name(call, call.params)
    return confirmation.shown(call, _confirm(call, stored, method))


def cancel(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="intent")
    intent = stored.body
    _check_not_checkouts(stored, "cancel")
    if intent["status"] not in _CANCELABLE or is_under_way(call, intent):
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(_CANCELABLE)}.",
            intent,
        )
    released = intent["status"] == "requires_capture"
    drop(call, stored, call.params.get("cancellation_reason"))
    if released:
        _release(call, intent, "charge.refunded")
    return intent


def authorisation_ends(call: Call, identifier: str) -> None:
    """Nobody captured it in time."""
    stored = call.store.get(call.tenant, KIND, identifier)
    if stored.body["status"] == "requires_capture":
        drop(call, stored, "automatic")
        _release(call, stored.body, "charge.expired")


def _release(call: Call, intent: Json, told: str) -> None:
    """What was authorised goes back to the card."""
    charge = call.store.get(call.tenant, "charge", intent["latest_charge"])
    before = {"amount_refunded": 0, "refunded": False}
    charge.body["amount_refunded"] = charge.body["amount"]
    charge.body["refunded"] = True
    call.store.save(charge)
    call.emit(told, charge.body, before=before)


def drop(call: Call, stored: Stored, reason: str | None = "abandoned") -> None:
    """Let nobody pay it any more; what was paid is left alone."""
    intent = stored.body
    if intent["status"] not in _CANCELABLE or is_under_way(call, intent):
        return
    intent["status"] = "canceled"
    intent["canceled_at"] = call.now
    intent["cancellation_reason"] = reason
    intent["amount_capturable"] = 0
    confirmation.ask_no_more(stored)
    call.store.save(stored)
    call.emit("payment_intent.canceled", intent)


def is_under_way(call: Call, intent: Json) -> bool:
    """Whether a debit has been sent to the bank, and can't be called back."""
    if intent["status"] != "processing" or intent["payment_method"] is None:
        return False
    method = call.store.get(call.tenant, payment_methods.KIND, intent["payment_method"])
    return payment_methods.is_account(method)


def capture(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="intent")
    intent = stored.body
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture.",
            intent,
        )
    amount: Any = call.params.get("amount_to_capture", intent["amount_capturable"])
    if amount > intent["amount_capturable"]:
        raise Refusal(
            400,
            "The amount_to_capture is greater than the amount you can capture "
            f"({money.shown(intent['amount_capturable'], intent['currency'])}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge = call.store.get(call.tenant, "charge", intent["latest_charge"])
    charge.body["captured"] = True
    charge.body["amount_captured"] = amount
    charge.body["balance_transaction"] = balance_transactions.of_charge(call, charge.body, amount)
    intent["status"] = "succeeded"
    intent["amount_received"] = amount
    intent["amount_capturable"] = 0
    destinations.settle(call, charge.body)
    call.store.save(charge)
    call.store.save(stored)
    call.emit("payment_intent.succeeded", intent)
    call.emit("charge.captured", charge.body)
    dispute_course.on_charge(call, charge)
    return intent


def list_(call: Call) -> Json:
    rows, more = call.store.page(call.tenant, KIND, window(call.params))
    wanted = call.params.get("customer")
    kept = [row for row in rows if wanted in {None, row["customer"]}]
    return listing("/v1/payment_intents", (kept, more))


def find(call: Call) -> Json:
    return search.payment_intents(call)


def _check_still_open(intent: Json, params: Values) -> None:
    """Once paid or cancelled, what was agreed can't change any more; notes still can."""
    if intent["status"] in _UPDATABLE:
        return
    for name in _FROZEN_ONCE_PAID:
        if name in params:
            raise unexpected_state(
                f"This PaymentIntent's {name} could not be updated because it has a status of "
                f"{intent['status']}. You may only update the {name} of a PaymentIntent with one "
                f"of the following statuses: {', '.join(_UPDATABLE)}.",
                intent,
            )


def _check_not_checkouts(stored: Stored, verb: str) -> None:
    session = stored.hidden.get("checkout_session")
    if session is not None:
        raise unexpected_state(
            f"You cannot {verb} this PaymentIntent because it was created by Checkout. Expire the "
            f"Checkout Session {session} instead.",
            stored.body,
        )


def _confirm(call: Call, stored: Stored, method: Stored | None) -> Json:
    intent, params = stored.body, call.params
    for name in ("receipt_email", "setup_future_usage", "capture_method"):
        if name in params:
            intent[name] = params[name]
    if "return_url" in params:
        stored.hidden["return_url"] = params["return_url"]
    if method is None and intent["payment_method"]:
        method = call.store.get(call.tenant, payment_methods.KIND, intent["payment_method"])
    if method is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            confirmation.shown(call, intent),
        )
    if payment_methods.is_account(method):
        return direct_debits.ask(call, stored, method)
    off_session = params.get("off_session", False)
    asks = saving.needs_its_owner(method, off_session=off_session)
    if params.get("error_on_requires_action") and asks:
        raise Refusal(
            402,
            "The payment requires additional action from your customer, but "
            "`error_on_requires_action` was set.",
            kind="card_error",
            code="authentication_required",
            more={"payment_intent": intent},
        )
    return confirmation.start(call, stored, method, off_session=off_session)


OPERATIONS = (
    operation(
        "payment_intents.create",
        "POST /v1/payment_intents",
        create,
        {
            **intent_rules.CHANGEABLE,
            **intent_rules.AMOUNTS,
            **intent_rules.CONFIRMING,
            **destinations.PARAMS,
            "automatic_payment_methods": intent_rules.AUTOMATIC,
            "confirm": Flag(),
            "confirmation_method": Choice(("automatic",)),
        },
        required=("amount", "currency"),
    ),
    operation(
        "payment_intents.search",
        "GET /v1/payment_intents/search",
        find,
        {
            "query": Text(),
            "limit": Integer(least=1, most=100),
            "page": Text(),
            "expand": EXPAND,
        },
        required=("query",),
    ),
    operation(
        "payment_intents.list",
        "GET /v1/payment_intents",
        list_,
        {**PAGE, "customer": Text()},
    ),
    operation(
        "payment_intents.retrieve",
        "GET /v1/payment_intents/{id}",
        retrieve,
        {"client_secret": Text(), "expand": EXPAND},
        publishable=True,
    ),
    operation(
        "payment_intents.update",
        "POST /v1/payment_intents/{id}",
        update,
        {**intent_rules.CHANGEABLE, **intent_rules.AMOUNTS},
    ),
    operation(
        "payment_intents.confirm",
        "POST /v1/payment_intents/{id}/confirm",
        confirm,
        {
            **{
                name: shape
                for name, shape in intent_rules.CHANGEABLE.items()
                if name not in {"customer", "metadata"}
            },
            **intent_rules.CONFIRMING,
            "client_secret": Text(),
        },
        publishable=True,
    ),
    operation(
        "payment_intents.cancel",
        "POST /v1/payment_intents/{id}/cancel",
        cancel,
        {
            "cancellation_reason": Choice(
                ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
            ),
            "expand": EXPAND,
        },
    ),
    operation(
        "payment_intents.capture",
        "POST /v1/payment_intents/{id}/capture",
        capture,
        {"amount_to_capture": Integer(least=1), "expand": EXPAND},
    ),
)
