"""Paying on Stripe's own page: one payment, whatever the page, the events and the clock do."""

import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from payments_checkout import ASKS, CARD, FAMILY, POOR, at_checkout, usd
from payments_world import Booking, Stripe, World, running

from chassis.testing import DatabaseUrls
from contracts.booking import VenueChanged
from contracts.testing import example


@pytest.fixture
def family(world: World) -> Booking:
    """Two adults and a child, who chose to pay on Stripe's page."""
    return at_checkout(world)


async def test_prc06_and_s3_10_the_page_shows_a_line_for_each_tier(
    world: World, stripe: Stripe, family: Booking
):
    payment = await family.ready()
    assert (payment["method"], payment["client_secret"]) == ("checkout", None)
    [session] = await stripe.sessions_of(family.id)
    assert payment["redirect_url"] == session["url"]
    assert (session["amount_total"], session["currency"]) == (9500, "usd")
    items = await stripe.call("GET", f"/v1/checkout/sessions/{session['id']}/line_items")
    assert [
        (one["description"], one["quantity"], one["amount_total"]) for one in items["data"]
    ] == [
        ("Adult", 2, 7000),
        ("Child", 1, 2500),
    ]
    assert session["customer_email"] == "guest@example.com"
    assert session["success_url"].startswith("https://venue.example/booking/success?booking_id=")
    assert session["cancel_url"].startswith("https://venue.example/booking/cancel?booking_id=")
    metadata = session["metadata"]
    assert (metadata["adult_count"], metadata["child_count"]) == ("2", "1")
    assert metadata["booking_id"] == str(family.id)
    assert not any("@" in value or "Guest" in value for value in metadata.values())
    [told] = await family.told()
    assert (told["type"], told["method_kind"]) == ("payment.ready.v1", "redirect")


async def test_pay09_a_venue_that_asks_for_cards_of_its_country_asks_for_the_address(
    world: World, stripe: Stripe
):
    venue_id = uuid4()
    venue = example(VenueChanged).model_copy(
        update={"org_id": world.org_id, "venue_id": venue_id, "billing_countries": ("GB",)}
    )
    await world.hand(venue, sequence=1_000_000)
    on_page = at_checkout(world, venue_id=venue_id)
    assert (await on_page.ready())["billing_countries"] == ["GB"]
    [session] = await stripe.sessions_of(on_page.id)
    assert session["billing_address_collection"] == "required"
    by_card = world.booking(venue_id=venue_id)
    assert (await by_card.ready())["billing_countries"] == ["GB"]

    anywhere = at_checkout(world)
    assert (await anywhere.ready())["billing_countries"] == []
    [session] = await stripe.sessions_of(anywhere.id)
    assert session["billing_address_collection"] is None


async def test_a_deposit_is_one_line_of_what_is_due(world: World, stripe: Stripe):
    booking = at_checkout(world, amount_due_now=usd(2000))
    await booking.ready()
    [session] = await stripe.sessions_of(booking.id)
    items = await stripe.call("GET", f"/v1/checkout/sessions/{session['id']}/line_items")
    assert [(one["quantity"], one["amount_total"]) for one in items["data"]] == [(1, 2000)]


async def test_f08_a_hold_of_minutes_has_a_session_of_an_hour_that_we_end_ourselves(
    world: World, stripe: Stripe, family: Booking
):
    await family.ready()
    [session] = await stripe.sessions_of(family.id)
    assert 55 * 60 < session["expires_at"] - time.time() <= 60 * 60
    await world.hand(family.expired())
    await family.becomes("cancelled")
    assert (await stripe.checkout(session["id"]))["status"] == "expired"
    assert (await stripe.at_checkout(session["id"], "pay", card=CARD))["detail"]
    assert (await world.payment(family.id))["redirect_url"] is None
    assert await family.told_types() == ["payment.ready", "payment.cancelled"]


