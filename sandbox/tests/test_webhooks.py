import secrets

import pytest
import stripe


async def listen(client, receiver, *types: str) -> str:
    made = await client.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": list(types) or ["*"]}
    )
    return made.secret


async def pay(client) -> stripe.PaymentIntent:
    return await client.v1.payment_intents.create_async(
        {"amount": 5000, "currency": "gbp", "payment_method": "pm_card_visa", "confirm": True}
    )


async def test_events_arrive_signed_as_the_sdk_expects(client, receiver, until):
    secret = await listen(client, receiver)
    intent = await pay(client)
    await until(lambda: len(receiver.got) == 3)

    events = receiver.events(secret)
    assert {event.type for event in events} == {
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
    }
    succeeded = next(event for event in events if event.type == "payment_intent.succeeded")
    assert succeeded.data.object["id"] == intent.id
    assert succeeded.data.object["status"] == "succeeded"
    assert succeeded.api_version == stripe.api_version
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events("whsec_" + "0" * 32)


async def test_an_endpoint_hears_only_what_it_listens_to(client, receiver, until):
    secret = await listen(client, receiver, "payment_intent.succeeded")
    await pay(client)
    await until(lambda: receiver.got)
    assert [event.type for event in receiver.events(secret)] == ["payment_intent.succeeded"]
    created = await client.v1.events.list_async({"type": "payment_intent.created"})
    assert created.data[0].pending_webhooks == 0


async def test_a_failed_delivery_is_tried_again_signed_anew(client, receiver, until):
    receiver.answers = [500, 503, 200]
    secret = await listen(client, receiver, "payment_intent.succeeded")
    await pay(client)
    await until(lambda: len(receiver.got) == 3)

    events = receiver.events(secret)
    assert len({event.id for event in events}) == 1
    assert len({body for _, body in receiver.got}) == 1

    async def delivered():
        listed = {"type": "payment_intent.succeeded", "delivery_success": True}
        return (await client.v1.events.list_async(listed)).data

    await until(delivered)
    assert len(receiver.got) == 3


async def test_each_attempt_carries_its_own_time(client, receiver, until):
    receiver.answers = [500] * 8 + [200]
    await listen(client, receiver, "payment_intent.succeeded")
    await pay(client)
    await until(lambda: len(receiver.got) == 9)
    # Nine attempts up to 0.2 s apart take more than a second: the time in the signature moved on.
    assert len({header.split(",")[0] for header, _ in receiver.got}) > 1


async def test_an_undelivered_event_is_listed_as_such(client, receiver, until, control):
    receiver.answers = [500]
    await listen(client, receiver, "payment_intent.succeeded")
    await pay(client)
    await until(lambda: len(receiver.got) >= 2)
    missed = await client.v1.events.list_async(
        {"delivery_success": False, "types": ["payment_intent.succeeded", "charge.succeeded"]}
    )
    assert [event.type for event in missed.data] == ["payment_intent.succeeded"]
    assert missed.data[0].pending_webhooks == 1
    told = (await control.get(f"/_sandbox/events/{missed.data[0].id}/deliveries")).json()
    assert told[0]["state"] == "pending"
    assert told[0]["answer"] == "500"
    receiver.answers = [200]

    async def all_delivered():
        return not (await client.v1.events.list_async({"delivery_success": False})).data

    await until(all_delivered)


async def test_held_back_deliveries_go_out_on_resuming(client, receiver, until, control):
    secret = await listen(client, receiver, "payment_intent.succeeded")
    await control.post("/_sandbox/webhooks/pause")
    paid = [(await pay(client)).id for _ in range(3)]
    assert (await control.get("/_sandbox/state")).json()["webhooks"] == "paused"
    assert receiver.got == []
    await control.post("/_sandbox/webhooks/resume")
    await until(lambda: len(receiver.got) == 3)
    assert {event.data.object["id"] for event in receiver.events(secret)} == set(paid)


async def test_an_event_can_be_delivered_again(client, receiver, until, control):
    secret = await listen(client, receiver, "payment_intent.succeeded")
    await pay(client)
    await until(lambda: receiver.got)
    event = receiver.events(secret)[0]
    answer = await control.post(f"/_sandbox/events/{event.id}/deliver", json={"count": 4})
    assert [one["status"] for one in answer.json()["attempts"]] == [200] * 4
    assert [one.id for one in receiver.events(secret)] == [event.id] * 5
    assert (await control.post("/_sandbox/events/evt_none/deliver")).status == 404


