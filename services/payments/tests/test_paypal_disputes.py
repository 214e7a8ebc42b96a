"""A payer asks PayPal for the money back: recorded as any bank's, and its money counted once."""

from typing import Any

import pytest
from payments_ledger import BALANCE, CHARGED, FEE, REFUNDED, balances
from payments_paypal import PayPalWorld
from payments_reconciliation import kinds
from payments_reconciliation import reconcile as reconciled
from payments_world import Booking

from payments.domain.disputes import Status
from payments.domain.money import Money
from payments.domain.payment import Fact
from payments.domain.provider import Unreached
from payments.providers.paypal import answers, disputes

VIEWER = "payments:view"
DISPUTED = "disputed"
PAID = {CHARGED: -5000, FEE: 175, BALANCE: 4825}
TAKEN = {CHARGED: -5000, FEE: 175 + 1400, DISPUTED: 5000, BALANCE: -1575}
LOST = {**TAKEN, DISPUTED: 0, "lost": 5000}


async def only(pp: PayPalWorld, booking: Booking) -> dict[str, Any]:
    await pp.quiet()
    status, listed = await pp.world.request("GET", "/disputes", pp.world.staff(VIEWER))
    assert status == 200, listed
    [found] = listed["disputes"]
    assert found["booking_id"] == str(booking.id)
    return dict(found)


async def disputed(pp: PayPalWorld, ref: str, **claim: Any) -> str:
    """The payer disputes an order; PayPal's name for it."""
    [capture] = await pp.paypal.captures(ref)
    made = await pp.paypal.control(f"captures/{capture['id']}/dispute", claim)
    return str(made["dispute_id"])


async def settle(pp: PayPalWorld, dispute_id: str, outcome: str) -> None:
    await pp.paypal.control(f"disputes/{dispute_id}/settle", {"outcome": outcome})


async def told(booking: Booking) -> list[dict[str, Any]]:
    return [one for one in await booking.told() if "dispute" in one["type"]]


@pytest.mark.parametrize(
    ("outcome", "status", "left"),
    [
        ("lost", "lost", LOST),
        ("won", "won", PAID),
        ("withdrawn", "won", PAID),
        ("covered", "won", PAID),
    ],
)
async def test_a_claim_is_told_booked_and_closed_once(
    pp: PayPalWorld, outcome: str, status: str, left: dict[str, int]
):
    booking, payment, ref = await pp.paid()
    dispute_id = await disputed(pp, ref, reason="UNAUTHORISED")
    found = await only(pp, booking)
    assert (found["provider_ref"], found["payment_id"]) == (dispute_id, payment["id"])
    assert (found["status"], found["reason"]) == ("needs_response", "UNAUTHORISED")
    assert (found["amount_minor"], found["currency"]) == (5000, "GBP")
    assert found["respond_by"]
    assert await balances(pp.world, booking) == PAID  # PayPal has not decided

    await pp.paypal.control(f"disputes/{dispute_id}/answer")
    assert (await only(pp, booking))["status"] == "under_review"
    await settle(pp, dispute_id, outcome)
    assert set(await pp.paypal.deliver(ref, count=2, shuffle=True)) == {"200"}
    over = await only(pp, booking)
    assert (over["status"], over["closed_at"] is None) == (status, False)
    assert await balances(pp.world, booking) == left

    opened, closed = await told(booking)
    assert (opened["type"], closed["type"]) == (
        "payment.disputed.v1",
        "payment.dispute_closed.v1",
    )
    assert (opened["inquiry"], opened["evidence_due_by"]) == (False, found["respond_by"])
    assert (closed["outcome"], opened["sequence"] < closed["sequence"]) == (status, True)
    report = await reconciled(pp.world)
    assert (report["findings"], report["drift"]) == (0, [])


async def test_money_that_an_appeal_brings_back_comes_back_with_its_fee(pp: PayPalWorld):
    booking, _, ref = await pp.paid()
    dispute_id = await disputed(pp, ref)
    await pp.paypal.control(f"disputes/{dispute_id}/recover")
    assert (await only(pp, booking))["status"] == "needs_response"
    assert await balances(pp.world, booking) == TAKEN
    await settle(pp, dispute_id, "won")
    assert (await only(pp, booking))["status"] == "won"
    assert await balances(pp.world, booking) == {**PAID, DISPUTED: 0}


async def test_an_inquiry_asks_and_moves_nothing(pp: PayPalWorld):
    booking, _, ref = await pp.paid()
    dispute_id = await disputed(pp, ref, inquiry=True)
    assert (await only(pp, booking))["status"] == "inquiry"
    await settle(pp, dispute_id, "withdrawn")
    assert (await only(pp, booking))["status"] == "inquiry_closed"
    assert await balances(pp.world, booking) == PAID
    opened, closed = await told(booking)
    assert (opened["inquiry"], closed["outcome"]) == (True, "inquiry_closed")


