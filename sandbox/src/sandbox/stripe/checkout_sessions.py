"""Checkout Sessions: a page of Stripe's on which one order can be paid, once, for a while."""

import re
from dataclasses import replace
from typing import Any

from sandbox.stripe import destinations, intent_rules, money, payment_intents, prices, products
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.checkout_completion import KIND
from sandbox.stripe.refusal import Json, Refusal, bad_parameter
from sandbox.stripe.shapes import (
    EXPAND,
    PAGE,
    Choice,
    Fields,
    Integer,
    Many,
    Metadata,
    Shape,
    Text,
    Values,
)
from sandbox.stripe.store import Stored

SHORTEST = 30 * 60
LONGEST = 24 * 3600


def create(call: Call) -> Json:
    params = call.params
    _check(params)
    expires_at = params.get("expires_at", call.now + LONGEST)
    if not call.now + SHORTEST - 5 <= expires_at <= call.now + LONGEST + 5:
        # Stripe allows some seconds for the way here.
        raise bad_parameter(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from "
            "Checkout Session creation.",
            param="expires_at",
        )
    items = [
        _item(call, item, f"line_items[{position}]")
        for position, item in enumerate(params["line_items"])
    ]
    codes = {item["currency"] for item in items}
    if len(codes) != 1:
        raise bad_parameter(
            "You can not create a session with line items of several currencies.",
            param="line_items",
        )
    code, total = codes.pop(), sum(item["amount_total"] for item in items)
    money.chargeable(total, code)
    destinations.check(call, params.get("payment_intent_data", {}), total)
    return _add(call, items, code, total, expires_at).body


def retrieve(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="session")
    return _shown(stored.body, call.now)


def list_(call: Call) -> Json:
    params = call.params
    if "payment_intent" in params:
        intent = call.store.get(
            call.tenant, payment_intents.KIND, params["payment_intent"], param="payment_intent"
        )
        name = intent.hidden.get("checkout_session")
        found = [call.store.get(call.tenant, KIND, name).body] if name else []
        page: tuple[list[Json], bool] = (found, False)
    else:
        page = call.store.page(call.tenant, KIND, window(params))
    rows = [_shown(body, call.now) for body in page[0]]
    if "status" in params:
        rows = [row for row in rows if row["status"] == params["status"]]
    return listing("/v1/checkout/sessions", (rows, page[1]))


def line_items(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="session")
    return listing(f"/v1/checkout/sessions/{call.id}/line_items", (stored.hidden["items"], False))


def expire(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="session")
    status = _shown(stored.body, call.now)["status"]
    if status != "open":
        raise Refusal(
            400,
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of `{status}`.",
        )
    return end(call, stored)


def end(call: Call, stored: Stored) -> Json:
    """Let nobody pay an open session any more."""
    body = stored.body
    body["status"] = "expired"
    body["url"] = None
    call.store.save(stored)
    if body["payment_intent"] is not None:
        payment_intents.drop(
            call, call.store.get(call.tenant, payment_intents.KIND, body["payment_intent"])
        )
    call.emit("checkout.session.expired", body)
    return body


def lapse(call: Call, identifier: str) -> None:
    """Its time is over: nobody paid."""
    stored = call.store.get(call.tenant, KIND, identifier)
    if stored.body["status"] == "open" and stored.body["expires_at"] <= call.now:
        end(call, stored)


def intent_of(call: Call, session: Stored) -> Stored:
    """The PaymentIntent that an open session is paid with: made at the first try."""
    known = session.body["payment_intent"]
    if known is None:
        wanted = {
            **session.hidden["payment_intent_data"],
            "amount": session.body["amount_total"],
            "currency": session.body["currency"],
            "allowed_payment_method_types": ["card"],
        }
        made = payment_intents.create(replace(call, params=wanted, id=""))
        known = session.body["payment_intent"] = made["id"]
        call.store.save(session)
        intent = call.store.get(call.tenant, payment_intents.KIND, known)
        intent.hidden["checkout_session"] = session.body["id"]
        call.store.save(intent)
    return call.store.get(call.tenant, payment_intents.KIND, known)


def _shown(body: Json, now: int) -> Json:
    """As it is at this moment: an open session ends by itself."""
    lapsed = body["status"] == "open" and body["expires_at"] <= now
    return {**body, "status": "expired", "url": None} if lapsed else body


def _check(params: Values) -> None:
    if not params.get("line_items"):
        raise bad_parameter(
            "Missing required param: line_items.", param="line_items", code="parameter_missing"
        )
    if "success_url" not in params:
        raise bad_parameter(
            "Missing required param: success_url.", param="success_url", code="parameter_missing"
        )
    for name in ("success_url", "cancel_url"):
        url = params.get(name)
        if url is not None and not re.match(r"https?://[^\s/]+\S*\Z", url):
            raise bad_parameter("Not a valid URL", param=name, code="url_invalid")
    email = params.get("customer_email")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise bad_parameter(
            f"Invalid email address: {email}", param="customer_email", code="email_invalid"
        )
    intent = {**params.get("payment_intent_data", {})}
    intent_rules.check(intent)
    intent_rules.check_descriptors(intent)


