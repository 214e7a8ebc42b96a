"""From a hold to something the customer can pay."""

import asyncio
from datetime import UTC, datetime, timedelta

from payments_world import Stripe, World, gbp

from contracts.booking import VenueChanged
from contracts.testing import example


async def test_a_hold_becomes_one_intent_that_the_customer_can_pay(world: World, stripe: Stripe):
    await world.hand(example(VenueChanged).model_copy(update={"org_id": world.org_id}))
    booking = world.booking()
    payment = await booking.ready()

    assert payment["client_secret"].startswith("pi_")
    assert payment["publishable_key"] == stripe.key.replace("sk_", "pk_")
    assert payment["amount"] == {"amount_minor": 5000, "currency": "GBP"}
    [intent] = await stripe.intents_of(booking.id)
    assert intent["metadata"]["venue"] == "example-hall"
    assert (intent["amount"], intent["currency"]) == (5000, "gbp")
    assert intent["receipt_email"] == "guest@example.com"
    assert intent["statement_descriptor_suffix"] == "EXAMPLE HALL"
    assert await booking.told_types() == ["payment.ready"]


async def test_only_ids_and_the_venue_reach_stripes_metadata(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    [intent] = await stripe.intents_of(booking.id)
    [attempt] = await world.rows("SELECT id FROM attempts")
    hold = booking.hold()
    assert intent["metadata"] == {
        "booking_id": str(booking.id),
        "org_id": str(world.org_id),
        "payment_id": payment["id"],
        "attempt_id": str(attempt["id"]),
        "session_id": str(hold.session_id),
        "offering_id": str(hold.offering_id),
    }


async def test_the_same_hold_heard_five_times_at_once_makes_one_intent(
    world: World, stripe: Stripe
):
    booking = world.booking()
    hold = booking.hold()
    await asyncio.gather(*(world.hand(hold) for _ in range(5)))
    await world.quiet()
    assert len(await stripe.intents_of(booking.id)) == 1
    assert await booking.told_types() == ["payment.ready"]


async def test_a_lapsed_hold_gets_no_intent(world: World, stripe: Stripe):
    booking = world.booking()
    lapsed = booking.hold().model_copy(
        update={"expires_at": datetime.now(UTC) - timedelta(seconds=1)}
    )
    await world.hand(lapsed)
    await world.quiet()
    assert await stripe.intents_of(booking.id) == []
    assert await booking.told() == []


async def test_a_booking_known_to_be_over_gets_no_intent(world: World, stripe: Stripe):
    expired, cancelled = world.booking(), world.booking()
    await world.hand(expired.expired())
    await world.hand(cancelled.cancelled())
    for booking in (expired, cancelled):
        await world.hand(booking.hold())
    await world.quiet()
    for booking in (expired, cancelled):
        assert await stripe.intents_of(booking.id) == []
        assert await booking.told() == []


async def test_hold_and_expiry_handled_at_once_never_leave_a_live_intent(
    world: World, stripe: Stripe
):
    bookings = [world.booking() for _ in range(8)]
    await asyncio.gather(
        *(world.hand(booking.hold()) for booking in bookings),
        *(world.hand(booking.expired()) for booking in bookings),
    )
    await world.quiet()
    for booking in bookings:
        statuses = [intent["status"] for intent in await stripe.intents_of(booking.id)]
        assert statuses in ([], ["canceled"])
        # The hold may have been prepared before the end of it had its turn.
        assert (await booking.told_types())[-1:] != ["payment.ready"]


async def test_nothing_is_prepared_when_nothing_is_due(world: World, stripe: Stripe):
    booking = world.booking(amount_due_now=gbp(0))
    await world.hand(booking.hold())
    await world.quiet()
    assert await stripe.intents_of(booking.id) == []


async def test_a_sum_below_the_minimum_fails_without_asking_stripe(world: World, stripe: Stripe):
    booking = world.booking(amount_due_now=gbp(29))
    await world.hand(booking.hold())
    await world.quiet()
    assert await stripe.intents_of(booking.id) == []
    [told] = await booking.told()
    assert (told["type"], told["code"], told["terminal"]) == (
        "payment.failed.v1",
        "amount_too_small",
        True,
    )


async def test_no_personal_data_is_stored_in_the_clear_and_none_after_the_call(world: World):
    booking = world.booking()
    await booking.ready()
    [attempt] = await world.rows("SELECT body, contact FROM attempts")
    assert "guest" not in attempt["body"].lower()
    assert attempt["contact"] is None
    [payment] = await world.rows("SELECT client_secret FROM payments")
    assert "secret" not in payment["client_secret"]


async def test_an_address_that_stripe_refuses_costs_only_the_receipt(world: World, stripe: Stripe):
    from chassis.sealing import Sealer
    from contracts.testing import EXAMPLE_CONTACT_KEYS

    booking = world.booking()
    sealed = Sealer(EXAMPLE_CONTACT_KEYS).seal({"email": "no address"})
    await world.hand(booking.hold().model_copy(update={"contact": sealed}))
    await world.quiet()
    [intent] = await stripe.intents_of(booking.id)
    assert intent["receipt_email"] is None
    assert await booking.told_types() == ["payment.ready"]
