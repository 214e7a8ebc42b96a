"""Trouble on demand, for Stripe's requests and webhooks and for PayPal's."""

import asyncio
import calendar
import secrets
import time

import aiohttp
import pytest
import stripe

from sandbox import processes

ORDER = {"amount": "5000", "currency": "gbp"}


async def plan(control, **trouble) -> None:
    answer = await control.post("/_sandbox/faults", json=trouble)
    assert answer.status == 200, answer.text


async def plan_for_webhooks(control, mishap: str, **more) -> None:
    answer = await control.post("/_sandbox/webhooks/faults", json={"mishap": mishap, **more})
    assert answer.status == 200, answer.text


async def test_too_busy_says_when_to_come_back(raw, control):
    await plan(control, status=429, retry_after=7, count=2)
    for _ in range(2):
        answer = await raw.post(
            "/v1/payment_intents", data=ORDER, headers={"Idempotency-Key": "busy"}
        )
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
        error = answer.json()["error"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "rate_limit")
    # It never began, so the key is free.
    answer = await raw.post("/v1/payment_intents", data=ORDER, headers={"Idempotency-Key": "busy"})
    assert answer.status == 200
    assert "Idempotent-Replayed" not in answer.headers


async def in_vain(request, until, taken) -> None:
    """A request whose client gives up some time after it has arrived, and got no answer."""
    asked = asyncio.create_task(request)
    await until(taken)
    answered, _ = await asyncio.wait({asked}, timeout=0.3)
    assert not answered
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


@pytest.mark.parametrize("after", [False, True])
async def test_silence_ends_with_the_clients_patience(raw, control, until, after):
    await plan(control, silent=True, after=after, method="POST")
    key = {"Idempotency-Key": "silent"}

    async def taken() -> bool:
        return not (await control.get("/_sandbox/faults")).json()["faults"]

    await in_vain(raw.post("/v1/payment_intents", data=ORDER, headers=key), until, taken)
    assert len((await raw.get("/v1/payment_intents")).json()["data"]) == int(after)
    # The key isn't held by the request that nobody waits for any more.
    again = await raw.post("/v1/payment_intents", data=ORDER, headers=key)
    assert again.status == 200
    assert again.headers.get("Idempotent-Replayed") == ("true" if after else None)
    assert len((await raw.get("/v1/payment_intents")).json()["data"]) == 1


async def test_plans_are_shown_and_taken_back(raw, control):
    await plan(control, status=500, count=3, path="/v1/refunds")
    await plan_for_webhooks(control, "drop", events="charge.*")
    planned = (await control.get("/_sandbox/faults")).json()
    assert [(one["status"], one["count"]) for one in planned["faults"]] == [(500, 3)]
    assert [(one["mishap"], one["events"]) for one in planned["webhook_faults"]] == [
        ("drop", "charge.*")
    ]
    state = (await control.get("/_sandbox/state")).json()
    assert state["faults"] == planned["faults"]
    assert state["webhook_faults"] == planned["webhook_faults"]
    gone = (await control.request("DELETE", "/_sandbox/faults")).json()
    assert gone == {"faults": [], "webhook_faults": []}
    assert (await raw.get("/v1/refunds")).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"silent": True, "status": 500}),
        ("faults", {"silent": True, "drop": True}),
        ("faults", {"retry_after": -1}),
        ("faults", {"mishap": "drop"}),
        ("webhooks/faults", {}),
        ("webhooks/faults", {"mishap": "explode"}),
        ("webhooks/faults", {"mishap": "drop", "count": 0}),
    ],
)
async def test_what_makes_no_sense_is_not_planned(control, path, body):
    assert (await control.post(f"/_sandbox/{path}", json=body)).status == 422
    planned = (await control.get("/_sandbox/faults")).json()
    assert planned == {"faults": [], "webhook_faults": []}


