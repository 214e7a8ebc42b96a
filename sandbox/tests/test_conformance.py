"""The sandbox against the installed `stripe` package's own types."""

import pytest
import stripe

from sandbox import conformance
from sandbox.stripe.api import OPERATIONS
from sandbox.stripe.settings import API_VERSION
from sandbox.stripe.shapes import Either, Fields, Many

# What a browser sends with a publishable key is Stripe.js's business and not in the server package.
_BROWSER_ONLY = {
    ("payment_intents.confirm", "client_secret"),
    ("payment_intents.create", "payment_method_data[card]"),
    ("payment_intents.update", "payment_method_data[card]"),
    ("payment_intents.confirm", "payment_method_data[card]"),
    ("setup_intents.confirm", "client_secret"),
    ("setup_intents.create", "payment_method_data[card]"),
    ("setup_intents.confirm", "payment_method_data[card]"),
}


def test_objects_are_rendered_in_the_packages_version():
    assert stripe.api_version == API_VERSION


def _properties(schema, root):
    """Every named member an object schema allows, references followed."""
    found = {}
    if "$ref" in schema:
        found.update(_properties(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root))
    found.update(schema.get("properties", {}))
    for one in schema.get("anyOf", []):
        found.update(_properties(one, root))
    return found


def _unknown(shape, schema, root, where):
    if isinstance(shape, Either):
        shape = shape.nested
    if isinstance(shape, Many):
        return []
    if not isinstance(shape, Fields):
        return []
    known = _properties(schema, root)
    unknown = []
    for name, inner in shape.members.items():
        path = f"{where}[{name}]" if where else name
        if name not in known:
            unknown.append(path)
        else:
            unknown += _unknown(inner, known[name], root, path)
    return unknown


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_parameter_taken_is_one_that_stripe_takes(operation):
    schema = conformance.parameters(operation.method, operation.path.replace("{id}", "x_1"))
    unknown = _unknown(operation.params, schema, schema, "")
    assert [one for one in unknown if (operation.name, one) not in _BROWSER_ONLY] == []
    target = schema["$defs"][schema["$ref"][len("#/$defs/") :]] if "$ref" in schema else schema
    assert set(target.get("required", [])) <= set(operation.params.required)