async def test_a_longer_holds_session_outlives_it(world: World, stripe: Stripe):
    booking = at_checkout(world, expires_at=datetime.now(UTC) + timedelta(hours=3))
    await booking.ready()
    [session] = await stripe.sessions_of(booking.id)
    assert session["expires_at"] - time.time() > 3 * 3600 + 30 * 60


async def test_s3_11_the_browser_is_back_before_the_webhook_and_only_reads(
    world: World, stripe: Stripe, family: Booking
):
    await stripe.pause()
    await family.ready()
    session = await family.ref()
    await stripe.at_checkout(session, "pay", card=CARD)
    for _ in range(3):
        assert (await world.payment(family.id))["status"] == "ready"
    assert await family.told_types() == ["payment.ready"]
    await stripe.resume()
    paid = await family.becomes("succeeded")
    assert (paid["redirect_url"], paid["client_secret"]) == (None, None)
    await world.quiet()
    assert await family.told_types() == ["payment.ready", "payment.succeeded"]
    assert (await family.told())[-1]["amount"] == {"amount_minor": 9500, "currency": "USD"}


@pytest.mark.parametrize("seed", range(4))
async def test_f26_the_events_of_session_and_intent_have_one_effect_in_any_order(
    world: World, stripe: Stripe, family: Booking, seed: int
):
    await family.ready()
    session = await family.ref()
    await stripe.pause()
    await stripe.at_checkout(session, "pay", card=POOR)
    await stripe.at_checkout(session, "pay", card=CARD)
    intent = (await stripe.checkout(session))["payment_intent"]["id"]
    page = await stripe.call("GET", "/v1/events?limit=100")
    events = [
        event["id"]
        for event in page["data"]
        if event["data"]["object"].get("payment_intent") == intent
        or event["data"]["object"]["id"] in {intent, session}
    ]
    order = [*events, *events]
    random.Random(seed).shuffle(order)
    await stripe.resume()
    for event in order:
        await stripe.call("POST", f"/_sandbox/events/{event}/deliver", {})
    await family.becomes("succeeded")
    await world.quiet()
    assert (await family.told_types()).count("payment.succeeded") == 1
    rows = await world.rows("SELECT provider_ref, money_ref FROM payments")
    assert [(row["provider_ref"], row["money_ref"]) for row in rows] == [(session, intent)]


async def test_a_refusal_is_told_and_the_page_takes_another_card(
    world: World, stripe: Stripe, family: Booking
):
    payment = await family.ready()
    session = await family.ref()
    await stripe.at_checkout(session, "pay", card=POOR)
    declined = await family.becomes("declined")
    assert declined["failure"]["code"] == "insufficient_funds"
    assert declined["redirect_url"] == payment["redirect_url"]
    await stripe.at_checkout(session, "pay", card=CARD)
    await family.becomes("succeeded")


async def test_the_bank_asks_on_the_page_and_the_answer_pays(
    world: World, stripe: Stripe, family: Booking
):
    await family.ready()
    session = await family.ref()
    intent = await stripe.at_checkout(session, "pay", card=ASKS)
    await family.becomes("requires_action")
    await stripe.authenticate(intent["id"], approve=True)
    await family.becomes("succeeded")


async def test_complete_is_not_paid_until_it_clears(world: World, stripe: Stripe, family: Booking):
    await family.ready()
    session = await family.ref()
    await stripe.at_checkout(session, "pay")
    await family.becomes("processing")
    await world.quiet()
    assert "payment.succeeded" not in await family.told_types()
    await stripe.at_checkout(session, "clear", approve=True)
    await family.becomes("succeeded")
    assert (await family.told_types())[-1] == "payment.succeeded"


async def test_what_bounces_has_failed_for_good(world: World, stripe: Stripe, family: Booking):
    await family.ready()
    session = await family.ref()
    await stripe.at_checkout(session, "pay")
    await family.becomes("processing")
    await stripe.at_checkout(session, "clear", approve=False)
    await family.becomes("failed")
    await world.quiet()
    last = (await family.told())[-1]
    assert (last["type"], last["terminal"]) == ("payment.failed.v1", True)
    assert (await family.told_types()).count("payment.failed") == 1