class Listening:
    """An account with an endpoint that hears of payments."""

    def __init__(self, client, receiver, secret: str) -> None:
        self.client = client
        self.receiver = receiver
        self.secret = secret

    async def pay(self) -> str:
        made = await self.client.v1.payment_intents.create_async(
            {"amount": 5000, "currency": "gbp", "payment_method": "pm_card_visa", "confirm": True}
        )
        return made.id

    def arrived(self) -> list[str]:
        """PaymentIntents in the order their news came, each signature right."""
        return [event.data.object["id"] for event in self.receiver.events(self.secret)]

    def complaints(self) -> list[str]:
        """What the SDK says of each signature; empty for a right one."""
        found = []
        for header, body in self.receiver.got:
            try:
                stripe.Webhook.construct_event(body, header, self.secret, api_key="sk_test_x")
                found.append("")
            except stripe.SignatureVerificationError as error:
                found.append(str(error))
        return found


@pytest.fixture
async def listening(client, receiver):
    made = await client.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
    )
    return Listening(client, receiver, made.secret)


async def test_a_webhook_comes_twice(listening, control, until):
    await plan_for_webhooks(control, "duplicate")
    first, second = await listening.pay(), await listening.pay()
    await until(lambda: len(listening.receiver.got) == 3)
    assert sorted(listening.arrived()) == sorted([first, first, second])


async def test_webhooks_overtake_each_other(listening, control, until):
    await plan_for_webhooks(control, "reorder", count=3)
    paid = [await listening.pay() for _ in range(3)]
    await until(lambda: len(listening.receiver.got) == 3)
    assert listening.arrived() == paid[::-1]
    # And no more of it: later ones go as they come.
    last = await listening.pay()
    await until(lambda: len(listening.receiver.got) == 4)
    assert listening.arrived()[-1] == last


async def test_a_webhook_that_is_lost_is_only_in_the_list(listening, control, until, client):
    await plan_for_webhooks(control, "drop", events="payment_intent.*")
    lost, kept = await listening.pay(), await listening.pay()
    await until(lambda: listening.receiver.got)
    assert listening.arrived() == [kept]
    missed = []

    async def listed() -> bool:
        missed[:] = (await client.v1.events.list_async({"delivery_success": False})).data
        return [event.data.object["id"] for event in missed] == [lost]

    await until(listed)
    (delivery,) = (await control.get(f"/_sandbox/events/{missed[0].id}/deliveries")).json()
    assert (delivery["state"], delivery["answer"]) == ("failed", "lost on purpose")


@pytest.mark.parametrize(
    ("mishap", "complaint"), [("wrong_signature", "No signatures"), ("stale", "tolerance")]
)
async def test_a_webhook_is_signed_wrongly_and_then_right(
    listening, control, until, mishap, complaint
):
    listening.receiver.answers = [401, 200]
    await plan_for_webhooks(control, mishap)
    paid = await listening.pay()
    await until(lambda: len(listening.receiver.got) == 2)
    wrong, right = listening.complaints()
    assert complaint in wrong
    assert right == ""
    assert paid.encode() in listening.receiver.got[0][1]


@pytest.mark.parametrize(
    ("wrong", "complaint"), [({"forged": True}, "No sig"), ({"age": 600}, "t")]
)
async def test_an_event_is_delivered_again_wrongly(listening, control, until, wrong, complaint):
    paid = await listening.pay()
    await until(lambda: listening.receiver.got)
    listening.receiver.got.clear()
    answer = await control.post("/_sandbox/events/deliver", json={"payment_intent": paid, **wrong})
    assert [one["status"] for one in answer.json()["attempts"]] == [200]
    assert complaint in listening.complaints()[0]


# PayPal


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    directory = tmp_path_factory.mktemp("paypal")
    with processes.paypal(directory, "--retry-first", "0.02", "--retry-longest", "0.1") as started:
        yield started


@pytest.fixture
async def paypal(running):
    async with aiohttp.ClientSession(running.url) as http:
        yield http
        await (await http.delete("/_sandbox/faults")).read()


