"""Nobody can pay for a booking that is over; who paid in time is not forgotten."""

import pytest
from payments_world import Booking, Stripe, World


async def _end(world: World, booking: Booking, how: str) -> None:
    endings = {
        "expired": booking.expired(),
        "cancelled": booking.cancelled(),
        "payment_failed": booking.payment_failed(final=True),
    }
    await world.hand(endings[how])
    await world.quiet()


@pytest.mark.parametrize("how", ["expired", "cancelled", "payment_failed"])
async def test_the_end_of_the_booking_cancels_at_stripe(world: World, stripe: Stripe, how: str):
    booking = world.booking()
    await booking.ready()
    await _end(world, booking, how)
    assert (await stripe.intent(await booking.ref()))["status"] == "canceled"
    over = await world.payment(booking.id)
    assert (over["status"], over["client_secret"]) == ("cancelled", None)
    told = (await booking.told())[-1]
    assert (told["type"], told["reason"]) == ("payment.cancelled.v1", how)


async def test_a_failure_that_is_not_final_leaves_the_payment_payable(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    await stripe.pay(payment, "declined")
    await booking.becomes("declined")
    await world.hand(booking.payment_failed(final=False))
    await stripe.pay(payment)
    await booking.becomes("succeeded")


async def test_paid_while_we_were_about_to_cancel_is_late_money(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    await stripe.pause()
    await stripe.pay(payment)
    await _end(world, booking, "expired")
    assert (await world.payment(booking.id))["status"] == "succeeded"
    assert (await booking.told_types())[-1] == "payment.succeeded"
    await stripe.resume()
    await world.quiet()
    assert (await booking.told_types()).count("payment.succeeded") == 1


async def test_a_challenge_under_way_is_cancelled_too(world: World, stripe: Stripe):
    booking = world.booking()
    await stripe.pay(await booking.ready(), "asks")
    await booking.becomes("requires_action")
    await _end(world, booking, "expired")
    assert (await stripe.intent(await booking.ref()))["status"] == "canceled"


async def test_the_end_told_three_times_cancels_once(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.ready()
    for _ in range(3):
        await _end(world, booking, "expired")
    assert (await booking.told_types()).count("payment.cancelled") == 1
    path = f"/v1/payment_intents/{await booking.ref()}/cancel"
    assert len(await stripe.requests("POST", path)) == 1


@pytest.mark.usefixtures("patient_retries")
async def test_expiry_while_stripe_is_away_ends_in_no_intent_or_a_cancelled_one(
    world: World, stripe: Stripe
):
    booking = world.booking()
    # The answer is lost, the effect is not: the worst case.
    await stripe.fault(method="POST", path="/v1/payment_intents", status=503, after=True)
    await world.hand(booking.hold())
    await world.hand(booking.expired())
    await world.hurry()
    for intent in await stripe.intents_of(booking.id):
        assert intent["status"] == "canceled"
    assert "payment.ready" not in await booking.told_types()
    assert (await booking.told_types())[-1] == "payment.cancelled"


async def test_cancelling_at_stripe_is_tried_until_it_works(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.ready()
    await stripe.fault(method="POST", path="*/cancel", status=500, count=2)
    await _end(world, booking, "expired")
    for _ in range(2):
        await world.hurry()
    assert (await stripe.intent(await booking.ref()))["status"] == "canceled"
    assert (await booking.told_types()).count("payment.cancelled") == 1


@pytest.mark.usefixtures("patient_retries")
async def test_a_hold_that_lapsed_before_stripe_could_be_reached_gets_no_intent(
    world: World, stripe: Stripe
):
    """Nothing is created after the end; it only takes until a search would surely find one."""
    booking = world.booking()
    await stripe.fault(method="POST", path="/v1/payment_intents", status=503)
    await world.hand(booking.hold())
    await world.quiet()
    await world.hand(booking.expired())
    await world.hurry()
    assert (await world.payment(booking.id))["status"] == "preparing"
    await world.advance(seconds=61)
    await world.hurry()
    assert (await world.payment(booking.id))["status"] == "cancelled"
    assert await stripe.intents_of(booking.id) == []
    assert await booking.told_types() == ["payment.cancelled"]
