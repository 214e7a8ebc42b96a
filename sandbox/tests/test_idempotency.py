import asyncio

import aiohttp
import pytest
import stripe

ORDER = {"amount": "5000", "currency": "gbp"}


async def post(raw, path, data, key):
    answer = await raw.post(path, data=data, headers={"Idempotency-Key": key})
    return answer, answer.json()


async def test_a_repeated_request_gets_the_first_answer(raw):
    first, one = await post(raw, "/v1/payment_intents", ORDER, "k-1")
    second, two = await post(raw, "/v1/payment_intents", ORDER, "k-1")
    assert one == two
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Original-Request"] == first.headers["Request-Id"]
    assert second.headers["Request-Id"] != first.headers["Request-Id"]
    listed = (await raw.get("/v1/payment_intents")).json()
    assert len(listed["data"]) == 1


async def test_the_order_of_parameters_does_not_matter(raw):
    _, one = await post(raw, "/v1/payment_intents", "amount=5000&currency=gbp", "k")
    assert "error" in one  # aiohttp sends a string as text/plain
    form = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "k"}
    first = await raw.post("/v1/payment_intents", data="amount=5000&currency=gbp", headers=form)
    second = await raw.post("/v1/payment_intents", data="currency=gbp&amount=5000", headers=form)
    assert first.json()["id"] == second.json()["id"]


async def test_other_parameters_or_another_endpoint_are_an_idempotency_error(raw, client):
    await post(raw, "/v1/payment_intents", ORDER, "k-2")
    for path, data in (
        ("/v1/payment_intents", {**ORDER, "amount": "5001"}),
        ("/v1/payment_intents", {**ORDER, "unknown": "x"}),
        ("/v1/refunds", ORDER),
    ):
        answer, body = await post(raw, path, data, "k-2")
        assert answer.status == 400
        assert body["error"]["type"] == "idempotency_error"
    with pytest.raises(stripe.IdempotencyError):
        await client.v1.payment_intents.create_async(
            {"amount": 1, "currency": "gbp"}, {"idempotency_key": "k-2"}
        )


async def test_keys_belong_to_an_account(raw, connected, sandbox):
    _, one = await post(raw, "/v1/payment_intents", ORDER, "shared")
    async with connected(sandbox.url, "sk_test_another") as other:
        two = await other.v1.payment_intents.create_async(
            {"amount": 9900, "currency": "gbp"}, {"idempotency_key": "shared"}
        )
    assert two.id != one["id"]


async def test_bad_parameters_are_not_remembered(raw):
    bad, body = await post(raw, "/v1/payment_intents", {"currency": "gbp"}, "k-3")
    assert (bad.status, body["error"]["code"]) == (400, "parameter_missing")
    good, _ = await post(raw, "/v1/payment_intents", ORDER, "k-3")
    assert good.status == 200


async def test_what_was_decided_is_remembered_even_when_it_was_a_refusal(raw):
    declined = {**ORDER, "payment_method": "pm_card_visa_chargeDeclined", "confirm": "true"}
    first, one = await post(raw, "/v1/payment_intents", declined, "k-4")
    second, two = await post(raw, "/v1/payment_intents", declined, "k-4")
    assert (first.status, second.status) == (402, 402)
    assert one == two
    assert len((await raw.get("/v1/charges")).json()["data"]) == 1

    missing, _ = await post(raw, "/v1/payment_intents/pi_none/cancel", {}, "k-5")
    again, _ = await post(raw, "/v1/payment_intents/pi_none/cancel", {}, "k-5")
    assert (missing.status, again.headers.get("Idempotent-Replayed")) == (404, "true")


async def test_a_500_is_remembered_and_says_not_to_retry(raw, control):
    await control.post("/_sandbox/faults", json={"status": 500, "path": "/v1/payment_intents"})
    broken, body = await post(raw, "/v1/payment_intents", ORDER, "k-6")
    assert (broken.status, body["error"]["type"]) == (500, "api_error")
    assert broken.headers["Stripe-Should-Retry"] == "false"
    again, _ = await post(raw, "/v1/payment_intents", ORDER, "k-6")
    assert again.status == 500
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await raw.get("/v1/payment_intents")).json()["data"] == []


