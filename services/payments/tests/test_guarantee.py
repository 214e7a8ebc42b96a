"""OPN-06: a card is saved when booking; who does not come is charged the fee, once."""

from datetime import UTC, datetime, timedelta

import pytest
from payments_guarantee import (
    customers_of,
    fee_due,
    fees_of,
    guaranteed,
    released,
    save_card,
    with_card,
)
from payments_world import Booking, Stripe, World, gbp, running

from chassis.testing import DatabaseUrls
from payments.timers import FeeLapsed
from sandbox.conformance import check_request


async def charges_of(stripe: Stripe, booking: Booking) -> list[int]:
    """What was really taken, in minor units, oldest first."""
    found = await stripe.intents_of(booking.id)
    return [one["amount_received"] for one in reversed(found) if one["amount_received"]]


async def test_a_card_is_saved_and_nothing_is_charged(world: World, stripe: Stripe):
    booking = guaranteed(world)
    payment = await booking.ready()
    assert (payment["kind"], payment["purpose"]) == ("setup", "booking")
    assert payment["amount"] == {"amount_minor": 0, "currency": "GBP"}
    assert payment["client_secret"].startswith("seti_")
    [told] = await booking.told()
    assert (told["type"], told["method_kind"]) == ("payment.ready.v1", "setup_intent")

    await save_card(booking)
    await booking.becomes("succeeded")
    await world.quiet()

    assert await booking.told_types() == ["payment.ready", "payment.succeeded"]
    assert (await booking.told())[-1]["amount"] == {"amount_minor": 0, "currency": "GBP"}
    assert await stripe.intents_of(booking.id) == []
    [customer] = await customers_of(booking)
    assert (customer["email"], customer["name"], customer["phone"]) == (None, None, None)


async def test_what_is_asked_of_stripe_is_what_its_package_knows_and_nothing_personal(
    world: World, stripe: Stripe
):
    booking = await with_card(world)
    await world.hand(fee_due(booking))
    await world.quiet()
    asked = [
        one
        for one in await stripe.call("GET", "/_sandbox/requests")
        if str(booking.id) in str(one["params"])
    ]
    paths = [one["path"] for one in asked]
    assert paths == ["/v1/customers", "/v1/setup_intents", "/v1/payment_intents"]
    for one in asked:
        assert check_request(one["method"], one["path"], one["params"]) == []
        assert "Guest" not in str(one["params"])
        # The receipt of what is charged is all that an address is for.
        assert ("@" in str(one["params"])) == (one["path"] == "/v1/payment_intents")
    charge = asked[-1]["params"]
    assert (charge["confirm"], charge["off_session"]) == ("true", "true")
    assert "No-show fee" in charge["description"]


@pytest.mark.parametrize("card", ["good", "asks once"])
async def test_the_fee_is_charged_once_however_often_it_is_due(
    world: World, stripe: Stripe, card: str
):
    booking = await with_card(world, card)
    for _ in range(3):
        await world.hand(fee_due(booking))
    await world.quiet()
    await stripe.deliver((await stripe.intents_of(booking.id))[0]["id"], 5)
    await world.quiet()
    assert await charges_of(stripe, booking) == [2500]
    [told] = await fees_of(booking)
    assert (told["type"], told["amount"]["amount_minor"]) == ("payment.fee_charged.v1", 2500)
    assert (await world.payment(booking.id))["purpose"] == "booking"
    # With the fee, the card has served its purpose.
    assert await customers_of(booking) == []
    [row] = await world.rows("SELECT customer_ref, method_ref FROM payments WHERE saves_card")
    assert (row["customer_ref"], row["method_ref"]) == (None, None)


async def test_a_declined_fee_is_told_and_tried_again_when_staff_say_so(
    world: World, stripe: Stripe
):
    booking = await with_card(world, "fails later")
    await world.hand(fee_due(booking))
    await world.quiet()
    [no] = await fees_of(booking)
    assert (no["code"], no["decline_code"]) == ("card_declined", "generic_decline")
    assert (no["authentication"], no["final"]) == (False, False)

    await world.hand(fee_due(booking))  # not a retry: nothing happens
    await world.hand(fee_due(booking, retry=True))
    await world.quiet()

    [intent] = await stripe.intents_of(booking.id)
    tried = await stripe.requests("POST", f"/v1/payment_intents/{intent['id']}/confirm")
    assert [one["params"]["off_session"] for one in tried] == ["true"]
    assert check_request("POST", tried[0]["path"], tried[0]["params"]) == []
    assert [one["type"] for one in await fees_of(booking)] == ["payment.fee_failed.v1"] * 2
    # The guest may pay by another card until it is given up.
    await stripe.pay(await world.payment(booking.id))
    await world.quiet()
    assert (await fees_of(booking))[-1]["type"] == "payment.fee_charged.v1"
    assert await charges_of(stripe, booking) == [2500]


async def test_a_bank_that_asks_lets_the_guest_pay_on_session(world: World, stripe: Stripe):
    booking = await with_card(world, "asks always")
    await world.hand(fee_due(booking))
    await world.quiet()
    [no] = await fees_of(booking)
    assert (no["code"], no["authentication"]) == ("authentication_required", True)
    fee = await world.payment(booking.id)
    assert (fee["purpose"], fee["kind"], fee["status"]) == ("no_show_fee", "payment", "declined")

    await stripe.pay(fee, "asks")
    await booking.becomes("requires_action")
    [intent] = await stripe.intents_of(booking.id)
    await stripe.authenticate(intent["id"], approve=True)
    await world.quiet()

    assert (await fees_of(booking))[-1]["type"] == "payment.fee_charged.v1"
    assert await charges_of(stripe, booking) == [2500]
    assert await customers_of(booking) == []


