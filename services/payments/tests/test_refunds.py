"""Money goes back once per cause, never more than was taken, whatever breaks on the way."""

import asyncio
from uuid import uuid4

import pytest
from payments_world import Stripe, World, gbp, goal

from chassis.messaging.meta import RetryAfter
from contracts import Money


async def test_a_cancelled_booking_gets_its_refund_once(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    cancelled = booking.cancelled(refund=5000)
    await asyncio.gather(*(world.hand(cancelled) for _ in range(5)))
    await world.quiet()
    [refund] = await stripe.refunds_of(await booking.ref())
    assert refund["amount"] == 5000
    assert refund["metadata"]["booking_id"] == str(booking.id)
    told = (await booking.told())[-1]
    assert told["type"] == "payment.refunded.v1"
    assert told["refunded_total"] == {"amount_minor": 5000, "currency": "GBP"}
    assert (await booking.told_types()).count("payment.refunded") == 1
    assert (await world.payment(booking.id))["refunded_total"]["amount_minor"] == 5000


async def test_partial_refunds_add_up_to_what_was_paid_and_no_further(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.paid()
    await world.hand(booking.cancelled(refund=2000))
    await world.quiet()
    await world.hand(booking.refund_due(payment["id"], "wrong_amount", gbp(1500)))
    await world.quiet()
    totals = [
        one["refunded_total"]["amount_minor"]
        for one in await booking.told()
        if one["type"] == "payment.refunded.v1"
    ]
    assert totals == [2000, 3500]

    # All is to go back: what is on its way already is not sent twice.
    await world.hand(booking.unfulfillable(payment["id"], 5000))
    await world.quiet()
    assert await world.amounts_of(booking) == [2000, 1500, 1500]
    await world.hand(booking.refund_due(payment["id"], "already_paid", gbp(5000)))
    await world.quiet()
    assert (await booking.told())[-1]["refunded_total"]["amount_minor"] == 5000
    assert sum(one["amount"] for one in await stripe.refunds_of(await booking.ref())) == 5000


async def test_more_than_was_ever_paid_is_refused_and_reported(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.paid()
    await world.hand(booking.unfulfillable(payment["id"], 5001))
    await world.quiet()
    told = (await booking.told())[-1]
    assert (told["type"], told["code"]) == ("payment.refund_failed.v1", "over_refund")
    assert (told["refunded_total"]["amount_minor"], told["unasked_total"]["amount_minor"]) == (0, 0)
    assert await stripe.refunds_of(await booking.ref()) == []


async def test_a_goal_counts_what_went_back_unasked_but_not_what_changes_gave_back(
    world: World, stripe: Stripe
):
    booking = world.booking()
    payment = await booking.paid()
    await world.hand(
        booking.refund_due(payment["id"], "price_difference", gbp(1000), change_id=uuid4())
    )
    await world.quiet()
    await stripe.call(
        "POST", "/v1/refunds", form={"payment_intent": await booking.ref(), "amount": "700"}
    )
    await world.quiet()
    assert (await booking.told())[-1]["unasked_total"]["amount_minor"] == 700
    await world.hand(booking.cancelled(2000, goal=goal(2000, [payment["id"]])))
    await world.quiet()
    assert await world.amounts_of(booking) == [1000, 700, 1300]
    await world.hand(booking.refund_due(payment["id"], "late_change", gbp(4000)))
    await world.quiet()
    assert await world.amounts_of(booking) == [1000, 700, 1300, 2000]


async def test_another_currency_is_refused(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.paid()
    kronor = Money(amount_minor=100, currency="SEK")
    await world.hand(booking.refund_due(payment["id"], "wrong_currency", kronor))
    await world.quiet()
    assert (await booking.told())[-1]["code"] == "currency_mismatch"
    assert await stripe.refunds_of(await booking.ref()) == []


async def test_a_refund_before_the_money_is_known_waits(world: World):
    booking = world.booking()
    await booking.ready()
    with pytest.raises(RetryAfter):
        await world.hand(booking.cancelled(refund=5000))


async def test_a_lost_answer_is_asked_for_again_with_the_same_key(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.paid()
    await stripe.fault(method="POST", path="/v1/refunds", drop=True, after=True)
    await world.hand(booking.unfulfillable(payment["id"]))
    await world.hurry()
    await world.hurry()
    assert len(await stripe.refunds_of(await booking.ref())) == 1
    mine = [
        one
        for one in await stripe.requests("POST", "/v1/refunds")
        if one["params"].get("metadata", {}).get("booking_id") == str(booking.id)
    ]
    assert len(mine) == 2
    assert len({one["idempotency_key"] for one in mine}) == 1
    assert (await booking.told_types()).count("payment.refunded") == 1


@pytest.mark.usefixtures("patient_retries")
async def test_a_key_forgotten_by_stripe_never_refunds_twice(world: World, stripe: Stripe):
    """After a day Stripe takes the same key for a new request, so we look first."""
    booking = world.booking()
    payment = await booking.paid()
    await stripe.fault(method="POST", path="/v1/refunds", drop=True, after=True)
    await world.hand(booking.unfulfillable(payment["id"], 1000))
    await world.quiet()
    await stripe.forget_keys()
    await world.rows("UPDATE attempts SET created_at = created_at - interval '25 hours'")
    await world.hurry()
    assert len(await stripe.refunds_of(await booking.ref())) == 1
    assert (await booking.told_types()).count("payment.refunded") == 1


async def test_a_stored_fault_is_looked_into_and_then_tried_with_a_new_key(
    world: World, stripe: Stripe
):
    booking = world.booking()
    payment = await booking.paid()
    await stripe.fault(method="POST", path="/v1/refunds", status=500, count=1)
    await world.hand(booking.unfulfillable(payment["id"]))
    for _ in range(4):
        await world.hurry()
    assert len(await stripe.refunds_of(await booking.ref())) == 1
    assert (await booking.told_types()).count("payment.refunded") == 1


async def test_a_refund_made_by_hand_at_stripe_is_told_too(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    await stripe.call(
        "POST", "/v1/refunds", form={"payment_intent": await booking.ref(), "amount": "700"}
    )
    await world.quiet()
    told = (await booking.told())[-1]
    assert (told["type"], told["refunded_total"]["amount_minor"]) == ("payment.refunded.v1", 700)


async def test_refunded_by_hand_already_is_reported_not_repeated(world: World, stripe: Stripe):
    """IDM-05: Stripe says no, because nothing is left."""
    booking = world.booking()
    payment = await booking.paid()
    await stripe.pause()
    await stripe.call("POST", "/v1/refunds", form={"payment_intent": await booking.ref()})
    await world.hand(booking.unfulfillable(payment["id"]))
    await world.quiet()
    assert (await booking.told_types())[-2:] == ["payment.refunded", "payment.refund_failed"]
    await stripe.resume()
    await world.quiet()
    assert len(await stripe.refunds_of(await booking.ref())) == 1
    assert (await booking.told_types()).count("payment.refunded") == 1


async def test_staff_may_ask_again_for_a_refund_that_failed_and_only_then(
    world: World, stripe: Stripe
):
    """FBK-04: each retry is one attempt, made only when every earlier one has failed."""
    booking = world.booking()
    payment = await booking.paid()
    due = booking.refund_due(payment["id"], "unfulfillable", gbp(5000))
    again = due.model_copy(update={"change_id": None, "retry": True})
    await stripe.fault(method="POST", path="/v1/refunds", status=400, count=2)
    await world.hand(booking.unfulfillable(payment["id"], 5000))
    await world.quiet()
    assert (await booking.told())[-1]["type"] == "payment.refund_failed.v1"
    await world.hand(booking.unfulfillable(payment["id"], 5000))
    await world.quiet()
    assert (await booking.told_types()).count("payment.refund_failed") == 1

    await world.hand(again)
    await world.quiet()
    assert (await booking.told_types()).count("payment.refund_failed") == 2
    await asyncio.gather(*(world.hand(again) for _ in range(3)))
    await world.quiet()
    for _ in range(2):
        await world.hand(again)
    await world.quiet()
    [refund] = await stripe.refunds_of(await booking.ref())
    assert refund["amount"] == 5000
    assert (await booking.told_types()).count("payment.refunded") == 1
    assert (await booking.told_types()).count("payment.refund_failed") == 2