async def test_a_lost_answer_can_have_had_its_effect(raw, control):
    await control.post("/_sandbox/faults", json={"status": 500, "after": True, "method": "POST"})
    broken, _ = await post(raw, "/v1/payment_intents", ORDER, "k-7")
    assert broken.status == 500
    assert len((await raw.get("/v1/payment_intents")).json()["data"]) == 1


async def test_too_busy_is_not_remembered(raw, control):
    for status in (429, 503):
        await control.post("/_sandbox/faults", json={"status": status})
        busy, _ = await post(raw, "/v1/payment_intents", ORDER, f"busy-{status}")
        assert busy.status == status
        then, _ = await post(raw, "/v1/payment_intents", ORDER, f"busy-{status}")
        assert then.status == 200


async def test_a_rival_in_flight_is_a_conflict(raw, control, until):
    await control.post(
        "/_sandbox/faults", json={"delay": 0.5, "count": 1, "path": "/v1/payment_intents"}
    )
    first = asyncio.ensure_future(post(raw, "/v1/payment_intents", ORDER, "k-8"))

    async def first_is_under_way():
        return (await control.get("/_sandbox/state")).json()["faults"] == []

    await until(first_is_under_way)
    rival, body = await post(raw, "/v1/payment_intents", ORDER, "k-8")
    assert rival.status == 409
    assert body["error"]["code"] == "idempotency_key_in_use"
    won, made = await first
    assert won.status == 200
    again, same = await post(raw, "/v1/payment_intents", ORDER, "k-8")
    assert (again.status, same["id"]) == (200, made["id"])


async def test_a_cut_connection_hides_an_effect_that_happened(raw, control, sandbox):
    await control.post("/_sandbox/faults", json={"drop": True, "method": "POST"})
    sent = {"data": ORDER, "headers": {"Idempotency-Key": "k-9"}}
    with pytest.raises(aiohttp.ClientPayloadError):
        async with raw.session.post("/v1/payment_intents", **sent) as answer:
            await answer.read()
    _, again = await post(raw, "/v1/payment_intents", ORDER, "k-9")
    listed = (await raw.get("/v1/payment_intents")).json()
    assert [one["id"] for one in listed["data"]] == [again["id"]]
    assert not any("completing response" in line for line in sandbox.said)


async def test_sixteen_at_once_make_one(client):
    async def create() -> str:
        while True:
            try:
                made = await client.v1.payment_intents.create_async(
                    {"amount": 5000, "currency": "gbp"}, {"idempotency_key": "k-10"}
                )
            except stripe.InvalidRequestError as error:
                if error.http_status != 409:
                    raise
            else:
                return made.id

    assert len(set(await asyncio.gather(*(create() for _ in range(16))))) == 1


async def test_a_forgotten_key_may_be_used_anew(raw, control):
    _, one = await post(raw, "/v1/payment_intents", ORDER, "k-11")
    forgotten = await control.post("/_sandbox/idempotency/forget", json={"key": "k-11"})
    assert forgotten.json()["forgotten"] == 1
    _, two = await post(raw, "/v1/payment_intents", ORDER, "k-11")
    assert one["id"] != two["id"]


async def test_keys_have_a_largest_length(raw):
    longest, _ = await post(raw, "/v1/payment_intents", ORDER, "x" * 255)
    too_long, _ = await post(raw, "/v1/payment_intents", ORDER, "x" * 256)
    assert (longest.status, too_long.status) == (200, 400)


async def test_reading_ignores_the_key(raw):
    for _ in range(2):
        answer = await raw.get("/v1/payment_intents", headers={"Idempotency-Key": "k-12"})
        assert "Idempotent-Replayed" not in answer.headers
