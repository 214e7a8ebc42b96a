"""A customer's bank takes the money back: recorded once, booked, shown to staff."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from payments_ledger import BALANCE, CHARGED, FEE, balances
from payments_world import CARDS, Booking, Stripe, World

from contracts.testing import example, same_shape
from payments.domain.disputes import DisputeSnapshot, Moved, Status
from payments.domain.money import Money
from payments.store import payments
from payments.usecases.record_dispute import record_dispute

CARDS.setdefault("disputes", "pm_card_createDispute")
CARDS.setdefault("asks_bank", "pm_card_createDisputeInquiry")
VIEWER = "payments:view"


async def disputed(world: World, booking: Booking, card: str = "disputes") -> dict[str, Any]:
    payment = await booking.ready()
    await world.stripe.pay(payment, card)
    await booking.becomes("succeeded")
    await world.quiet()
    return await only(world, booking)


async def only(world: World, booking: Booking) -> dict[str, Any]:
    status, listed = await world.request("GET", "/disputes", world.staff(VIEWER))
    assert status == 200, listed
    [found] = listed["disputes"]
    assert found["booking_id"] == str(booking.id)
    return dict(found)


async def told(booking: Booking) -> list[dict[str, Any]]:
    return [one for one in await booking.told() if "dispute" in one["type"]]


async def settle(stripe: Stripe, dispute: dict[str, Any], outcome: str) -> None:
    path = f"/_sandbox/disputes/{dispute['provider_ref']}/settle"
    await stripe.call("POST", path, {"outcome": outcome})


@pytest.mark.parametrize(
    ("outcome", "left"),
    [("won", {"disputed": 0, BALANCE: 2905}), ("lost", {"disputed": 0, "lost": 5000})],
)
async def test_the_money_goes_and_comes_back_if_it_is_won(
    world: World, stripe: Stripe, outcome: str, left: dict[str, int]
):
    booking = world.booking()
    found = await disputed(world, booking)
    assert (found["status"], found["reason"]) == ("needs_response", "fraudulent")
    assert (found["amount_minor"], found["closed_at"]) == (5000, None)
    taken = {CHARGED: -5000, FEE: 2095, "disputed": 5000, BALANCE: -2095}
    assert await balances(world, booking) == taken

    await settle(stripe, found, outcome)
    await stripe.deliver(await booking.ref(), 3)
    await world.quiet()
    over = await only(world, booking)
    assert (over["status"], over["closed_at"] is None) == (outcome, False)
    assert await balances(world, booking) == {**taken, **left}
    status, one = await world.request("GET", f"/disputes/{found['id']}", world.staff(VIEWER))
    assert (status, one) == (200, over)

    opened, closed = await told(booking)
    for each, name in ((opened, "payment.disputed.v1"), (closed, "payment.dispute_closed.v1")):
        golden = example(name)
        body = {key: each[key] for key in type(golden).model_fields if key in each}
        assert same_shape(type(golden).from_json(json.dumps(body)), golden, without=["change_id"])
        assert (each["type"], each["dispute_id"], each["reason"]) == (
            name, found["id"], "fraudulent",
        )  # fmt: skip
    assert (opened["inquiry"], opened["evidence_due_by"]) == (False, found["respond_by"])
    assert (closed["outcome"], opened["sequence"] < closed["sequence"]) == (outcome, True)


async def test_an_inquiry_moves_nothing_until_it_is_escalated(world: World, stripe: Stripe):
    booking = world.booking()
    found = await disputed(world, booking, "asks_bank")
    assert found["status"] == "inquiry"
    assert "disputed" not in await balances(world, booking)
    await settle(stripe, found, "escalated")
    await world.quiet()
    assert (await only(world, booking))["status"] == "needs_response"
    assert (await balances(world, booking))["disputed"] == 5000
    [opened] = await told(booking)  # once, however often the bank turns it
    assert opened["inquiry"]


async def test_money_that_comes_back_after_all_is_no_loss(world: World, stripe: Stripe):
    booking = world.booking()
    found = await disputed(world, booking)
    await settle(stripe, found, "lost")
    await world.quiet()
    [row] = await world.rows("SELECT cause FROM ledger WHERE kind = 'dispute_withdrawn'")
    taken = Moved(row["cause"], Money(-5000, "GBP"), 2000)
    back = Moved("txn_after_all", Money(5000, "GBP"), 0)
    shown = DisputeSnapshot(
        ref=found["provider_ref"],
        payment_ref=await booking.ref(),
        status=Status.WON,
        reason=found["reason"],
        amount=Money(5000, "GBP"),
        respond_by=None,
        opened_at=datetime.now(UTC),
        moved=[taken, back],
    )
    for _ in range(2):
        async with world.db.transaction(world.org_id) as tx:
            payment = await payments.lock_by_ref(tx, "platform", shown.payment_ref)
            assert payment is not None
            assert not await record_dispute(tx, payment, shown)  # it stays lost
    left = await balances(world, booking)
    assert (left["disputed"], left["lost"], left[BALANCE]) == (0, 0, 2905)


async def test_the_timeline_tells_of_it_and_strangers_do_not_see_it(world: World):
    booking = world.booking()
    found = await disputed(world, booking)
    _, told = await world.request(
        "GET", f"/bookings/{booking.id}/timeline", world.staff("bookings:view")
    )
    assert "dispute.opened" in [entry["type"] for entry in told["entries"]]
    other = world.of_another_organisation()
    status, problem = await other.request("GET", f"/disputes/{found['id']}", other.staff(VIEWER))
    assert (status, problem["code"]) == (404, "DISPUTE_NOT_FOUND")
    _, listed = await other.request("GET", "/disputes", other.staff(VIEWER))
    assert listed == {"disputes": []}
