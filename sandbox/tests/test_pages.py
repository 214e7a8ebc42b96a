import re

import aiohttp
import pytest
import stripe

from sandbox import processes


async def test_the_overview_has_working_buttons(client, browser, receiver, until):
    await client.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
    )
    intent = await client.v1.payment_intents.create_async(
        {"amount": 12345, "currency": "sek", "description": "<script>alert(1)</script>"}
    )

    async def press(action: str, identifier: str, **data: str) -> str:
        page = await browser.get("/")
        target = f"/_sandbox/act/{action}/{identifier}"
        assert f'action="{target}"' in page.text
        after = await browser.post(target, data=data)
        assert after.status == 200
        return re.search(r'role="status">(.*?)</p>', after.text)[1]

    page = await browser.get("/")
    assert intent.id in page.text
    assert "123.45 SEK" in page.text
    assert "<script>" not in page.text
    assert "Your card was declined" in await press(
        "confirm", intent.id, card="pm_card_visa_chargeDeclined"
    )
    assert "requires_action" in await press(
        "confirm", intent.id, card="pm_card_authenticationRequired"
    )
    question = re.search(r'href="(http[^"]+)">Authenticate</a>', (await browser.get("/")).text)[1]
    approved = await browser.post(question, data={"verdict": "approve"})
    assert "Payment approved" in approved.text
    await until(lambda: receiver.got)
    events = await client.v1.events.list_async({"type": "payment_intent.succeeded"})
    assert "200" in await press("deliver", events.data[0].id)
    assert len(receiver.got) == 2
    assert "succeeded" in await press("refund", intent.id)
    assert (await client.v1.refunds.list_async()).data[0].amount == 12345

    other = await client.v1.payment_intents.create_async({"amount": 5000, "currency": "gbp"})
    assert "canceled" in await press("cancel", other.id)
    assert "pause" in await press("webhooks", "pause")
    assert "resume" in await press("webhooks", "resume")


async def test_unknown_objects_have_no_buttons(browser):
    assert (await browser.post("/_sandbox/act/cancel/pi_none")).status == 404
    assert (await browser.get("/_sandbox/authenticate/pi_none/x")).status == 410


async def test_another_sites_page_cannot_press_them(browser, client):
    intent = await client.v1.payment_intents.create_async({"amount": 5000, "currency": "gbp"})
    answer = await browser.post(
        f"/_sandbox/act/cancel/{intent.id}", headers={"Origin": "http://evil.test"}
    )
    assert answer.status == 403
    now = await client.v1.payment_intents.retrieve_async(intent.id)
    assert now.status == "requires_payment_method"


async def test_the_control_api_refuses_what_it_does_not_know(control):
    for body in ({"status": 200}, {"dealy": 1}, {"delay": -1}):
        assert (await control.post("/_sandbox/faults", json=body)).status == 422


async def test_the_state_counts_what_there_is(control, client):
    await client.v1.payment_intents.create_async({"amount": 5000, "currency": "gbp"})
    state = (await control.get("/_sandbox/state")).json()
    assert state["objects"]["payment_intent"]["requires_payment_method"] >= 1
    assert state["events"] >= 1
    assert (await control.get("/_sandbox/health")).json() == {"status": "ok"}


async def test_a_delay_slows_the_next_requests_only(control, raw):
    import time

    await control.post("/_sandbox/faults", json={"delay": 1.0, "method": "GET"})
    began = time.monotonic()
    await raw.get("/v1/events")
    assert time.monotonic() - began >= 1.0
    assert (await control.get("/_sandbox/faults")).json()["faults"] == []
    assert (await raw.get("/v1/events")).status == 200


async def press(browser, target: str, /, **data: str) -> str:
    """What the page says after a button was pressed that stands on it."""
    answer = await browser.post(target, data=data)
    assert answer.status == 200, answer.text
    return re.search(r'role="status">(.*?)</p>', answer.text)[1]


async def test_a_newcomer_pays_by_every_card_without_a_client(browser, key):
    account = {"key": key, "amount": "5000", "currency": "gbp"}
    page = (await browser.get("/")).text
    names = re.findall(r'<option value="(pm_card_\w+)">', page)
    if not names:  # nothing waits to be paid yet
        await press(browser, "/_sandbox/act/create/payment", **account)
        names = re.findall(r'<option value="(pm_card_\w+)">', (await browser.get("/")).text)
    for name in sorted(set(names)):
        made = await press(browser, "/_sandbox/act/create/payment", **account)
        payment = made.split()[0]
        assert payment.startswith("pi_")
        said = await press(browser, f"/_sandbox/act/confirm/{payment}", card=name)
        assert said.startswith(f"{payment}: ")
    assert len(set(names)) >= 20
    small = await press(browser, "/_sandbox/act/create/payment", **{**account, "amount": "1"})
    assert "at least £0.30" in small
    live = await press(
        browser, "/_sandbox/act/create/payment", **{**account, "key": "sk_live_" + "x" * 12}
    )
    assert "test keys only" in live
    assert "x" * 12 not in live