async def test_a_fee_that_nobody_pays_is_given_up_at_its_deadline(world: World, stripe: Stripe):
    booking = await with_card(world, "asks always")
    await world.hand(fee_due(booking))
    await world.quiet()
    [row] = await world.rows("SELECT id FROM payments WHERE no_show_fee")
    fee = await world.payment(booking.id)
    for _ in range(2):
        await world.hand(FeeLapsed(payment_id=row["id"]))
    await world.quiet()
    assert [one["final"] for one in await fees_of(booking)] == [False, True]
    [intent] = await stripe.intents_of(booking.id)
    assert intent["status"] == "canceled"
    assert fee["client_secret"]
    assert (await world.payment(booking.id))["client_secret"] is None
    assert await customers_of(booking) == []


async def test_a_fee_without_a_saved_card_fails_at_once_and_for_good(world: World):
    booking = world.booking()
    for _ in range(2):
        await world.hand(fee_due(booking))
    [no] = await fees_of(booking)
    assert (no["code"], no["final"]) == ("no_saved_card", True)


async def test_with_payments_switched_off_no_fee_is_charged(urls: DatabaseUrls, sandbox: str):
    async with running(urls, sandbox, worker=False, PAYMENTS_ENABLED="false") as off:
        booking = off.booking()
        await off.hand(fee_due(booking))
        [no] = await fees_of(booking)
        assert no["code"] == "payments_disabled"


async def test_where_money_is_due_as_well_the_payment_saves_its_card(world: World, stripe: Stripe):
    booking = guaranteed(world, due=5000)
    payment = await booking.paid()
    assert (payment["kind"], payment["amount"]["amount_minor"]) == ("payment", 5000)
    [intent] = await stripe.intents_of(booking.id)
    assert intent["setup_future_usage"] == "off_session"
    await world.hand(fee_due(booking, 1500))
    await world.quiet()
    assert await charges_of(stripe, booking) == [5000, 1500]
    # Refunds reach both, oldest first.
    await world.hand(booking.refund_due(None, "goodwill", gbp(6000)))
    await world.quiet()
    assert sum(one["amount_refunded"] for one in await _charges(stripe, booking)) == 6000


async def _charges(stripe: Stripe, booking: Booking) -> list[dict[str, int]]:
    found = [
        await stripe.call("GET", f"/v1/charges/{one['latest_charge']}")
        for one in await stripe.intents_of(booking.id)
    ]
    return found


async def test_a_hold_that_ends_cancels_the_setup_and_leaves_no_customer(
    world: World, stripe: Stripe
):
    booking = guaranteed(world)
    await booking.ready()
    await world.hand(booking.expired())
    await world.quiet()
    setup = await stripe.call("GET", f"/v1/setup_intents/{await booking.ref()}")
    assert setup["status"] == "canceled"
    assert await booking.told_types() == ["payment.ready", "payment.cancelled"]
    assert await customers_of(booking) == []


async def test_a_cancelled_booking_charges_nothing_and_forgets_the_card(
    world: World, stripe: Stripe
):
    booking = await with_card(world)
    await world.hand(booking.cancelled())
    await world.quiet()
    assert await charges_of(stripe, booking) == []
    assert await customers_of(booking) == []
    detached = [one["type"] for one in (await stripe.call("GET", "/v1/events?limit=100"))["data"]]
    assert {"payment_method.detached", "customer.deleted"} <= set(detached)


async def test_a_card_saved_too_late_is_told_and_forgotten_when_it_is_not_wanted(
    world: World, stripe: Stripe
):
    booking = guaranteed(world)
    await booking.ready()
    await stripe.pause()
    await save_card(booking)
    await world.hand(booking.expired())
    await stripe.resume()
    await world.quiet()
    assert (await booking.told_types())[-1] == "payment.succeeded"
    assert len(await customers_of(booking)) == 1  # the booking may take its place again
    await world.hand(released(booking))
    await world.hand(released(booking))
    await world.quiet()
    assert await customers_of(booking) == []


async def test_a_card_that_is_declined_when_saved_may_be_followed_by_another(world: World):
    booking = guaranteed(world)
    await booking.ready()
    await save_card(booking, "declined")
    failed = await booking.becomes("declined")
    assert failed["failure"]["code"] == "card_declined"
    await save_card(booking)
    await booking.becomes("succeeded")
    await world.quiet()
    assert await booking.told_types() == ["payment.ready", "payment.failed", "payment.succeeded"]


@pytest.mark.usefixtures("patient_retries")
async def test_a_lost_setup_is_found_a_day_later_and_its_customer_used(
    world: World, stripe: Stripe
):
    booking = guaranteed(world, expires_at=datetime.now(UTC) + timedelta(days=3))
    await stripe.fault(method="POST", path="/v1/setup_intents", drop=True, after=True)
    await world.hand(booking.hold())
    await world.quiet()
    await stripe.forget_keys()
    await world.rows("UPDATE attempts SET created_at = created_at - interval '25 hours'")
    await world.hurry()
    assert await booking.told_types() == ["payment.ready"]
    assert len(await customers_of(booking)) == 1


async def test_another_organisation_sees_no_fee(world: World):
    booking = await with_card(world)
    await world.hand(fee_due(booking))
    await world.quiet()
    assert await world.of_another_organisation().rows("SELECT FROM payments") == []
