"""Paying with PayPal: approved, captured once, given back; whatever is lost, late or doubled."""

from datetime import UTC, datetime, timedelta

import pytest
from payments_paypal import PayPalWorld
from payments_world import PATIENCE, gbp

from chassis.testing import eventually


async def test_s1_11_a_capture_told_three_times_is_one_payment(pp: PayPalWorld):
    """S1-11: 1 payment, confirmed once, every delivery logged; a forged one 401 and no change."""
    booking, _, ref = await pp.paid()
    before = await pp.logged()
    answers = await pp.paypal.deliver(ref, count=2, shuffle=True)
    assert len(answers) == 4  # approved and completed, twice more each
    assert set(answers) == {"200"}
    await pp.quiet()
    assert await booking.told_types() == ["payment.ready", "payment.succeeded"]
    assert [one["amount"]["value"] for one in await pp.paypal.captures(ref)] == ["50.00"]
    assert len(await pp.world.rows("SELECT * FROM payments")) == 1
    logged = await pp.logged()
    assert sorted(one["type"] for one in logged) == [
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.CAPTURE.COMPLETED",
    ]
    assert logged == before
    deliveries = await pp.deliveries()
    for event in logged:
        of_event = [one for one in deliveries if one["event_id"] == event["event_id"]]
        assert len({one["delivery_ref"] for one in of_event}) == len(of_event) == 3
    assert set(await pp.paypal.deliver(ref, count=2, forged=True)) == {"401"}
    await pp.quiet()
    assert await pp.logged() == before
    assert await pp.deliveries() == deliveries
    assert await booking.told_types() == ["payment.ready", "payment.succeeded"]


async def test_an_order_holds_ids_and_no_personal_data(pp: PayPalWorld):
    booking, payment = await pp.ready()
    order = await pp.paypal.order(await booking.ref())
    [unit] = order["purchase_units"]
    assert unit["invoice_id"] == payment["id"]
    assert unit["amount"] == {"currency_code": "GBP", "value": "50.00"}
    assert "example.com" not in str(order)
    assert "Guest" not in str(order)
    assert payment["provider"] == payment["method"] == "paypal"
    assert payment["redirect_url"].startswith(pp.paypal.url)
    assert payment["client_secret"] is None


async def test_what_is_kept_of_an_event_holds_no_payer(pp: PayPalWorld):
    _, _, ref = await pp.paid()
    for event in await pp.logged():
        assert event["payment_ref"] == ref
        for personal in ("payer", "example.com", "Guest", "links"):
            assert personal not in event["digest"]


async def test_the_payer_comes_back_to_the_venue(pp: PayPalWorld):
    booking, payment = await pp.ready()
    async with pp.world.http.post(
        payment["redirect_url"], data={"choice": "refuse"}, allow_redirects=False
    ) as page:
        assert page.status == 303
        assert page.headers["Location"].startswith(
            f"https://venue.example/booking/cancel?booking_id={booking.id}&token="
        )
    assert (await pp.world.payment(booking.id))["status"] == "ready"


async def test_a_declined_means_may_be_followed_by_a_better_one(pp: PayPalWorld):
    booking, payment = await pp.ready()
    await pp.paypal.approve(payment, "decline")
    declined = await booking.becomes("declined")
    assert declined["failure"]["code"] == "wallet_declined"
    assert declined["redirect_url"] == payment["redirect_url"]
    await pp.quiet()
    await pp.paypal.approve(payment, "pay")
    await booking.becomes("succeeded")
    await pp.quiet()
    assert await booking.told_types() == ["payment.ready", "payment.failed", "payment.succeeded"]
    assert len(await pp.paypal.captures(await booking.ref())) == 1


@pytest.mark.parametrize(
    ("completes", "ends", "told"),
    [(True, "succeeded", "payment.succeeded"), (False, "failed", "payment.failed")],
)
async def test_a_capture_under_review_is_processing_until_it_is_decided(
    pp: PayPalWorld, completes: bool, ends: str, told: str
):
    booking, payment = await pp.ready()
    await pp.paypal.approve(payment, "pending")
    await booking.becomes("processing")
    await pp.quiet()
    [capture] = await pp.paypal.captures(await booking.ref())
    await pp.paypal.control(f"captures/{capture['id']}/settle", {"completes": completes})
    await booking.becomes(ends)
    await pp.quiet()
    assert await booking.told_types() == ["payment.ready", "payment.processing", told]
    assert (await booking.told())[-1].get("terminal", True) is True


async def test_an_order_approved_after_the_hold_ended_is_never_captured(pp: PayPalWorld):
    booking, payment = await pp.ready()
    ref = await booking.ref()
    await pp.paypal.control("webhooks/pause")
    await pp.paypal.approve(payment)
    await pp.world.hand(booking.expired())
    await pp.quiet()
    await pp.paypal.control("webhooks/resume")
    await pp.quiet()
    assert (await pp.world.payment(booking.id))["status"] == "cancelled"
    assert await booking.told_types() == ["payment.ready", "payment.cancelled"]
    assert await pp.paypal.captures(ref) == []
    assert await pp.came_back(booking.id) == 202
    await pp.quiet()
    assert await pp.paypal.captures(ref) == []


