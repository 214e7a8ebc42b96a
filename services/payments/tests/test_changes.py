"""A booking made dearer has a further payment of its own; one made cheaper gets money back."""

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from payments_world import Stripe, World, gbp, goal

from chassis.messaging.meta import RetryAfter


async def test_a_dearer_change_gets_a_payment_beside_the_bookings_own(world: World, stripe: Stripe):
    booking = world.booking()
    own = await booking.paid()
    change = booking.change(1500)
    further = await change.ready()
    assert further["id"] != own["id"]
    assert (further["amount"]["amount_minor"], further["change_id"]) == (1500, str(change.id))
    assert further["client_secret"].startswith(await change.ref())
    await stripe.pay(further)
    await change.becomes("succeeded")
    await world.quiet()
    assert await change.told_types() == ["payment.ready", "payment.succeeded"]
    succeeded = (await change.told())[-1]
    assert succeeded["payment_id"] == further["id"]
    assert succeeded["amount"] == {"amount_minor": 1500, "currency": "GBP"}
    assert [one["change_id"] for one in (await booking.told())[:2]] == [None, None]


async def test_stripe_is_told_ids_and_no_more_of_a_change(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    change = booking.change()
    await change.ready()
    metadata = (await stripe.intent(await change.ref()))["metadata"]
    assert metadata["change_id"] == str(change.id)
    assert metadata["booking_id"] == str(booking.id)
    assert set(metadata) == {
        "attempt_id", "payment_id", "booking_id", "session_id", "offering_id", "org_id",
        "change_id",
    }  # fmt: skip


async def test_held_five_times_at_once_makes_one_intent(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    change = booking.change()
    held = change.held()
    await asyncio.gather(*(world.hand(held) for _ in range(5)))
    await world.quiet()
    assert len(await stripe.intents_of(booking.id)) == 2
    assert await change.told_types() == ["payment.ready"]


async def test_a_change_given_up_cancels_its_intent_and_no_other(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    change = booking.change()
    await change.ready()
    for _ in range(2):
        await world.hand(change.expired())
        await world.quiet()
    assert (await stripe.intent(await change.ref()))["status"] == "canceled"
    assert (await stripe.intent(await booking.ref()))["status"] == "succeeded"
    assert await change.told_types() == ["payment.ready", "payment.cancelled"]
    assert (await change.told())[-1]["reason"] == "change_expired"


async def test_a_change_given_up_before_it_is_heard_of_makes_no_intent(
    world: World, stripe: Stripe
):
    booking = world.booking()
    await booking.paid()
    change = booking.change()
    await world.hand(change.expired())
    await world.hand(change.held())
    await world.quiet()
    assert len(await stripe.intents_of(booking.id)) == 1
    assert await change.told_types() == []


async def test_a_change_heard_of_with_its_end_at_once_leaves_nothing_to_pay(
    world: World, stripe: Stripe
):
    booking = world.booking()
    await booking.paid()
    changes = [booking.change() for _ in range(6)]
    for change in changes:
        await asyncio.gather(world.hand(change.held()), world.hand(change.expired()))
    await world.hurry()
    for intent in await stripe.intents_of(booking.id):
        own = "change_id" not in intent["metadata"]
        assert intent["status"] == ("succeeded" if own else "canceled")


async def test_a_change_that_lapsed_on_its_way_makes_no_intent(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    change = booking.change(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await world.hand(change.held())
    await world.quiet()
    assert len(await stripe.intents_of(booking.id)) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(["held", "cancelled"])))
async def test_a_cancelled_booking_takes_no_more_for_a_change(
    world: World, stripe: Stripe, order: tuple[str, str]
):
    booking = world.booking()
    await booking.paid()
    change = booking.change()
    told = {"held": change.held(), "cancelled": booking.cancelled(refund=5000)}
    for step in order:
        await world.hand(told[step])
        await world.quiet()
    further = [one for one in await stripe.intents_of(booking.id) if one["amount"] == 1500]
    assert all(one["status"] == "canceled" for one in further)
    assert (await world.payment(booking.id))["refunded_total"]["amount_minor"] == 5000


async def test_a_booking_that_expired_and_was_paid_late_may_still_change(
    world: World, stripe: Stripe
):
    booking = world.booking()
    await booking.paid()
    await world.hand(booking.expired())  # the money was faster: booking takes the place again
    await booking.change().ready()


async def test_money_for_a_change_that_is_over_says_which_change(world: World, stripe: Stripe):
    """Late: booking decides, and has to know what it was for."""
    booking = world.booking()
    await booking.paid()
    change = booking.change()
    further = await change.ready()
    await stripe.pause()
    await stripe.pay(further)
    await world.hand(change.expired())
    await world.quiet()
    await stripe.resume()
    await world.quiet()
    assert (await change.told_types()).count("payment.succeeded") == 1
    assert "payment.cancelled" not in await change.told_types()
    due = booking.refund_due(further["id"], "already_paid", gbp(1500), change.id)
    await world.hand(due)
    await world.quiet()
    assert (await change.seen())["refunded_total"]["amount_minor"] == 1500
    assert (await world.payment(booking.id))["refunded_total"]["amount_minor"] == 0


async def test_a_declined_change_is_tried_again_with_the_same_payment(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    change = booking.change()
    further = await change.ready()
    await stripe.pay(further, "declined")
    await change.becomes("declined")
    await stripe.pay(further)
    await change.becomes("succeeded")
    assert (await change.told_types()) == ["payment.ready", "payment.failed", "payment.succeeded"]


async def test_every_event_five_times_in_any_order_tells_each_payment_once(
    world: World, stripe: Stripe
):
    booking = world.booking()
    await booking.paid()
    change = booking.change()
    await change.paid()
    for ref in (await booking.ref(), await change.ref()):
        await stripe.deliver(ref, count=5)
    await world.quiet()
    assert (await booking.told_types()).count("payment.succeeded") == 2
    assert (await change.told_types()).count("payment.succeeded") == 1


async def test_the_payment_that_waits_is_shown_first_and_then_the_bookings_own(
    world: World, stripe: Stripe
):
    booking = world.booking()
    own = await booking.paid()
    change = booking.change()
    further = await change.ready()
    shown = await world.payment(booking.id)
    assert (shown["id"], shown["change_id"]) == (further["id"], str(change.id))
    assert shown["client_secret"] == further["client_secret"]
    await world.hand(change.expired())
    await world.quiet()
    assert (await world.payment(booking.id))["id"] == own["id"]
    assert ((await change.seen())["status"], (await change.seen())["client_secret"]) == (
        "cancelled",
        None,
    )


async def test_there_is_no_payment_of_a_change_that_nobody_held(world: World):
    booking = world.booking()
    await booking.paid()
    staff = world.staff("bookings:view")
    path = f"/bookings/{booking.id}/payment?change_id="
    status, problem = await world.request("GET", f"{path}{uuid4()}", staff)
    assert (status, problem["code"]) == (404, "PAYMENT_NOT_FOUND")
    status, problem = await world.request("GET", f"{path}x", staff)
    assert status == 422
    assert problem["errors"][0]["field"].endswith("change_id")


async def test_two_cheaper_changes_are_two_refunds_and_each_only_once(world: World, stripe: Stripe):
    booking = world.booking()
    own = await booking.paid()
    first, second = uuid4(), uuid4()
    due = [
        booking.refund_due(own["id"], "price_difference", gbp(1000), first),
        booking.refund_due(own["id"], "price_difference", gbp(700), second),
    ]
    await asyncio.gather(*(world.hand(message) for message in due * 3))
    await world.quiet()
    assert sorted(one["amount"] for one in await stripe.refunds_of(await booking.ref())) == [
        700,
        1000,
    ]
    totals = [
        one["refunded_total"]["amount_minor"]
        for one in await booking.told()
        if one["type"] == "payment.refunded.v1"
    ]
    assert totals[-1] == 1700


async def test_a_difference_larger_than_its_payment_is_refused_not_cut_down(
    world: World, stripe: Stripe
):
    booking = world.booking()
    await booking.paid()
    further = await booking.change(1500).paid()
    due = booking.refund_due(further["id"], "price_difference", gbp(1501), uuid4())
    await world.hand(due)
    await world.quiet()
    told = (await booking.told())[-1]
    assert (told["type"], told["code"]) == ("payment.refund_failed.v1", "over_refund")


@pytest.mark.parametrize(
    ("refund", "of_own", "of_change"), [(6500, 5000, 1500), (5600, 5000, 600), (3250, 3250, 0)]
)
async def test_a_cancelled_booking_gets_back_from_all_its_payments(
    world: World, stripe: Stripe, refund: int, of_own: int, of_change: int
):
    booking = world.booking()
    await booking.paid()
    change = booking.change(1500)
    await change.paid()
    cancelled = booking.cancelled(refund=refund)
    await asyncio.gather(*(world.hand(cancelled) for _ in range(3)))
    await world.quiet()
    assert (await world.payment(booking.id))["refunded_total"]["amount_minor"] == of_own
    assert (await change.seen())["refunded_total"]["amount_minor"] == of_change


async def test_a_refund_that_names_no_payment_comes_from_all(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    change = booking.change(1500)
    await change.paid()
    approved = booking.refund_due(None, "approved", gbp(6500))
    for _ in range(2):
        await world.hand(approved)
    await world.quiet()
    assert (await world.payment(booking.id))["refunded_total"]["amount_minor"] == 5000
    assert (await change.seen())["refunded_total"]["amount_minor"] == 1500


async def test_more_than_all_payments_together_is_refused_as_a_whole(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    change = booking.change(1500)
    await change.paid()
    await world.hand(booking.cancelled(refund=6501))
    await world.quiet()
    for ref in (await booking.ref(), await change.ref()):
        assert await stripe.refunds_of(ref) == []
    assert (await booking.told())[-1]["code"] == "over_refund"


async def test_a_refund_of_a_payment_not_known_as_captured_waits(world: World):
    booking = world.booking()
    await booking.paid()
    further = await booking.change().ready()
    with pytest.raises(RetryAfter):
        await world.hand(booking.refund_due(further["id"], "already_paid", gbp(1500)))


async def test_a_lost_answer_to_a_changes_intent_makes_no_second(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    await stripe.fault(method="POST", path="/v1/payment_intents", drop=True, after=True)
    change = booking.change()
    await world.hand(change.held())
    for _ in range(2):
        await world.hurry()
    assert (await change.seen())["status"] == "ready"
    assert len(await stripe.intents_of(booking.id)) == 2


@pytest.mark.parametrize("seed", range(4))
async def test_a_story_told_twice_in_any_order_never_gives_back_too_much_nor_leaves_a_way_to_pay(
    world: World, stripe: Stripe, seed: int
):
    """Two changes, one paid and one given up, a cheaper move, and the end of it all."""
    booking = world.booking()
    own = await booking.paid()
    paid, given_up, never_paid = (booking.change(1500) for _ in range(3))
    further = await paid.paid()
    both = own["id"], further["id"]
    changes = partial(goal, payments=both, for_changes=True)
    messages = [
        given_up.held(),
        given_up.expired(),
        never_paid.held(),
        booking.refund_due(None, "price_difference", gbp(1000), uuid4(), goal=changes(1000)),
        booking.refund_due(None, "price_difference", gbp(400), uuid4(), goal=changes(1400)),
        booking.cancelled(5100, goal=goal(5100, both)),  # all that is left
    ] * 2
    random.Random(seed).shuffle(messages)
    for message in messages:
        await world.hand(message)
    await world.hurry()
    taken = {await booking.ref(): 5000, await paid.ref(): 1500}
    for ref, amount in taken.items():
        assert sum(one["amount"] for one in await stripe.refunds_of(ref)) <= amount
    for intent in await stripe.intents_of(booking.id):
        assert intent["status"] == ("succeeded" if intent["id"] in taken else "canceled")
    # Whatever came first, all that is owed went back, of whichever payment had it left.
    assert sum(await world.amounts_of(booking)) == 6500
