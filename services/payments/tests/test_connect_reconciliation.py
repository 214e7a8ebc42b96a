"""Comparing what connected accounts were passed on: each organisation's, on the one platform."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from payments_checkout import usd
from payments_connect import Business
from payments_ledger import balances
from payments_reconciliation import MANAGER, hear_webhooks, kinds, lose_webhooks, reconcile
from payments_world import Booking, Stripe, World

from chassis.ids import uuid7
from payments.domain.provider import PLATFORM
from payments.domain.reconciliation import Stage
from payments.store import reconciliations
from payments.usecases.start_reconciliation import intend_page


@pytest.fixture(autouse=True)
async def hearing(world: World) -> Any:
    yield
    await hear_webhooks(world)


async def connected(world: World) -> Business:
    business = Business(world)
    await business.ready()
    await business.fee("5")
    return business


def dinner(world: World) -> Booking:
    return world.booking(amount_total=usd(9500), amount_due_now=usd(9500))


async def test_what_was_shared_unheard_is_found_and_booked_and_then_nothing_differs(
    world: World, stripe: Stripe
):
    business = await connected(world)
    paid, unheard = dinner(world), dinner(world)
    await paid.paid()
    waiting = await unheard.ready()
    await lose_webhooks(world)
    await stripe.pay(waiting)
    form = {
        "payment_intent": await paid.ref(),
        "amount": "3333",
        "reverse_transfer": "true",
    }
    await stripe.call("POST", "/v1/refunds", form=form)
    await world.quiet()

    report = await reconcile(world)
    assert kinds(report).count("event_missed") >= 2
    await unheard.becomes("succeeded")
    assert (await reconcile(world))["findings"] == 0
    whole = {"charged": -9500, "platform_fee": 475, "platform_cost": 172, "platform_balance": -172}
    assert await balances(world, unheard) == {**whole, "provider_balance": 9025}
    booked = {**whole, "refunded": 3333, "provider_balance": 9025 - 3333}
    assert await balances(world, paid) == booked
    charge = await business.charge(await paid.ref())
    assert charge["transfer"]["amount_reversed"] == 3333


async def test_what_somebody_moved_between_the_accounts_is_the_drift(world: World, stripe: Stripe):
    business = await connected(world)
    booking, whole = dinner(world), dinner(world)
    await booking.paid()
    await whole.paid()
    assert (await reconcile(world))["findings"] == 0
    charge = await business.charge(await booking.ref())
    path = f"/v1/transfers/{charge['transfer']['id']}/reversals"
    await stripe.call("POST", path, form={"amount": "1000"})
    path = f"/v1/application_fees/{charge['application_fee']['id']}/refunds"
    await stripe.call("POST", path, form={"amount": "75"})
    report = await reconcile(world)
    found = {one["kind"]: (one["ours_minor"], one["theirs_minor"]) for one in report["details"]}
    assert found.pop("event_missed", None) is None
    assert found == {"transfer_differs": (9500, 8500), "platform_fee_differs": (475, 400)}
    assert {one["booking_id"] for one in report["details"]} == {str(booking.id)}


async def test_a_bounced_refund_and_its_retry_differ_in_nothing(world: World, stripe: Stripe):
    await connected(world)
    booking = dinner(world)
    payment = await booking.paid()
    ref = await booking.ref()
    await world.hand(booking.refund_due(payment["id"], "first", usd(6000)))
    await world.quiet()
    [refund] = await stripe.refunds_of(ref)
    await stripe.call("POST", f"/_sandbox/refunds/{refund['id']}/settle", {"succeeds": False})
    await world.quiet()
    assert (await reconcile(world))["findings"] == 0
    await world.hand(booking.refund_due(payment["id"], "again", usd(6000)))
    await world.quiet()
    assert (await reconcile(world))["findings"] == 0


async def test_each_organisation_of_the_platform_sees_its_own(world: World, stripe: Stripe):
    other = world.of_another_organisation()
    await connected(world)
    await connected(other)
    ours, theirs = dinner(world), dinner(other)
    payments = [(await ours.ready()), (await theirs.ready())]
    await lose_webhooks(world)
    for payment in payments:
        await stripe.pay(payment)
    report = await reconcile(world)
    assert {one["booking_id"] for one in report["details"]} <= {str(ours.id), None}
    await ours.becomes("succeeded")
    assert await captured(theirs) == 0  # nobody asked for theirs

    now = datetime.now(UTC)
    window = (now - timedelta(hours=1), now + timedelta(hours=1))
    async with world.db.transaction(None) as tx:  # as each hour, of all that is the platform's
        run = await reconciliations.start(tx, uuid7(), PLATFORM, window, None)
        assert run is not None
        intend_page(tx, run, Stage.EVENTS, None)
    await world.quiet()
    assert (await captured(ours), await captured(theirs)) == (9500, 9500)
    path = f"/reconciliations/{run.id}"
    _, seen = await other.request("GET", path, other.staff(MANAGER))
    assert seen["finished_at"] is not None
    assert "event_missed" in kinds(seen)
    assert {one["booking_id"] for one in seen["details"]} <= {str(theirs.id), None}
    status, _ = await world.request("GET", path, world.staff(MANAGER))
    assert status == 404  # nothing of its own was found, so it is not told of others


async def test_a_business_that_may_be_paid_unheard_is_looked_at(world: World):
    """What happens to a connected account is in a list of its own."""
    business = Business(world)
    await business.connect()
    await business.becomes("onboarding")
    await world.quiet()
    await lose_webhooks(world)
    await business.happens("onboard")
    booking = dinner(world)
    await booking.ready()
    assert (await business.seen())["standing"] == "onboarding"
    await reconcile(world)
    assert (await business.seen())["standing"] == "ready"


async def captured(booking: Booking) -> int:
    return -(await balances(booking.world, booking)).get("charged", 0)