async def test_an_order_that_paypal_has_forgotten_counts_as_cancelled(pp: PayPalWorld):
    booking, _ = await pp.ready()
    await pp.paypal.control(f"orders/{await booking.ref()}/lapse")
    await pp.world.hand(booking.expired())
    await pp.quiet()
    assert (await pp.world.payment(booking.id))["status"] == "cancelled"


async def test_a_guest_who_comes_back_is_captured_without_a_webhook(pp: PayPalWorld):
    booking, payment = await pp.ready()
    await pp.paypal.control("webhooks/pause")
    await pp.paypal.approve(payment)
    for _ in range(3):
        assert await pp.came_back(booking.id) == 202
    await booking.becomes("succeeded")
    await pp.paypal.control("webhooks/resume")
    await pp.quiet()
    assert await booking.told_types() == ["payment.ready", "payment.succeeded"]
    assert len(await pp.paypal.captures(await booking.ref())) == 1


async def test_a_guest_who_stays_away_is_captured_before_the_hold_ends(pp: PayPalWorld):
    """Nobody comes back and no webhook arrives: the payment is looked at once more."""
    ends = datetime.now(UTC) + timedelta(minutes=15)
    booking, payment = await pp.ready(expires_at=ends)
    await pp.paypal.control("webhooks/pause")
    await pp.paypal.approve(payment)
    due_at, look = await pp.last_look(payment["id"])
    assert timedelta(0) < ends - due_at <= timedelta(minutes=1)
    for _ in range(2):
        await pp.world.hand(look)
    await booking.becomes("succeeded")
    await pp.paypal.control("webhooks/resume")
    await pp.quiet()
    await pp.world.hand(look)
    await pp.quiet()
    assert await booking.told_types() == ["payment.ready", "payment.succeeded"]
    assert len(await pp.paypal.captures(await booking.ref())) == 1


async def test_a_last_look_at_an_order_that_nobody_agreed_to_takes_nothing(pp: PayPalWorld):
    booking, payment = await pp.ready()
    _, look = await pp.last_look(payment["id"])
    await pp.world.hand(look)
    await pp.quiet()
    assert (await pp.world.payment(booking.id))["status"] == "ready"
    assert await pp.paypal.captures(await booking.ref()) == []


async def test_events_in_any_order_and_number_come_to_the_same(pp: PayPalWorld):
    booking, payment = await pp.ready()
    ref = await booking.ref()
    await pp.paypal.control("webhooks/pause")
    await pp.paypal.approve(payment)
    await pp.came_back(booking.id)
    await booking.becomes("succeeded")
    await pp.world.hand(booking.unfulfillable(payment["id"], 2000))
    await pp.quiet()
    assert set(await pp.paypal.deliver(ref, count=4, shuffle=True)) == {"200"}
    await pp.paypal.control("webhooks/resume")
    await pp.quiet()
    found = await pp.world.payment(booking.id)
    assert (found["status"], found["refunded_total"]["amount_minor"]) == ("succeeded", 2000)
    assert sorted(await booking.told_types()) == [
        "payment.ready",
        "payment.refunded",
        "payment.succeeded",
    ]


@pytest.mark.parametrize("end", ["/v2/checkout/orders", "/v2/checkout/orders/*/capture"])
@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500, "after": True},
        {"drop": True, "after": True},
        {"status": 503},
        {"status": 429},
        {"drop": True},
    ],
    ids=["done but 500", "done but cut", "not done 503", "limited", "cut"],
)
async def test_trouble_on_the_way_ends_in_one_capture(
    pp: PayPalWorld, trouble: dict[str, object], end: str
):
    booking = pp.booking()
    await pp.paypal.fault(method="POST", path=end, **trouble)
    await pp.world.hand(booking.hold())

    async def comes_to_be(status: str) -> bool:
        await pp.hurry()
        return (await pp.world.payment(booking.id))["status"] == status

    await eventually(lambda: comes_to_be("ready"), timeout=PATIENCE, what="an order was made")
    await pp.paypal.approve(await pp.world.payment(booking.id))
    await eventually(lambda: comes_to_be("succeeded"), timeout=PATIENCE, what="captured in the end")
    assert await booking.told_types() == ["payment.ready", "payment.succeeded"]
    assert len(await pp.paypal.captures(await booking.ref())) == 1
    keys = {
        (one["path"], one["request_id"])
        for one in await pp.paypal.requests("POST", end.rpartition("/")[2])
        if one["account"] == pp.paypal.client_id
    }
    assert len(keys) == 1  # however often it was asked, it was one request


