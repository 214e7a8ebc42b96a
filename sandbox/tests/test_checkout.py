"""Products, Prices and Checkout Sessions, with Stripe's rules."""

import time
from typing import Any

import aiohttp
import pytest

WANTED = {
    "mode": "payment",
    "success_url": "https://venue.example/success?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://venue.example/cancel",
    "customer_email": "guest@example.com",
    "metadata[booking_id]": "b-1",
    "payment_intent_data[metadata][booking_id]": "b-1",
    "line_items[0][quantity]": "2",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "3500",
    "line_items[0][price_data][product_data][name]": "Adult",
}


async def posted(raw: Any, path: str, **data: Any) -> Any:
    return (await raw.request("POST", path, data=data)).json()


async def session(raw: Any, **others: Any) -> Any:
    made = await posted(raw, "/v1/checkout/sessions", **{**WANTED, **others})
    assert "error" not in made, made
    return made


async def types(raw: Any) -> list[str]:
    page = (await raw.request("GET", "/v1/events?limit=100")).json()
    return [event["type"] for event in reversed(page["data"])]


async def seen(raw: Any, made: Any) -> Any:
    return (await raw.request("GET", f"/v1/checkout/sessions/{made['id']}")).json()


async def test_a_dearer_price_takes_the_lookup_key_over_only_when_told_to(raw):
    product = await posted(raw, "/v1/products", name="Kayaking", id="activity_1")
    again = await posted(raw, "/v1/products", name="Kayaking", id="activity_1")
    assert again["error"]["code"] == "resource_already_exists"
    new = {"product": product["id"], "currency": "usd", "lookup_key": "activity_1_adult"}
    first = await posted(raw, "/v1/prices", **new, unit_amount="3500")
    refused = await posted(raw, "/v1/prices", **new, unit_amount="4000")
    assert refused["error"]["param"] == "lookup_key"
    second = await posted(raw, "/v1/prices", **new, unit_amount="4000", transfer_lookup_key="true")
    found = (await raw.request("GET", "/v1/prices?lookup_keys[]=activity_1_adult")).json()
    assert [one["id"] for one in found["data"]] == [second["id"]]
    old = (await raw.request("GET", f"/v1/prices/{first['id']}")).json()
    assert (old["lookup_key"], old["unit_amount"]) == (None, 3500)
    fixed = await posted(raw, f"/v1/prices/{first['id']}", unit_amount="1")
    assert fixed["error"]["code"] == "parameter_unknown"


async def test_two_accounts_may_choose_the_same_id_for_their_products(raw, sandbox):
    wanted = {"name": "Kayaking", "id": "activity_of_two"}
    assert (await posted(raw, "/v1/products", **wanted))["id"] == wanted["id"]
    other = {"Authorization": "Bearer sk_test_anotherone"}
    async with (
        aiohttp.ClientSession(sandbox.url, headers=other) as session,
        session.post("/v1/products", data=wanted) as answer,
    ):
        assert (answer.status, (await answer.json())["id"]) == (200, wanted["id"])


async def test_a_session_is_paid_on_its_page_and_sends_the_customer_on(raw, browser):
    made = await session(raw)
    path = made["url"].partition("/c/pay/")
    assert (made["amount_total"], made["payment_intent"], path[1]) == (7000, None, "/c/pay/")
    page = await browser.request("GET", f"/c/pay/{made['id']}")
    assert "$70.00" in page.text
    assert "2 x Adult" in page.text
    card = {"by": "card", "number": "4000000000009995", "expires": "12/34", "cvc": "123"}
    declined = await browser.request("POST", f"/c/pay/{made['id']}", data=card)
    assert declined.status == 402
    assert "insufficient funds" in declined.text
    assert (await seen(raw, made))["status"] == "open"
    paid = await browser.request(
        "POST",
        f"/c/pay/{made['id']}",
        data={**card, "number": "4242424242424242"},
        allow_redirects=False,
    )
    assert paid.status == 303
    assert paid.headers["Location"] == f"https://venue.example/success?session={made['id']}"
    now = await seen(raw, made)
    assert (now["status"], now["payment_status"]) == ("complete", "paid")
    intent = (await raw.request("GET", f"/v1/payment_intents/{now['payment_intent']}")).json()
    assert (intent["amount_received"], intent["metadata"]) == (7000, {"booking_id": "b-1"})
    told = await types(raw)
    assert told.count("checkout.session.completed") == told.count("payment_intent.succeeded") == 1
    by_intent = await raw.request(
        "GET", f"/v1/checkout/sessions?payment_intent={now['payment_intent']}"
    )
    assert [one["id"] for one in by_intent.json()["data"]] == [made["id"]]


