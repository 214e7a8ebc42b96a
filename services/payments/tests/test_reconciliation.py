"""What a provider knows and we don't, or the other way round, comes to light, and right."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from payments_checkout import CARD, at_checkout
from payments_ledger import balances
from payments_reconciliation import MANAGER, hear_webhooks, kinds, lose_webhooks, reconcile
from payments_world import CARDS, Booking, Stripe, World

from payments.domain.provider import Providers
from payments.providers.by_hand import ByHand
from payments.usecases.start_reconciliation import start_hourly

PROVIDERS = Providers(
    [ByHand("swish")], saving=ByHand("manual")
)  # the platform's account is compared in any case


CARDS.setdefault("disputes", "pm_card_createDispute")


@pytest.fixture(autouse=True)
async def hearing(world: World) -> Any:
    yield
    await hear_webhooks(world)


async def captured(world: World, booking: Booking) -> int:
    rows = await world.rows(
        "SELECT sum(amount_minor)::bigint AS sum FROM ledger "
        "WHERE booking_id = $1 AND kind = 'captured'",
        booking.id,
    )
    return int(rows[0]["sum"] or 0)


async def test_a_payment_whose_webhooks_were_lost_is_confirmed_once(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    await lose_webhooks(world)
    await stripe.pay(payment)
    await world.quiet()
    assert (await world.payment(booking.id))["status"] == "ready"

    report = await reconcile(world)
    assert "event_missed" in kinds(report)
    assert (await booking.becomes("succeeded"))["status"] == "succeeded"
    assert await captured(world, booking) == 5000

    again = await reconcile(world)
    assert (again["findings"], again["drift"]) == (0, [])
    assert (await booking.told_types()).count("payment.succeeded") == 1
    assert await captured(world, booking) == 5000


async def test_a_page_of_stripes_that_was_paid_unheard(world: World, stripe: Stripe):
    booking = at_checkout(world)
    await booking.ready()
    await lose_webhooks(world)
    await stripe.at_checkout(await booking.ref(), "pay", card=CARD)
    await reconcile(world)
    await booking.becomes("succeeded")
    assert (await reconcile(world))["findings"] == 0


async def test_a_dispute_opened_and_lost_unheard_is_a_loss(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    await lose_webhooks(world)
    await stripe.pay(payment, "disputes")
    page = await stripe.call("GET", f"/v1/disputes?payment_intent={await booking.ref()}")
    [dispute] = page["data"]
    await stripe.call("POST", f"/_sandbox/disputes/{dispute['id']}/settle", {"outcome": "lost"})
    await reconcile(world)
    await booking.becomes("succeeded")
    await reconcile(world)
    booked = await balances(world, booking)
    assert (booked["lost"], booked["disputed"], booked["provider_fee"]) == (5000, 0, 2095)
    assert (await reconcile(world))["findings"] == 0


async def test_a_refund_made_by_hand_unheard_is_seen_once(world: World, stripe: Stripe):
    booking = world.booking()
    await booking.paid()
    await lose_webhooks(world)
    form = {"payment_intent": await booking.ref(), "amount": "700"}
    await stripe.call("POST", "/v1/refunds", form=form)
    await reconcile(world)
    assert (await world.payment(booking.id))["refunded_total"]["amount_minor"] == 700
    assert (await reconcile(world))["findings"] == 0
    assert (await booking.told_types()).count("payment.refunded") == 1


async def test_money_without_a_stored_payment_is_reported_with_its_amount(
    world: World, stripe: Stripe
):
    stranger = str(uuid4())
    paid = await stripe.call(
        "POST",
        "/v1/payment_intents",
        form={
            "amount": "4200",
            "currency": "gbp",
            "payment_method": "pm_card_visa",
            "confirm": "true",
            "metadata[org_id]": str(world.org_id),
            "metadata[payment_id]": stranger,
            "metadata[booking_id]": stranger,
        },
    )
    await world.booking().paid()
    report = await reconcile(world)
    [unknown] = [one for one in report["details"] if one["kind"] == "payment_unknown"]
    assert unknown["provider_ref"] == paid["id"]
    assert (unknown["ours_minor"], unknown["theirs_minor"]) == (0, 4200)
    assert report["drift"] == [{"amount_minor": 4200, "currency": "GBP"}]


async def test_money_of_ours_that_stripe_does_not_know_is_reported(world: World):
    booking = world.booking()
    await booking.paid()
    await world.rows(
        "UPDATE payments SET provider_ref = 'pi_nowhere', checked_at = NULL WHERE booking_id = $1",
        booking.id,
    )
    report = await reconcile(world)
    # What Stripe lists for the payment is another PaymentIntent than ours.
    assert kinds(report) == ["payment_not_there", "payment_unknown"]
    amounts = {one["kind"]: (one["ours_minor"], one["theirs_minor"]) for one in report["details"]}
    assert amounts == {"payment_not_there": (5000, 0), "payment_unknown": (0, 5000)}


async def test_another_amount_than_ours_is_the_drift(world: World):
    booking = world.booking()
    await booking.paid()
    await world.rows("UPDATE payments SET captured_minor = 4000 WHERE booking_id = $1", booking.id)
    report = await reconcile(world)
    [found] = report["details"]
    assert (found["kind"], found["ours_minor"], found["theirs_minor"]) == (
        "payment_differs",
        4000,
        5000,
    )
    assert report["drift"] == [{"amount_minor": 1000, "currency": "GBP"}]


async def test_another_organisation_does_not_see_it(world: World):
    await world.booking().paid()
    report = await reconcile(world)
    other = world.of_another_organisation()
    staff = other.staff(MANAGER)
    status, _ = await other.request("GET", f"/reconciliations/{report['id']}", staff)
    assert status == 404
    _, listed = await other.request("GET", "/reconciliations", staff)
    assert listed == {"reconciliations": []}


@pytest.mark.parametrize(
    ("window", "field"),
    [
        ({"since": "2030-01-01T00:00:00Z", "until": "2029-01-01T00:00:00Z"}, "since"),
        ({"until": "2999-01-01T00:00:00Z"}, "until"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"since": "2020-01-01T00:00:00Z"}, "since"),
    ],
)
async def test_a_window_that_does_not_fit_is_refused(
    world: World, window: dict[str, str], field: str
):
    status, problem = await world.request("POST", "/reconciliations", world.staff(MANAGER), window)
    assert status == 422
    assert field in [one["field"] for one in problem["errors"]]


async def test_a_payment_that_stripe_does_not_list_is_asked_for_by_name(world: World):
    """Such as one at PayPal, which lists none: here it was made before the window there."""
    booking = world.booking()
    await booking.paid()
    await world.rows(
        "UPDATE payments SET captured_minor = 4000, created_at = now() - interval '2 days' "
        "WHERE booking_id = $1",
        booking.id,
    )
    now = datetime.now(UTC)
    window = {
        "since": (now - timedelta(days=3)).isoformat(),
        "until": (now - timedelta(days=1)).isoformat(),
    }
    report = await reconcile(world, window)
    assert kinds(report) == ["payment_differs"]


async def test_an_hour_is_compared_once_whoever_starts_it(world: World):
    await world.booking().paid()

    async def hour() -> datetime:
        [row] = await world.rows("SELECT date_trunc('hour', messaging.now()) AS hour")
        return row["hour"]

    async def start() -> None:
        async with world.db.transaction(None) as tx:
            await start_hourly(tx, PROVIDERS)

    hours = {await hour()}
    await asyncio.gather(*(start() for _ in range(4)))
    await start()
    hours.add(await hour())  # the same, but for a test that began in the last second of the first
    await world.quiet()
    async with world.db.transaction(None) as tx:
        runs = await tx.fetch(
            "SELECT until, finished_at, error FROM messaging.reconciliation_runs "
            "WHERE account_id = 'platform' AND org_id IS NULL"
        )
    assert 1 <= len(runs) <= len(hours)
    assert {run["until"] for run in runs} <= hours
    assert {(run["finished_at"] is not None, run["error"]) for run in runs} == {(True, None)}


async def test_a_provider_that_does_not_answer_is_asked_again(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.ready()
    await lose_webhooks(world)
    await stripe.pay(payment)
    for path in ("/v1/events", "/v1/payment_intents", "/v1/refunds"):
        await stripe.fault(method="GET", path=path, status=500, count=1)
    staff = world.staff(MANAGER)
    await world.request("POST", "/reconciliations", staff, {})
    for _ in range(4):
        await world.hurry()
    await booking.becomes("succeeded")
    assert await captured(world, booking) == 5000