async def login(paypal) -> tuple[int, dict[str, str], object]:
    async with paypal.post(
        "/v1/oauth2/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": aiohttp.encode_basic_auth("client-of-faults", "word")},
    ) as answer:
        return answer.status, dict(answer.headers), await answer.json()


async def ask(paypal, path: str, body: object) -> None:
    async with paypal.post(path, json=body) as answer:
        assert answer.status == 200, await answer.text()


async def test_paypal_is_too_busy_or_broken(paypal):
    await ask(paypal, "/_sandbox/faults", {"status": 429, "retry_after": 3})
    status, headers, said = await login(paypal)
    assert (status, headers["Retry-After"], said["name"]) == (429, "3", "RATE_LIMIT_REACHED")
    await ask(paypal, "/_sandbox/faults", {"status": 500})
    status, _, said = await login(paypal)
    assert (status, said["name"]) == (500, "INTERNAL_SERVER_ERROR")
    assert (await login(paypal))[0] == 200


async def test_paypal_is_slow_or_silent(paypal, until):
    async def taken() -> bool:
        async with paypal.get("/_sandbox/faults") as answer:
            return not (await answer.json())["faults"]

    await ask(paypal, "/_sandbox/faults", {"delay": 0.3})
    began = time.monotonic()
    assert (await login(paypal))[0] == 200
    assert time.monotonic() - began >= 0.3
    for after in (False, True):
        await ask(paypal, "/_sandbox/faults", {"silent": True, "after": after})
        await in_vain(login(paypal), until, taken)
    assert (await login(paypal))[0] == 200


async def test_paypals_webhooks_go_wrong_in_the_same_ways(paypal, until):
    got: list[tuple[str, str]] = []
    client_id = f"client-{secrets.token_hex(8)}"

    async def take(request: aiohttp.web.Request) -> aiohttp.web.Response:
        body = await request.json()
        got.append((body["resource"]["id"], request.headers["PAYPAL-TRANSMISSION-TIME"]))
        return aiohttp.web.Response(status=200)

    app = aiohttp.web.Application()
    app.router.add_post("/hook", take)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    webhook = {"client_id": client_id, "url": url, "webhook_id": "8PT597110X687430LKGECATA"}
    async with paypal.put("/_sandbox/webhooks", json=webhook) as answer:
        assert answer.status == 200
    async with paypal.post(
        "/v1/oauth2/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": aiohttp.encode_basic_auth(client_id, "word")},
    ) as answer:
        token = (await answer.json())["access_token"]

    async def approved() -> str:
        unit = {"amount": {"currency_code": "GBP", "value": "50.00"}}
        async with paypal.post(
            "/v2/checkout/orders",
            json={"intent": "CAPTURE", "purchase_units": [unit]},
            headers={"Authorization": f"Bearer {token}"},
        ) as answer:
            made = (await answer.json())["id"]
        await ask(paypal, f"/_sandbox/orders/{made}/approve", {"choice": "pay"})
        return made

    async def news(count: int) -> list[str]:
        await until(lambda: len(got) >= count)
        came = [order for order, _ in got]
        got.clear()
        return came

    try:
        await ask(paypal, "/_sandbox/webhooks/faults", {"mishap": "duplicate"})
        one = await approved()
        assert await news(2) == [one, one]
        await ask(paypal, "/_sandbox/webhooks/faults", {"mishap": "reorder", "count": 2})
        two = [await approved(), await approved()]
        assert await news(2) == two[::-1]
        await ask(paypal, "/_sandbox/webhooks/faults", {"mishap": "drop"})
        await approved()
        kept = await approved()
        assert await news(1) == [kept]
        await ask(paypal, "/_sandbox/webhooks/faults", {"mishap": "stale"})
        await approved()
        await until(lambda: got)
        sent = calendar.timegm(time.strptime(got[0][1], "%Y-%m-%dT%H:%M:%SZ"))
        assert sent < time.time() - 300
    finally:
        await asyncio.shield(runner.cleanup())