async def test_an_inquiry_that_is_escalated_is_told_once(pp: PayPalWorld):
    booking, _, ref = await pp.paid()
    dispute_id = await disputed(pp, ref, inquiry=True)
    await only(pp, booking)
    await pp.paypal.control(f"disputes/{dispute_id}/escalate")
    assert (await only(pp, booking))["status"] == "needs_response"
    await settle(pp, dispute_id, "lost")
    assert (await only(pp, booking))["status"] == "lost"
    assert await balances(pp.world, booking) == LOST
    assert len(await told(booking)) == 2


@pytest.mark.parametrize("first", ["dispute", "refund"])
async def test_a_claim_that_the_venue_accepts_at_paypal_is_a_refund_and_counted_once(
    pp: PayPalWorld, first: str
):
    """PayPal tells the same money as a refund of the order and as the dispute's settlement."""
    booking, _, ref = await pp.paid()
    dispute_id = await disputed(pp, ref)
    await only(pp, booking)
    await pp.paypal.lose_webhooks()
    await settle(pp, dispute_id, "accepted")
    await pp.paypal.hear_webhooks()
    events = await pp.paypal.call("GET", f"/_sandbox/events?order={ref}")
    refunded, resolved = events[-2:]
    for event in (resolved, refunded) if first == "dispute" else (refunded, resolved):
        await pp.paypal.control("events/deliver", {"ids": [event]})
        await pp.quiet()
    assert (await only(pp, booking))["status"] == "lost"
    assert await balances(pp.world, booking) == {**PAID, REFUNDED: 5000, BALANCE: -175}
    assert (await booking.told_types()).count("payment.refunded") == 1


async def test_a_dispute_nobody_was_told_of_is_found(pp: PayPalWorld):
    booking, _, ref = await pp.paid()
    await pp.paypal.lose_webhooks()
    dispute_id = await disputed(pp, ref)
    await settle(pp, dispute_id, "lost")
    report = await reconciled(pp.world)
    assert kinds(report) == ["event_missed"] * 3  # created, the capture reversed, resolved
    assert (await only(pp, booking))["status"] == "lost"
    assert await balances(pp.world, booking) == LOST
    assert [one["type"] for one in await told(booking)] == [
        "payment.disputed.v1",
        "payment.dispute_closed.v1",
    ]
    assert (await reconciled(pp.world))["findings"] == 0
    await pp.paypal.hear_webhooks()


async def test_only_the_disputes_own_words_are_kept(pp: PayPalWorld):
    booking, _, ref = await pp.paid()
    await disputed(pp, ref)
    await only(pp, booking)
    [event] = [one for one in await pp.logged() if one["type"] == "CUSTOMER.DISPUTE.CREATED"]
    assert str(event["booking_id"]) == str(booking.id)
    assert event["outcome"] == "applied"
    for personal in ("buyer", "Test Guest", "links"):
        assert personal not in event["digest"]
    _, told = await pp.world.request(
        "GET", f"/bookings/{booking.id}/timeline", pp.world.staff("bookings:view")
    )
    types = [entry["type"] for entry in told["entries"]]
    assert {"dispute.opened", "provider_event.CUSTOMER.DISPUTE.CREATED"} <= set(types)


async def test_a_dispute_about_another_programs_money_is_none_of_ours(pp: PayPalWorld):
    unit = {"amount": {"currency_code": "GBP", "value": "9.00"}}
    order = {"intent": "CAPTURE", "purchase_units": [unit]}
    made = await pp.paypal.api("POST", "/v2/checkout/orders", order)
    await pp.paypal.control(f"orders/{made['id']}/approve")
    await pp.paypal.api("POST", f"/v2/checkout/orders/{made['id']}/capture", {})
    await disputed(pp, made["id"])
    await pp.quiet()
    outcomes = {one["type"]: one["outcome"] for one in await pp.logged()}
    assert outcomes["CUSTOMER.DISPUTE.CREATED"] == "foreign"
    status, listed = await pp.world.request("GET", "/disputes", pp.world.staff(VIEWER))
    assert (status, listed) == (200, {"disputes": []})


ORDER = {"id": "ORDER", "purchase_units": [{"payments": {"refunds": []}}]}


def shown(**changes: Any) -> dict[str, Any]:
    """As PayPal shows it to the seller."""
    usual = {
        "dispute_id": "PP-R-ABC-10000000",
        "create_time": "2030-01-02T03:04:05.678Z",
        "disputed_transactions": [{"seller_transaction_id": "CAPTURE"}],
        "reason": "OTHER",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_amount": {"currency_code": "GBP", "value": "50.00"},
        "dispute_life_cycle_stage": "CHARGEBACK",
    }
    return {**usual, **changes}


def moved(kind: str, value: str = "50.00", reason: str = "DISPUTE_SETTLEMENT") -> dict[str, Any]:
    return {
        "affected_party": "SELLER",
        "amount": {"currency_code": "GBP", "value": value},
        "initiated_time": "2030-01-03T00:00:00.000Z",
        "type": kind,
        "reason": reason,
    }