async def test_an_access_token_that_ran_out_is_renewed(pp: PayPalWorld):
    booking, payment = await pp.ready()
    made = (await pp.paypal.call("GET", "/_sandbox/state"))["tokens_made"]
    await pp.paypal.control("tokens/forget")
    await pp.paypal.approve(payment)
    await booking.becomes("succeeded")
    await pp.quiet()
    assert (await pp.paypal.call("GET", "/_sandbox/state"))["tokens_made"] == made + 1
    assert len(await pp.paypal.captures(await booking.ref())) == 1


async def test_with_a_wrong_secret_the_order_waits_for_a_person(pp: PayPalWorld):
    await pp.ready()  # from here on PayPal knows the client id by the right one
    status, _ = await pp.world.request(
        "POST",
        "/payment-accounts",
        pp.world.staff("payments:manage"),
        {
            "provider": "paypal",
            "publishable_key": pp.paypal.client_id,
            "secret_key": "another-secret",
        },
    )
    assert status == 201
    booking = pp.booking()
    await pp.world.hand(booking.hold())
    await pp.quiet()
    assert (await pp.world.payment(booking.id))["status"] == "preparing"


async def test_a_part_goes_back_and_no_more_than_was_taken(pp: PayPalWorld):
    booking, payment, ref = await pp.paid()
    await pp.world.hand(booking.refund_due(payment["id"], "first", gbp(1500)))
    await pp.quiet()
    await pp.world.hand(booking.refund_due(payment["id"], "first", gbp(1500)))
    await pp.world.hand(booking.refund_due(payment["id"], "second", gbp(500)))
    await pp.quiet()
    assert sorted(one["amount"]["value"] for one in await pp.paypal.refunds(ref)) == [
        "15.00",
        "5.00",
    ]
    assert (await pp.world.payment(booking.id))["refunded_total"]["amount_minor"] == 2000
    await pp.world.hand(booking.refund_due(payment["id"], "more than is left", gbp(4000)))
    await pp.quiet()
    assert sorted(one["amount"]["value"] for one in await pp.paypal.refunds(ref)) == [
        "15.00",
        "30.00",
        "5.00",
    ]
    assert "payment.refund_failed" not in await booking.told_types()
    await pp.world.hand(booking.refund_due(payment["id"], "more than ever was", gbp(6000)))
    await pp.quiet()
    assert len(await pp.paypal.refunds(ref)) == 3
    assert (await booking.told_types()).count("payment.refund_failed") == 1


async def test_what_is_refunded_by_hand_at_paypal_is_learnt(pp: PayPalWorld):
    booking, _, ref = await pp.paid()
    [capture] = await pp.paypal.captures(ref)
    await pp.paypal.control(f"captures/{capture['id']}/refund")
    await pp.quiet()
    assert (await pp.world.payment(booking.id))["refunded_total"]["amount_minor"] == 5000


async def test_what_paypal_reverses_is_learnt(pp: PayPalWorld):
    booking, _, ref = await pp.paid()
    [capture] = await pp.paypal.captures(ref)
    await pp.paypal.control(f"captures/{capture['id']}/reverse")
    await pp.quiet()
    assert (await pp.world.payment(booking.id))["refunded_total"]["amount_minor"] == 5000


async def test_a_refund_may_take_its_time_and_may_fail(pp: PayPalWorld):
    booking, payment, ref = await pp.paid()
    await pp.paypal.control("refunds/next", {"outcome": "PENDING"})
    await pp.world.hand(booking.refund_due(payment["id"], "slow", gbp(1000)))
    await pp.quiet()
    assert (await pp.world.payment(booking.id))["refunded_total"]["amount_minor"] == 0
    [refund] = await pp.paypal.refunds(ref)
    await pp.paypal.control(f"refunds/{refund['id']}/settle", {"completes": True})
    await pp.quiet()
    assert (await pp.world.payment(booking.id))["refunded_total"]["amount_minor"] == 1000
    await pp.paypal.control(f"refunds/{refund['id']}/settle", {"completes": False})
    await pp.quiet()
    assert (await pp.world.payment(booking.id))["refunded_total"]["amount_minor"] == 0
    assert (await booking.told_types()).count("payment.refund_failed") == 1


async def test_a_refund_whose_answer_is_lost_is_made_once(pp: PayPalWorld):
    booking, payment, ref = await pp.paid()
    await pp.paypal.fault(method="POST", path="*/refund", drop=True, after=True)
    await pp.world.hand(booking.refund_due(payment["id"], "lost", gbp(1000)))
    await pp.hurry()
    assert [one["amount"]["value"] for one in await pp.paypal.refunds(ref)] == ["10.00"]
    assert (await pp.world.payment(booking.id))["refunded_total"]["amount_minor"] == 1000


async def test_without_an_account_at_paypal_the_payment_fails_at_once(pp: PayPalWorld):
    stranger = pp.world.of_another_organisation()
    booking = stranger.booking(payment_methods=("paypal",), payment_method="paypal")
    await stranger.hand(booking.hold())
    [told] = await stranger.told(booking.id)
    assert (told["type"], told["code"], told["terminal"]) == (
        "payment.failed.v1",
        "no_account",
        True,
    )
