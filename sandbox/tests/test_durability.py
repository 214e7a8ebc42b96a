import signal

import pytest

from sandbox import processes


async def test_a_killed_sandbox_has_lost_nothing(state, key, connected, receiver, until):
    receiver.answers = [500]
    with processes.stripe(state) as running:
        async with connected(running.url, key) as client:
            endpoint = await client.v1.webhook_endpoints.create_async(
                {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
            )
            order = {"amount": 5000, "currency": "gbp", "metadata": {"attempt_id": "a"}}
            intent = await client.v1.payment_intents.create_async(order, {"idempotency_key": "k"})
            await client.v1.payment_intents.confirm_async(
                intent.id, {"payment_method": "pm_card_visa"}
            )
            await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 100})
            events = (await client.v1.events.list_async()).to_dict()
        await until(lambda: receiver.got)
        running.stop(signal.SIGKILL)

    receiver.answers = [200]
    receiver.got.clear()
    with processes.stripe(state) as running:
        async with connected(running.url, key) as client:
            again = await client.v1.payment_intents.create_async(order, {"idempotency_key": "k"})
            assert again.id == intent.id
            now = await client.v1.payment_intents.retrieve_async(intent.id)
            assert (now.status, now.amount_received) == ("succeeded", 5000)
            found = await client.v1.payment_intents.search_async(
                {"query": "metadata['attempt_id']:'a'"}
            )
            assert [one.id for one in found.data] == [intent.id]
            listed = (await client.v1.events.list_async()).to_dict()
            assert [one["id"] for one in listed["data"]] == [one["id"] for one in events["data"]]
            assert len((await client.v1.refunds.list_async()).data) == 1
        # The delivery that had failed is tried again by the new process.
        await until(lambda: receiver.got)
        assert receiver.events(endpoint.secret)[0].data.object["id"] == intent.id


async def test_a_pause_survives_a_restart(state, key, connected, receiver, until):
    import aiohttp

    with processes.stripe(state) as running:
        async with connected(running.url, key) as client, aiohttp.ClientSession() as http:
            async with http.post(running.url + "/_sandbox/webhooks/pause") as answer:
                await answer.read()
            await client.v1.webhook_endpoints.create_async(
                {"url": receiver.url, "enabled_events": ["*"]}
            )
            await client.v1.payment_intents.create_async({"amount": 5000, "currency": "gbp"})
    with processes.stripe(state) as running:
        async with aiohttp.ClientSession() as http:
            async with http.get(running.url + "/_sandbox/state") as answer:
                assert (await answer.json())["webhooks"] == "paused"
            assert receiver.got == []
            async with http.post(running.url + "/_sandbox/webhooks/resume") as answer:
                await answer.read()
            await until(lambda: receiver.got)


def test_two_sandboxes_cannot_share_a_state(state):
    with (
        processes.stripe(state),
        pytest.raises(processes.NotStarted, match="another sandbox"),
        processes.stripe(state),
    ):
        pass
