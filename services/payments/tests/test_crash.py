"""kill -9 between the provider's answer and its recording: the run after it finishes the same call."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from payments_checkout import at_checkout
from payments_connect import Business
from payments_guarantee import customers_of, fee_due, guaranteed, save_card
from payments_worker import killed, working
from payments_world import PATIENCE, Booking, World, running

from chassis.testing import DatabaseUrls, Vhost, eventually
from contracts.offerings import OfferingChanged
from contracts.testing import example


async def _killed_then_restarted(
    world: World, vhost: Vhost, failpoint: str, over: Callable[[], Awaitable[bool]]
) -> None:
    await killed(world, vhost, failpoint)
    assert not await over()
    async with working(world, vhost):
        await eventually(over, timeout=PATIENCE, what="the next worker finished the call")
        await world.quiet()  # what is left would be the first call of the next who is killed


@pytest.mark.parametrize("failpoint", ["intent.before_call", "intent.after_call"])
async def test_a_killed_worker_makes_one_intent_and_one_refund(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    vhost: Vhost,
    failpoint: str,
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox, worker=False) as world:
        booking = Booking(world)
        await world.hand(booking.hold())

        async def ready() -> bool:
            rows = await world.rows("SELECT status FROM payments")
            return [row["status"] for row in rows] == ["ready"]

        await _killed_then_restarted(world, vhost, failpoint, ready)
        [intent] = await world.stripe.intents_of(booking.id)

        payment = await world.payment(booking.id)
        await world.stripe.pay(payment)
        async with working(world, vhost):
            await booking.becomes("succeeded")
            await world.quiet()

        await world.hand(booking.unfulfillable(payment["id"]))

        async def refunded() -> bool:
            return (await world.payment(booking.id))["refunded_total"]["amount_minor"] == 5000

        await _killed_then_restarted(world, vhost, failpoint, refunded)
        [refund] = await world.stripe.refunds_of(intent["id"])
        assert refund["amount"] == 5000


@pytest.mark.parametrize("failpoint", ["intent.before_call", "intent.after_call"])
async def test_a_killed_worker_makes_one_intent_for_a_change_and_cancels_it(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    vhost: Vhost,
    failpoint: str,
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox, worker=False) as world:
        booking = Booking(world)
        change = booking.change(1500)
        await world.hand(change.held())

        async def stands(status: str) -> bool:
            return (await change.seen())["status"] == status

        await _killed_then_restarted(world, vhost, failpoint, lambda: stands("ready"))
        [intent] = await world.stripe.intents_of(booking.id)
        assert intent["amount"] == 1500

        await world.hand(change.expired())
        await _killed_then_restarted(world, vhost, failpoint, lambda: stands("cancelled"))
        [intent] = await world.stripe.intents_of(booking.id)
        assert intent["status"] == "canceled"


@pytest.mark.parametrize("failpoint", ["intent.before_call", "intent.after_call"])
async def test_a_killed_worker_makes_one_session_expires_it_and_keeps_one_catalogue(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    vhost: Vhost,
    failpoint: str,
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox, worker=False) as world:
        booking = at_checkout(world)
        await world.hand(booking.hold())

        async def stands(status: str) -> bool:
            return (await world.payment(booking.id))["status"] == status

        await _killed_then_restarted(world, vhost, failpoint, lambda: stands("ready"))
        [session] = await world.stripe.sessions_of(booking.id)
        assert session["status"] == "open"

        await world.hand(booking.expired())
        await _killed_then_restarted(world, vhost, failpoint, lambda: stands("cancelled"))
        [session] = await world.stripe.sessions_of(booking.id)
        assert session["status"] == "expired"

        offering = example(OfferingChanged).model_copy(update={"org_id": world.org_id})
        await world.hand(offering)

        async def synced() -> bool:
            rows = await world.rows("SELECT FROM products WHERE synced_sequence IS NOT NULL")
            return len(rows) == 1

        await _killed_then_restarted(world, vhost, failpoint, synced)
        made = await world.stripe.call("GET", "/v1/prices?limit=100")
        shown = [one for one in made["data"] if one["lookup_key"]]
        assert sorted(one["unit_amount"] for one in shown) == [2500, 3500]


@pytest.mark.parametrize("failpoint", ["intent.before_call", "intent.after_call"])
async def test_a_killed_worker_saves_one_card_charges_it_once_and_forgets_it(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    vhost: Vhost,
    failpoint: str,
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox, worker=False) as world:
        booking = guaranteed(world)
        await world.hand(booking.hold())

        async def stands(status: str) -> bool:
            return (await world.payment(booking.id))["status"] == status

        await _killed_then_restarted(world, vhost, failpoint, lambda: stands("ready"))
        [setup] = (await world.stripe.call("GET", "/v1/setup_intents"))["data"]
        [customer] = await customers_of(booking)
        assert setup["customer"] == customer["id"]

        await save_card(booking)
        async with working(world, vhost):
            await booking.becomes("succeeded")
            await world.quiet()

        await world.hand(fee_due(booking))

        async def charged() -> bool:
            rows = await world.rows("SELECT status FROM payments WHERE no_show_fee")
            return [row["status"] for row in rows] == ["succeeded"]

        # The first call is the charge; the card is forgotten by the one after it.
        await _killed_then_restarted(world, vhost, failpoint, charged)
        [intent] = await world.stripe.intents_of(booking.id)
        assert (intent["status"], intent["amount_received"]) == ("succeeded", 2500)
        # A real worker may have sent it already.
        told = await world.rows(
            "SELECT type FROM messaging.outbox WHERE ordering_key = $1 AND type LIKE $2 "
            "UNION ALL "
            "SELECT type FROM messaging.archive WHERE ordering_key = $1 AND type LIKE $2",
            str(booking.id),
            "payment.fee%",
        )
        assert [one["type"] for one in told] == ["payment.fee_charged.v1"]


@pytest.mark.parametrize("failpoint", ["intent.before_call", "intent.after_call"])
async def test_a_killed_worker_cancels_a_setup_and_leaves_no_customer(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    vhost: Vhost,
    failpoint: str,
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox, worker=False) as world:
        booking = guaranteed(world)
        await world.hand(booking.hold())
        async with working(world, vhost):
            await booking.becomes("ready")
            await world.quiet()
        await world.stripe.pause()
        await world.hand(booking.expired())

        async def no_name_left() -> bool:
            return not await world.rows("SELECT FROM payments WHERE customer_ref IS NOT NULL")

        # The cancelling is the first call, the forgetting the second.
        await killed(world, vhost, failpoint)
        assert (await world.payment(booking.id))["status"] == "ready"
        await _killed_then_restarted(world, vhost, f"{failpoint}:2", no_name_left)
        [setup] = (await world.stripe.call("GET", "/v1/setup_intents"))["data"]
        assert setup["status"] == "canceled"
        assert (await world.payment(booking.id))["status"] == "cancelled"
        assert not await customers_of(booking)
        await world.stripe.resume()


async def test_an_answer_lost_is_asked_for_with_the_same_key_and_the_same_body(world: World):
    booking = world.booking()
    await world.stripe.fault(method="POST", path="/v1/payment_intents", drop=True, after=True)
    await world.hand(booking.hold())
    await world.hurry()
    asked = [
        one
        for one in await world.stripe.requests("POST", "/v1/payment_intents")
        if one["params"].get("metadata", {}).get("booking_id") == str(booking.id)
    ]
    assert len(asked) == 2
    assert asked[0]["idempotency_key"] == asked[1]["idempotency_key"]
    assert asked[0]["params"] == asked[1]["params"]
    assert len(await world.stripe.intents_of(booking.id)) == 1
    assert await booking.told_types() == ["payment.ready"]


async def _lose_the_answer_and_the_key(world: World, booking: Booking) -> None:
    await world.stripe.fault(method="POST", path="/v1/payment_intents", drop=True, after=True)
    long_hold = replace(booking, held={"expires_at": booking.hold().expires_at + timedelta(days=3)})
    await world.hand(long_hold.hold())
    await world.quiet()
    await world.stripe.forget_keys()
    await world.rows("UPDATE attempts SET created_at = created_at - interval '25 hours'")


@pytest.mark.usefixtures("patient_retries")
async def test_a_day_later_the_intent_is_found_instead_of_made_again(world: World):
    booking = world.booking()
    await _lose_the_answer_and_the_key(world, booking)
    await world.hurry()
    assert len(await world.stripe.intents_of(booking.id)) == 1
    assert await booking.told_types() == ["payment.ready"]


@pytest.mark.usefixtures("patient_retries")
async def test_a_day_later_an_absent_intent_is_made_with_a_new_key(world: World):
    booking = world.booking()
    await world.stripe.fault(method="POST", path="/v1/payment_intents", status=503)
    long_hold = replace(booking, held={"expires_at": booking.hold().expires_at + timedelta(days=3)})
    await world.hand(long_hold.hold())
    await world.quiet()
    await world.rows("UPDATE attempts SET created_at = created_at - interval '25 hours'")
    await world.hurry()
    assert len(await world.stripe.intents_of(booking.id)) == 1
    states = [row["state"] for row in await world.rows("SELECT state FROM attempts ORDER BY id")]
    assert states == ["abandoned", "done"]


async def test_a_stored_fault_is_looked_into_before_a_new_attempt(world: World):
    """Stripe answers the same key with the same 500 for a day."""
    booking = world.booking()
    await world.stripe.fault(method="POST", path="/v1/payment_intents", status=500)
    await world.hand(booking.hold())
    for _ in range(4):
        await world.hurry()
    assert len(await world.stripe.intents_of(booking.id)) == 1
    assert await booking.told_types() == ["payment.ready"]


async def test_an_intent_that_stripe_refuses_fails_the_payment_for_good(world: World):
    from contracts import Money

    booking = world.booking(amount_due_now=Money(amount_minor=5000, currency="XXX"))
    await world.hand(booking.hold())
    await world.quiet()
    [told] = await booking.told()
    assert (told["type"], told["terminal"]) == ("payment.failed.v1", True)
    failed = await world.payment(booking.id)
    assert (failed["status"], failed["client_secret"]) == ("failed", None)


async def test_while_stripe_is_slow_or_limits_us_calls_wait_and_succeed(world: World):
    booking = world.booking()
    await world.stripe.fault(method="POST", path="/v1/payment_intents", status=429)
    await world.hand(booking.hold())
    await world.hurry()
    assert await booking.told_types() == ["payment.ready"]


@pytest.mark.parametrize("failpoint", ["intent.before_call", "intent.after_call"])
async def test_a_killed_worker_opens_one_connected_account(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    vhost: Vhost,
    failpoint: str,
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox, worker=False) as world:
        business = Business(world)
        await business.connect()

        async def opened() -> bool:
            return (await business.seen())["standing"] == "onboarding"

        await _killed_then_restarted(world, vhost, failpoint, opened)
        assert len(await business.at_stripe()) == 1
