"""The outside world at its worst, as the sandbox plays it on demand: the money comes out right."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from payments_world import PATIENCE, Booking, World, running

from chassis.testing import DatabaseUrls, eventually
from payments.providers.stripe.transport import Transport


async def asked_for(world: World, booking: Booking) -> list[Any]:
    """The requests for a PaymentIntent of the booking."""
    return [
        one
        for one in await world.stripe.requests("POST", "/v1/payment_intents")
        if one["params"].get("metadata", {}).get("booking_id") == str(booking.id)
    ]


async def test_stripe_says_how_long_it_is_too_busy_and_is_left_alone_so_long(world: World):
    booking = world.booking()
    await world.stripe.fault(method="POST", path="/v1/payment_intents", status=429, retry_after=600)
    began = datetime.now(UTC)
    await world.hand(booking.hold())
    await world.quiet()
    [waiting] = await world.rows(
        "SELECT next_at FROM messaging.intents WHERE org_id = $1 AND attempt > 0", world.org_id
    )
    assert waiting["next_at"] >= began + timedelta(seconds=590)
    assert len(await asked_for(world, booking)) == 1
    await world.hurry()
    first, second = await asked_for(world, booking)
    assert first["idempotency_key"] == second["idempotency_key"]
    assert await booking.told_types() == ["payment.ready"]


@pytest.mark.parametrize("done", [True, False], ids=["done all the same", "not done"])
async def test_what_stripe_never_answers_is_asked_again_with_the_same_key(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    monkeypatch: pytest.MonkeyPatch,
    done: bool,
):
    # The usual patience is 20 s.
    assert Transport.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(Transport.__init__.__kwdefaults__, "total_seconds", 3.0)
    async with running(await fresh_database("payments"), sandbox) as world:
        booking = world.booking()
        await world.stripe.fault(method="POST", path="/v1/payment_intents", silent=True, after=done)
        await world.hand(booking.hold())

        async def ready() -> bool:
            await world.hurry()
            return (await world.payment(booking.id))["status"] == "ready"

        await eventually(ready, timeout=PATIENCE, what="asked until there was an answer")
        first, *again = await asked_for(world, booking)
        assert again
        for one in again:  # more than one, where the answer took longer than that
            assert one["idempotency_key"] == first["idempotency_key"]
            assert one["params"] == first["params"]
        assert len(await world.stripe.intents_of(booking.id)) == 1
        assert await booking.told_types() == ["payment.ready"]


@pytest.mark.parametrize("mishap", ["wrong_signature", "stale", "duplicate", "reorder"])
async def test_a_webhook_gone_wrong_changes_nothing_and_the_right_one_counts_once(
    world: World, mishap: str
):
    booking = world.booking()
    payment = await booking.ready()
    count = 2 if mishap == "reorder" else 1
    trouble = {"mishap": mishap, "count": count, "events": "payment_intent.succeeded"}
    if mishap == "reorder":
        # What tells of the payment and what tells of its charge, the other way round.
        trouble["events"] = "*.succeeded"
    await world.stripe.call("POST", "/_sandbox/webhooks/faults", trouble)
    await world.stripe.pay(payment)
    await booking.becomes("succeeded")

    async def delivered() -> list[Any]:
        planned = await world.stripe.call("GET", "/_sandbox/faults")
        return [] if planned["webhook_faults"] else [planned]

    await eventually(delivered, what="the trouble is over")
    await world.quiet()
    assert await booking.told_types() == ["payment.ready", "payment.succeeded"]
    if mishap in {"wrong_signature", "stale"}:
        page = await world.stripe.call("GET", "/v1/events?type=payment_intent.succeeded&limit=100")
        ref = await booking.ref()
        [event] = [one for one in page["data"] if one["data"]["object"]["id"] == ref]
        path = f"/_sandbox/events/{event['id']}/deliveries"
        [delivery] = await world.stripe.call("GET", path)
        # The first attempt was refused.
        assert (delivery["state"], delivery["attempts"] >= 2) == ("succeeded", True)