async def test_answers_have_the_shape_the_sdk_is_typed_for(raw, control):
    """Every operation, the unhappy ones too; each answer in full."""
    seen = []

    async def ask(method, path, **data):
        answer = await raw.request(method, path, **({"data": data} if data else {}))
        body = answer.json()
        assert conformance.check_answer(body) == [], (method, path, data)
        seen.append((answer.status, body))
        return body

    order = {"amount": "5000", "currency": "gbp"}
    endpoint = await ask(
        "POST",
        "/v1/webhook_endpoints",
        **{"url": "http://127.0.0.1:9/x", "enabled_events[]": "charge.updated"},
    )
    await ask("GET", f"/v1/webhook_endpoints/{endpoint['id']}")
    await ask("GET", "/v1/webhook_endpoints")
    await ask("POST", f"/v1/webhook_endpoints/{endpoint['id']}", description="x")
    plain = await ask("POST", "/v1/payment_intents", **order, **{"metadata[a]": "b"})
    await ask("POST", f"/v1/payment_intents/{plain['id']}", description="New")
    for card in (
        "pm_card_visa_chargeDeclined",
        "pm_card_radarBlock",
        "pm_card_chargeDeclinedExpiredCard",
    ):
        await ask("POST", f"/v1/payment_intents/{plain['id']}/confirm", payment_method=card)
    asked = await ask(
        "POST",
        f"/v1/payment_intents/{plain['id']}/confirm",
        payment_method="pm_card_authenticationRequiredOnSetup",
    )
    assert asked["status"] == "requires_action"
    for approve in (False, True):
        if approve:
            await ask(
                "POST",
                f"/v1/payment_intents/{plain['id']}/confirm",
                payment_method="pm_card_authenticationRequiredOnSetup",
            )
        await control.post(
            f"/_sandbox/payment_intents/{plain['id']}/authenticate", json={"approve": approve}
        )
        await ask("GET", f"/v1/payment_intents/{plain['id']}")
    paid = await ask("GET", f"/v1/payment_intents/{plain['id']}?expand[]=latest_charge")
    assert paid["latest_charge"]["object"] == "charge"
    fee = await ask(
        "GET", f"/v1/payment_intents/{plain['id']}?expand[]=latest_charge.balance_transaction"
    )
    booked = fee["latest_charge"]["balance_transaction"]
    await ask("GET", f"/v1/balance_transactions/{booked['id']}")
    await ask("GET", f"/v1/payment_methods/{paid['payment_method']}")
    refund = await ask("POST", "/v1/refunds", payment_intent=plain["id"], amount="100")
    await ask("POST", f"/v1/refunds/{refund['id']}", **{"metadata[x]": "y"})
    await ask("GET", f"/v1/refunds/{refund['id']}?expand[]=charge&expand[]=payment_intent")
    await ask("GET", f"/v1/refunds/{refund['id']}?expand[]=balance_transaction")
    await ask("GET", "/v1/balance_transactions?limit=3")
    await ask("GET", "/v1/refunds")
    await ask("POST", "/v1/refunds", payment_intent=plain["id"], amount="5000")
    await ask("POST", f"/v1/payment_intents/{plain['id']}/cancel")
    open_ = await ask("POST", "/v1/payment_intents", **order)
    await ask("POST", f"/v1/payment_intents/{open_['id']}/cancel", cancellation_reason="duplicate")
    manual = {**order, "capture_method": "manual", "payment_method": "pm_card_amex"}
    held = await ask("POST", "/v1/payment_intents", **manual, confirm="true")
    await ask("POST", f"/v1/payment_intents/{held['id']}/capture")
    await ask("GET", f"/v1/charges/{held['latest_charge']}?expand[]=payment_intent")
    await ask("GET", "/v1/charges")
    await ask("GET", "/v1/payment_intents?limit=100&expand[]=data.payment_method")
    await ask("GET", "/v1/payment_intents/search?query=metadata['a']:'b'")
    product = await ask("POST", "/v1/products", name="Kayaking", **{"metadata[a]": "b"})
    await ask("POST", f"/v1/products/{product['id']}", description="On the water")
    await ask("GET", f"/v1/products/{product['id']}")
    await ask("GET", "/v1/products?active=true")
    priced = {"product": product["id"], "currency": "usd", "unit_amount": "3500"}
    price = await ask("POST", "/v1/prices", **priced, lookup_key="adult")
    await ask("POST", f"/v1/prices/{price['id']}", nickname="Adult")
    await ask("GET", f"/v1/prices/{price['id']}?expand[]=product")
    await ask("GET", "/v1/prices?lookup_keys[]=adult")
    wanted = {
        "mode": "payment",
        "success_url": "https://venue.example/success",
        "line_items[0][price]": price["id"],
        "line_items[0][quantity]": "2",
        "line_items[1][price_data][currency]": "usd",
        "line_items[1][price_data][unit_amount]": "2500",
        "line_items[1][price_data][product_data][name]": "Child",
    }
    session = await ask("POST", "/v1/checkout/sessions", **wanted)
    await ask("GET", f"/v1/checkout/sessions/{session['id']}/line_items")
    await control.post(
        f"/_sandbox/checkout/sessions/{session['id']}/pay", json={"card": "pm_card_visa"}
    )
    await ask("GET", f"/v1/checkout/sessions/{session['id']}?expand[]=payment_intent")
    await ask("POST", f"/v1/checkout/sessions/{session['id']}/expire")
    await ask("GET", "/v1/checkout/sessions?status=complete")
    left = await ask("POST", "/v1/checkout/sessions", **wanted)
    await ask("POST", f"/v1/checkout/sessions/{left['id']}/expire")
    owner = await ask("POST", "/v1/customers", description="A booking", **{"metadata[a]": "b"})
    await ask("POST", f"/v1/customers/{owner['id']}", email="guest@example.com")
    setup = await ask("POST", "/v1/setup_intents", customer=owner["id"], usage="off_session")
    for card in ("pm_card_visa_chargeDeclined", "pm_card_authenticationRequired"):
        await ask("POST", f"/v1/setup_intents/{setup['id']}/confirm", payment_method=card)
    await control.post(
        f"/_sandbox/setup_intents/{setup['id']}/authenticate", json={"approve": True}
    )
    done = await ask("GET", f"/v1/setup_intents/{setup['id']}?expand[]=payment_method")
    method = done["payment_method"]["id"]
    later = {"customer": owner["id"], "payment_method": method, "off_session": "true"}
    asked = await ask("POST", "/v1/payment_intents", **order, **later, confirm="true")
    assert asked["error"]["code"] == "authentication_required"
    await ask("POST", f"/v1/setup_intents/{setup['id']}/cancel")
    await ask("GET", f"/v1/setup_intents?customer={owner['id']}")
    await ask("GET", f"/v1/payment_methods?customer={owner['id']}")
    await ask("POST", f"/v1/payment_methods/{method}/detach")
    await ask("POST", f"/v1/payment_methods/{method}/attach", customer=owner["id"])
    await ask("DELETE", f"/v1/customers/{owner['id']}")
    await ask("GET", f"/v1/customers/{owner['id']}")
    await ask("GET", "/v1/customers")
    account = await ask(
        "POST",
        "/v1/accounts",
        **{
            "country": "GB",
            "controller[fees][payer]": "application",
            "capabilities[transfers][requested]": "true",
            "capabilities[card_payments][requested]": "true",
            "metadata[a]": "b",
        },
    )
    back = {"refresh_url": "https://venue.example/again", "return_url": "https://venue.example/"}
    await ask("POST", "/v1/account_links", account=account["id"], type="account_onboarding", **back)
    await ask("GET", f"/v1/accounts/{account['id']}")
    passed_on = {**order, "transfer_data[destination]": account["id"]}
    await ask("POST", "/v1/payment_intents", **passed_on)
    await control.post(f"/_sandbox/accounts/{account['id']}/onboard")
    await ask("GET", "/v1/accounts")
    shared = await ask(
        "POST",
        "/v1/payment_intents",
        **passed_on,
        on_behalf_of=account["id"],
        application_fee_amount="475",
        payment_method="pm_card_visa",
        confirm="true",
    )
    back_again = {"reverse_transfer": "true", "refund_application_fee": "true"}
    await ask("POST", "/v1/refunds", payment_intent=shared["id"], amount="1000", **back_again)
    charge = f"/v1/charges/{shared['latest_charge']}"
    kept = await ask("GET", f"{charge}?expand[]=transfer&expand[]=application_fee")
    await ask("GET", f"/v1/transfers/{kept['transfer']['id']}")
    await ask("GET", f"/v1/application_fees/{kept['application_fee']['id']}")
    await ask("GET", "/v1/transfers")
    await ask("GET", "/v1/application_fees")
    events = await ask("GET", "/v1/events?limit=100")
    assert len({event["type"] for event in events["data"]}) >= 10
    await ask("GET", f"/v1/events/{events['data'][0]['id']}")
    await ask("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
    await ask("GET", "/v1/payment_intents/pi_none")
    await ask("POST", "/v1/payment_intents", amount="x")
    await control.post(f"/_sandbox/accounts/{account['id']}/leave")
    await ask("GET", f"/v1/accounts/{account['id']}")
    assert {status for status, _ in seen} == {200, 400, 402, 403, 404}


async def test_a_browsers_answer_is_a_part_of_the_same_shape(raw, browser, key):
    order = {"amount": "5000", "currency": "gbp"}
    intent = (await raw.post("/v1/payment_intents", data=order)).json()
    for card in ("pm_card_visa_chargeDeclined", "pm_card_visa"):
        answer = await browser.post(
            f"/v1/payment_intents/{intent['id']}/confirm",
            data={
                "key": key.replace("sk_", "pk_"),
                "client_secret": intent["client_secret"],
                "payment_method": card,
            },
        )
        assert conformance.check_answer(answer.json(), partial=True) == []


async def test_our_own_requests_can_be_looked_at_and_checked(client, key, control):
    await client.v1.payment_intents.create_async(
        {
            "amount": 5000,
            "currency": "gbp",
            "metadata": {"attempt_id": "a"},
            "automatic_payment_methods": {"enabled": True},
        },
        {"idempotency_key": "mine"},
    )
    await client.v1.events.list_async({"types": ["charge.refunded"], "created": {"gte": 1}})
    seen = [
        one
        for one in (await control.get("/_sandbox/requests")).json()
        if one["account"] == key.removeprefix("sk_test_")
    ]
    assert [one["idempotency_key"] for one in seen] == ["mine", None]
    for one in seen:
        assert conformance.check_request(one["method"], one["path"], one["params"]) == []


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"currency": "gbp"}, "'amount' is a required property"),
        ({"amount": 1, "currency": "gbp", "amonut": 2}, "'amonut' was unexpected"),
        ({"amount": "1.5", "currency": "gbp"}, ".amount"),
        ({"amount": 1, "currency": "gbp", "capture_method": "maybe"}, ".capture_method"),
        ({"amount": 1, "currency": "gbp", "metadata": ["a"]}, ".metadata"),
        ({"amount": 1, "currency": "gbp", "confirm": "yes"}, ".confirm"),
    ],
)
def test_a_request_stripe_would_not_understand_is_found(params, problem):
    problems = conformance.check_request("POST", "/v1/payment_intents", params)
    assert any(problem in one for one in problems), problems


def test_an_answer_that_is_not_stripes_is_found():
    assert conformance.check_answer({"object": "refund", "id": "re_1", "amount": "1", "x": 1})
    assert conformance.check_answer({"error": {"message": "no type"}})
    with pytest.raises(conformance.UnknownToStripe):
        conformance.check_answer({"object": "unicorn"})
    with pytest.raises(conformance.UnknownToStripe):
        conformance.check_request("POST", "/v1/unicorns", {})


def test_requests_of_later_parts_can_be_checked_already():
    order = {"mode": "payment", "line_items": [{"price": "price_1", "quantity": 1}]}
    assert conformance.check_request("POST", "/v1/checkout/sessions", order) == []
    assert conformance.check_request("POST", "/v1/checkout/sessions", {"mode": "gift"}) != []
