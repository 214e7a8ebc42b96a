import re


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
    question = re.search(r'<a href="(http[^"]+)">Authenticate</a>', (await browser.get("/")).text)[
        1
    ]
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

    await control.post("/_sandbox/faults", json={"delay": 0.3, "method": "GET"})
    began = time.monotonic()
    await raw.get("/v1/events")
    slow = time.monotonic() - began
    began = time.monotonic()
    await raw.get("/v1/events")
    assert slow >= 0.3 > time.monotonic() - began