@pytest.mark.parametrize(
    ("said", "stage", "status"),
    [
        ("OPEN", "INQUIRY", Status.INQUIRY),
        ("WAITING_FOR_BUYER_RESPONSE", "INQUIRY", Status.INQUIRY),
        ("OPEN", "CHARGEBACK", Status.NEEDS_RESPONSE),
        ("WAITING_FOR_SELLER_RESPONSE", "PRE_ARBITRATION", Status.NEEDS_RESPONSE),
        ("WAITING_FOR_BUYER_RESPONSE", "CHARGEBACK", Status.UNDER_REVIEW),
        ("UNDER_REVIEW", "ARBITRATION", Status.UNDER_REVIEW),
        ("OTHER", "CHARGEBACK", Status.UNDER_REVIEW),
    ],
)
def test_where_a_dispute_stands(said: str, stage: str, status: Status):
    data = shown(status=said, dispute_life_cycle_stage=stage)
    assert disputes.dispute(data, ORDER).status is status


@pytest.mark.parametrize(
    ("outcome", "moves", "status"),
    [
        ("RESOLVED_BUYER_FAVOUR", [moved("DEBIT")], Status.LOST),
        ("RESOLVED_BUYER_FAVOUR", [], Status.LOST),
        ("ACCEPTED", [moved("DEBIT")], Status.LOST),
        ("RESOLVED_SELLER_FAVOUR", [moved("DEBIT"), moved("CREDIT")], Status.WON),
        ("RESOLVED_WITH_PAYOUT", [], Status.WON),
        ("CANCELED_BY_BUYER", [], Status.WON),
        ("DENIED", [], Status.WON),
        ("NONE", [moved("DEBIT")], Status.LOST),
        ("NONE", [moved("DEBIT", reason="DISPUTE_FEE")], Status.WON),
        ("SOMETHING_NEW", [], Status.WON),
    ],
)
def test_how_a_dispute_ended(outcome: str, moves: list[dict[str, Any]], status: Status):
    data = shown(
        status="RESOLVED", dispute_outcome={"outcome_code": outcome}, money_movements=moves
    )
    assert disputes.dispute(data, ORDER).status is status


def test_movements_of_the_same_moment_are_told_apart_and_those_of_others_left_out():
    buyers = {**moved("CREDIT"), "affected_party": "BUYER"}
    fee = moved("DEBIT", "14.00", "CHARGEBACK_FEE")
    back = moved("CREDIT", "14.00", "CHARGEBACK_FEE")
    moves = [buyers, moved("DEBIT", "20.00"), moved("DEBIT", "30.00"), fee, back]
    found = disputes.dispute(shown(money_movements=moves), ORDER).moved
    assert [(one.amount.amount_minor, one.fee_minor) for one in found] == [
        (-2000, 0),
        (-3000, 0),
        (0, 1400),
        (0, -1400),
    ]
    assert len({one.ref for one in found}) == 4
    again = disputes.dispute(shown(money_movements=moves), ORDER).moved
    assert [one.ref for one in again] == [one.ref for one in found]
    assert found[0].amount == Money(-2000, "GBP")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "SOMETHING_NEW"},
        {"disputed_transactions": []},
        {"disputed_transactions": None},
        {"dispute_amount": None},
        {"create_time": "soon"},
        {"money_movements": [{"affected_party": "SELLER"}]},
        {"money_movements": [moved("SIDEWAYS")]},
    ],
)
def test_what_is_no_dispute_is_no_answer(changes: dict[str, Any]):
    data = shown(**changes)
    with pytest.raises(Unreached):
        disputes.capture_of(data)
        disputes.dispute(data, ORDER)


@pytest.mark.parametrize(
    ("status", "reason", "fact"),
    [
        ("PENDING", "BUYER_COMPLAINT", Fact.SUCCEEDED),
        ("DECLINED", "CHARGEBACK", Fact.SUCCEEDED),
        ("PENDING", "PENDING_REVIEW", Fact.PROCESSING),
        ("DECLINED", None, Fact.REFUSED),
    ],
)
def test_a_capture_that_its_payer_disputes_was_taken_all_the_same(
    status: str, reason: str | None, fact: Fact
):
    """Else a comparison would miss its money, which the dispute accounts for."""
    amount = {"currency_code": "GBP", "value": "50.00"}
    capture = {
        "id": "CAPTURE",
        "status": status,
        "amount": amount,
        **({"status_details": {"reason": reason}} if reason else {}),
    }
    unit = {"amount": amount, "payments": {"captures": [capture]}}
    order = {"id": "ORDER", "status": "COMPLETED", "purchase_units": [unit]}
    assert answers.payment(order).fact is fact
    assert answers.capture_of(order) == ("CAPTURE" if fact is Fact.SUCCEEDED else None)