async def test_all_events_of_a_payment_can_be_delivered_shuffled(client, receiver, until, control):
    secret = await listen(client, receiver)
    intent = await pay(client)
    await client.v1.refunds.create_async({"payment_intent": intent.id})
    await until(lambda: len(receiver.got) == 5)
    receiver.got.clear()
    answer = await control.post(
        "/_sandbox/events/deliver",
        json={"payment_intent": intent.id, "count": 5, "shuffle": True},
    )
    assert len(answer.json()["attempts"]) == 25
    ids = [event.id for event in receiver.events(secret)]
    assert sorted(ids) == sorted(list(set(ids)) * 5)
    assert ids != sorted(ids, key=ids.index)


async def test_a_secret_is_shown_once(client, receiver):
    made = await client.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": ["*"], "metadata": {"by": "test"}}
    )
    assert made.secret.startswith("whsec_")
    found = await client.v1.webhook_endpoints.retrieve_async(made.id)
    assert "secret" not in found
    listed = await client.v1.webhook_endpoints.list_async()
    assert [one.id for one in listed.data] == [made.id]
    assert "secret" not in listed.data[0]


async def test_a_disabled_or_deleted_endpoint_gets_nothing(client, receiver, until):
    made = await client.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": ["*"]}
    )
    await client.v1.webhook_endpoints.update_async(made.id, {"disabled": True})
    await pay(client)
    await client.v1.webhook_endpoints.update_async(
        made.id, {"disabled": False, "enabled_events": ["charge.refunded"]}
    )
    intent = await pay(client)
    gone = await client.v1.webhook_endpoints.delete_async(made.id)
    assert gone.deleted
    await client.v1.refunds.create_async({"payment_intent": intent.id})
    secret = await listen(client, receiver, "payment_intent.succeeded")
    last = await pay(client)
    await until(lambda: receiver.got)
    assert [event.data.object["id"] for event in receiver.events(secret)] == [last.id]


async def test_an_endpoint_with_a_secret_of_ones_own_can_be_put(
    client, key, receiver, until, control
):
    secret = "whsec_" + secrets.token_hex(16)
    wanted = {"key": key, "url": receiver.url, "secret": secret}
    first = await control.request("PUT", "/_sandbox/webhook_endpoints", json=wanted)
    second = await control.request("PUT", "/_sandbox/webhook_endpoints", json=wanted)
    assert first.json()["id"] == second.json()["id"]
    intent = await pay(client)
    await until(lambda: len(receiver.got) == 3)
    assert {event.type for event in receiver.events(secret)} >= {"payment_intent.succeeded"}
    assert intent.id.encode() in receiver.got[0][1]
    live = {**wanted, "key": "sk_live_" + "x" * 12}
    assert (await control.request("PUT", "/_sandbox/webhook_endpoints", json=live)).status == 401


async def test_events_page_towards_the_present(client):
    first = await pay(client)
    seen = (await client.v1.events.list_async({"limit": 1})).data[0]
    second = await pay(client)
    newer = await client.v1.events.list_async(
        {"ending_before": seen.id, "types": ["payment_intent.succeeded"], "limit": 100}
    )
    assert [event.data.object["id"] for event in newer.data] == [second.id]
    older = await client.v1.events.list_async({"starting_after": seen.id})
    assert {event.data.object["id"] for event in older.data} == {first.id}
    found = await client.v1.events.retrieve_async(seen.id)
    assert found.to_dict() == seen.to_dict()
    for params in (
        {"type": "a", "types": ["b"]},
        {"ending_before": seen.id, "starting_after": seen.id},
        {"types": [str(number) for number in range(21)]},
        {"starting_after": "evt_none"},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            await client.v1.events.list_async(params)


async def test_an_event_names_the_request_that_caused_it(raw):
    answer = await raw.post(
        "/v1/payment_intents",
        data={"amount": "5000", "currency": "gbp"},
        headers={"Idempotency-Key": "the-key"},
    )
    event = (await raw.get("/v1/events")).json()["data"][0]
    assert event["request"] == {
        "id": answer.headers["Request-Id"],
        "idempotency_key": "the-key",
    }