async def test_a_session_that_ends_by_itself_is_a_payment_that_is_over(
    world: World, stripe: Stripe, family: Booking
):
    await family.ready()
    await stripe.at_checkout(await family.ref(), "lapse")
    await family.becomes("cancelled")
    assert (await family.told_types())[-1] == "payment.cancelled"


async def test_s3_12_paid_in_the_moment_the_hold_ends_is_late_money_and_goes_back(
    world: World, stripe: Stripe, family: Booking
):
    payment = await family.ready()
    session = await family.ref()
    await stripe.pause()
    await stripe.at_checkout(session, "pay", card=CARD)
    await world.hand(family.expired())
    await family.becomes("succeeded")
    await stripe.resume()
    await world.quiet()
    assert await family.told_types() == ["payment.ready", "payment.succeeded"]
    late = family.unfulfillable(payment["id"]).model_copy(update={"refund": usd(9500)})
    await world.hand(late)
    await world.hand(late)
    await world.quiet()
    intent = (await stripe.checkout(session))["payment_intent"]["id"]
    [refund] = await stripe.refunds_of(intent)
    assert refund["amount"] == 9500
    assert (await world.payment(family.id))["refunded_total"]["amount_minor"] == 9500


async def test_a_refund_by_hand_at_stripe_finds_the_payment_by_its_intent(
    world: World, stripe: Stripe, family: Booking
):
    await family.ready()
    session = await family.ref()
    await stripe.at_checkout(session, "pay", card=CARD)
    await family.becomes("succeeded")
    intent = (await stripe.checkout(session))["payment_intent"]["id"]
    await stripe.call("POST", "/v1/refunds", form={"payment_intent": intent, "amount": "2500"})
    await world.quiet()
    assert (await world.payment(family.id))["refunded_total"]["amount_minor"] == 2500


async def test_an_answer_lost_is_asked_for_with_the_same_key_and_makes_one_session(
    world: World, stripe: Stripe, family: Booking
):
    await stripe.fault(method="POST", path="/v1/checkout/sessions", drop=True, after=True)
    await world.hand(family.hold())
    await world.hurry()
    assert len(await stripe.sessions_of(family.id)) == 1
    assert await family.told_types() == ["payment.ready"]


@pytest.mark.usefixtures("patient_retries")
async def test_a_day_later_the_session_is_found_instead_of_made_again(world: World, stripe: Stripe):
    booking = at_checkout(world, expires_at=datetime.now(UTC) + timedelta(days=3))
    await stripe.fault(method="POST", path="/v1/checkout/sessions", drop=True, after=True)
    await world.hand(booking.hold())
    await world.quiet()
    await stripe.forget_keys()
    await world.rows("UPDATE attempts SET created_at = created_at - interval '25 hours'")
    await world.hurry()
    assert len(await stripe.sessions_of(booking.id)) == 1
    assert await booking.told_types() == ["payment.ready"]


async def test_a_dearer_change_is_paid_on_a_page_of_its_own(
    world: World, stripe: Stripe, family: Booking
):
    await family.ready()
    await stripe.at_checkout(await family.ref(), "pay", card=CARD)
    await family.becomes("succeeded")
    change = family.change(
        2500,
        payment_methods=("checkout",),
        payment_method="checkout",
        amount_due=usd(2500),
        lines=FAMILY,
    )
    payment = await change.ready()
    assert f"/c/pay/{await change.ref()}" in payment["redirect_url"]
    await stripe.at_checkout(await change.ref(), "pay", card=CARD)
    await change.becomes("succeeded")


async def test_without_pages_to_come_back_to_the_card_form_is_used(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]], sandbox: str
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox, PUBLIC_URL=None) as world:
        payment = await at_checkout(world).ready()
        assert payment["client_secret"]
        assert payment["redirect_url"] is None