async def test_what_clears_later_completes_unpaid_and_then_succeeds_or_fails(raw, control):
    for approve, status, last in (
        (True, "paid", "checkout.session.async_payment_succeeded"),
        (False, "unpaid", "checkout.session.async_payment_failed"),
    ):
        made = await session(raw)
        await control.post(f"/_sandbox/checkout/sessions/{made['id']}/pay", json={})
        waiting = await seen(raw, made)
        assert (waiting["status"], waiting["payment_status"]) == ("complete", "unpaid")
        await control.post(
            f"/_sandbox/checkout/sessions/{made['id']}/clear", json={"approve": approve}
        )
        assert (await seen(raw, made))["payment_status"] == status
        assert last in await types(raw)


async def test_only_an_open_session_can_be_expired_and_then_nobody_pays_it(raw, control):
    made = await session(raw)
    ended = await posted(raw, f"/v1/checkout/sessions/{made['id']}/expire")
    assert (ended["status"], ended["url"]) == ("expired", None)
    pay = f"/_sandbox/checkout/sessions/{made['id']}/pay"
    assert (await control.post(pay, json={"card": "pm_card_visa"})).status == 409
    again = await posted(raw, f"/v1/checkout/sessions/{made['id']}/expire")
    assert again["error"]["type"] == "invalid_request_error"
    paid = await session(raw)
    await control.post(
        f"/_sandbox/checkout/sessions/{paid['id']}/pay", json={"card": "pm_card_visa"}
    )
    late = await posted(raw, f"/v1/checkout/sessions/{paid['id']}/expire")
    assert "`complete`" in late["error"]["message"]
    intent = (await seen(raw, paid))["payment_intent"]
    mine = await posted(raw, f"/v1/payment_intents/{intent}/cancel")
    assert mine["error"]["code"] == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"expires_at": str(int(time.time()) + 20 * 60)}, "expires_at"),
        ({"expires_at": str(int(time.time()) + 25 * 3600)}, "expires_at"),
        ({"success_url": "venue"}, "success_url"),
        ({"customer_email": "nobody"}, "customer_email"),
        ({"colour": "red"}, "colour"),
        ({"line_items[0][price]": "price_1"}, "line_items[0]"),
        ({"line_items[0][quantity]": "0"}, "line_items[0][quantity]"),
    ],
)
async def test_what_stripe_refuses_is_refused_with_its_parameter(raw, more, param):
    refused = await posted(raw, "/v1/checkout/sessions", **{**WANTED, **more})
    assert refused["error"]["param"] == param


async def test_an_inactive_price_is_refused(raw):
    product = await posted(raw, "/v1/products", name="Kayaking")
    new = {"product": product["id"], "currency": "usd", "unit_amount": "3500"}
    price = await posted(raw, "/v1/prices", **new)
    await posted(raw, f"/v1/prices/{price['id']}", active="false")
    refused = await posted(
        raw,
        "/v1/checkout/sessions",
        mode="payment",
        success_url="https://venue.example/",
        **{"line_items[0][price]": price["id"], "line_items[0][quantity]": "1"},
    )
    assert refused["error"]["param"] == "line_items[0][price]"