async def test_refunds_in_part_that_arrive_and_fail(client, browser):
    intent = await client.v1.payment_intents.create_async(
        {
            "amount": 5000,
            "currency": "gbp",
            "payment_method": "pm_card_pendingRefund",
            "confirm": True,
        }
    )
    assert "pending" in await press(browser, f"/_sandbox/act/refund/{intent.id}", amount="2000")
    (refund,) = (await client.v1.refunds.list_async({"payment_intent": intent.id})).data
    assert refund.amount == 2000
    assert "succeeded" in await press(browser, f"/_sandbox/act/arrives/{refund.id}")
    assert "succeeded already" in await press(browser, f"/_sandbox/act/arrives/{refund.id}")
    assert "failed" in await press(browser, f"/_sandbox/act/fails/{refund.id}")
    assert (await browser.post("/_sandbox/act/fails/re_none")).status == 404


async def test_events_go_out_again_in_every_wrong_way(client, browser, receiver, until):
    made = await client.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": ["payment_intent.created"]}
    )
    await client.v1.payment_intents.create_async({"amount": 5000, "currency": "gbp"})
    await until(lambda: receiver.got)
    (event,) = receiver.events(made.secret)

    async def noted() -> bool:
        return "succeeded after 1 attempt: 200" in (await browser.get("/")).text

    await until(noted)
    for button, count in (("", 1), ("-twice", 2), ("-forged", 1), ("-stale", 1)):
        receiver.got.clear()
        said = await press(browser, f"/_sandbox/act/deliver{button}/{event.id}")
        assert said == f"{event.id}: " + ", ".join(["200"] * count)
        assert len(receiver.got) == count
        if button in {"", "-twice"}:
            assert len(receiver.events(made.secret)) == count
        else:
            with pytest.raises(stripe.SignatureVerificationError):
                receiver.events(made.secret)


async def test_trouble_is_planned_seen_and_ended(browser, raw, control):
    plans = {
        "busy": 429,
        "broken": 500,
        "broken-after": 500,
    }
    for case, status in plans.items():
        said = await press(browser, "/_sandbox/panel/requests", case=case, count="1", path="/v1/*")
        assert "the next 1 requests to /v1/*" in said
        assert (await raw.get("/v1/refunds")).status == status
    await press(browser, "/_sandbox/panel/webhooks", case="reorder", count="3")
    for case in ("slow", "silent", "silent-after", "cut"):
        await press(browser, "/_sandbox/panel/requests", case=case, count="1")
    page = (await browser.get("/")).text
    for told in ("reorder (3 to come)", "delay 5.0 (1 to come)", "silent (1 to come)"):
        assert told in page
    assert await press(browser, "/_sandbox/panel/calm") == "no more trouble"
    assert "to come" not in (await browser.get("/")).text
    assert (await raw.get("/v1/refunds")).status == 200
    for path, body in (
        ("requests", {"case": "earthquake", "count": "1"}),
        ("webhooks", {"case": "earthquake", "count": "1"}),
        ("clock", {"step": "century"}),
    ):
        assert (await browser.post(f"/_sandbox/panel/{path}", data=body)).status == 404
    assert (
        await browser.post("/_sandbox/panel/requests", data={"case": "busy", "count": "0"})
    ).status == 422


async def test_time_is_moved_on_the_page(state, browse):
    with processes.stripe(state) as running:
        async with browse(running.url) as browser:
            assert "1 day later: 0 things" in await press(
                browser, "/_sandbox/panel/clock", step="day"
            )
            page = (await browser.get("/")).text
            assert "1 day, 0:00:00 ahead of the real time" in page


async def test_paypals_page_settles_and_delivers_again(tmp_path, browse):
    with processes.paypal(tmp_path / "paypal") as running:
        async with browse(running.url) as browser:
            login = await browser.post(
                "/v1/oauth2/token",
                data={"grant_type": "client_credentials"},
                headers={"Authorization": aiohttp.encode_basic_auth("client-of-pages", "word")},
            )
            headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
            unit = {"amount": {"currency_code": "GBP", "value": "50.00"}}
            order = {"intent": "CAPTURE", "purchase_units": [unit]}
            made = (await browser.post("/v2/checkout/orders", json=order, headers=headers)).json()
            page = (await browser.get("/")).text
            assert f'href="/checkoutnow?token={made["id"]}"' in page
            await browser.post(f"/checkoutnow?token={made['id']}", data={"choice": "pending"})
            path = f"/v2/checkout/orders/{made['id']}/capture"
            done = (await browser.post(path, json={}, headers=headers)).json()
            (capture,) = done["purchase_units"][0]["payments"]["captures"]
            act = "/_sandbox/act"
            for action, said in (
                ("completes", "COMPLETED"),
                ("completes", "CAPTURE_NOT_PENDING"),
                ("refund", "COMPLETED"),
                ("reverse", "CAPTURE_FULLY_REFUNDED"),
            ):
                assert said in await press(browser, f"{act}/{action}/{capture['id']}"), action
            page = (await browser.get("/")).text
            refund = re.search(r"refund <code>(\w+)</code> 50.00 COMPLETED", page)[1]
            assert "FAILED" in await press(browser, f"{act}/fails/{refund}")
            event = re.search(r"<small><code>(WH-[\w-]+)</code>", page)[1]
            assert "nobody listens" in await press(browser, f"{act}/deliver-forged/{event}")
            assert "pause" in await press(browser, f"{act}/webhooks/pause")
            assert "held back" in (await browser.get("/")).text
            assert "resume" in await press(browser, f"{act}/webhooks/resume")
            assert (await browser.post(f"{act}/refund/NONE")).status == 404
            assert (await browser.post(f"{act}/explode/{capture['id']}")).status == 404
            assert "1 hour later" in await press(browser, "/_sandbox/panel/clock", step="hour")