def _item(call: Call, wanted: Values, where: str) -> Json:
    if ("price" in wanted) is ("price_data" in wanted):
        raise bad_parameter(
            f"You must specify either `price` or `price_data` for {where}.", param=where
        )
    quantity = wanted.get("quantity", 1)
    if "price" in wanted:
        price = call.store.get(call.tenant, prices.KIND, wanted["price"], param=f"{where}[price]")
        if not price.body["active"]:
            raise Refusal(
                400,
                "The price specified is inactive. This field only accepts active prices.",
                param=f"{where}[price]",
            )
    else:
        price = _made_for_it(call, wanted["price_data"], f"{where}[price_data]")
    product = call.store.get(call.tenant, products.KIND, price.body["product"])
    amount = price.body["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price.body["currency"],
        "description": product.body["name"],
        "metadata": {},
        "price": price.body,
        "quantity": quantity,
    }


def _made_for_it(call: Call, data: Values, where: str) -> Stored:
    if ("product" in data) is ("product_data" in data):
        raise bad_parameter(
            f"You must specify either `product` or `product_data` for {where}.", param=where
        )
    if "unit_amount" not in data:
        raise bad_parameter(
            f"Missing required param: {where}[unit_amount].",
            param=f"{where}[unit_amount]",
            code="parameter_missing",
        )
    code = money.currency(data["currency"])
    if "product" in data:
        name = f"{where}[product]"
        product = call.store.get(call.tenant, products.KIND, data["product"], param=name)
    else:
        product = products.add(call, {**data["product_data"], "active": False})
    sold = {"unit_amount": data["unit_amount"], "active": False}
    return prices.add(call, product.body["id"], code, sold)


def _add(call: Call, items: list[Json], code: str, total: int, expires_at: int) -> Stored:
    params = call.params
    identifier = new_id("cs_test")
    body: dict[str, Any] = {
        "id": identifier,
        "object": KIND,
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "consent": None,
        "consent_collection": None,
        "created": call.now,
        "currency": code,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_creation": "if_required",
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "expires_at": expires_at,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": intent_rules.merged({}, params.get("metadata")),
        "mode": params["mode"],
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{call.base_url}/c/pay/{identifier}",
    }
    hidden = {"items": items, "payment_intent_data": params.get("payment_intent_data", {})}
    call.later("checkout_session.expire", identifier, expires_at)
    return call.store.add(call.tenant, body, hidden=hidden)


_PRICE_DATA = Fields(
    {
        "currency": Text(longest=10),
        "product": Text(),
        "product_data": Fields(
            {
                "name": Text(longest=5000),
                "description": Text(longest=40_000),
                "metadata": Metadata(),
            },
            frozenset({"name"}),
        ),
        "unit_amount": Integer(least=0, most=money.LARGEST),
    },
    frozenset({"currency"}),
)
_ITEM = Fields(
    {"price": Text(), "price_data": _PRICE_DATA, "quantity": Integer(least=1, most=999_999)}
)
_INTENT: dict[str, Shape] = {
    **destinations.PARAMS,
    "description": Text(longest=1000),
    "metadata": Metadata(),
    "receipt_email": Text(longest=800),
    "statement_descriptor_suffix": Text(),
}
OPERATIONS = (
    operation(
        "checkout_sessions.create",
        "POST /v1/checkout/sessions",
        create,
        {
            "billing_address_collection": Choice(("auto", "required")),
            "cancel_url": Text(),
            "client_reference_id": Text(longest=200),
            "customer_email": Text(longest=800),
            "expand": EXPAND,
            "expires_at": Integer(least=0),
            "line_items": Many(_ITEM),
            "locale": Text(longest=10),
            "metadata": Metadata(),
            "mode": Choice(("payment",)),
            "payment_intent_data": Fields(_INTENT),
            "submit_type": Choice(("auto", "book", "donate", "pay")),
            "success_url": Text(),
        },
        required=("mode",),
    ),
    operation(
        "checkout_sessions.list",
        "GET /v1/checkout/sessions",
        list_,
        {**PAGE, "payment_intent": Text(), "status": Choice(("open", "complete", "expired"))},
    ),
    operation(
        "checkout_sessions.retrieve",
        "GET /v1/checkout/sessions/{id}",
        retrieve,
        {"expand": EXPAND},
    ),
    operation(
        "checkout_sessions.line_items",
        "GET /v1/checkout/sessions/{id}/line_items",
        line_items,
        {name: shape for name, shape in PAGE.items() if name != "created"},
    ),
    operation(
        "checkout_sessions.expire",
        "POST /v1/checkout/sessions/{id}/expire",
        expire,
        {"expand": EXPAND},
    ),
)
