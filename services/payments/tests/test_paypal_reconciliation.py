"""What PayPal knows and we don't comes to light, and right: it lists only what it told."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from payments_ledger import BALANCE, CHARGED, FEE, REFUNDED, balances
from payments_paypal import PayPalWorld
from payments_reconciliation import kinds
from payments_reconciliation import reconcile as reconciled

from payments.domain.provider import Unreached
from payments.providers.paypal import lists


@pytest.fixture(autouse=True)
async def hearing(pp: PayPalWorld) -> AsyncIterator[None]:
    yield
    await pp.paypal.hear_webhooks()


async def reconcile(pp: PayPalWorld, window: dict[str, str] | None = None) -> dict[str, Any]:
    report = await reconciled(pp.world, window)
    await pp.quiet()
    return report


async def nothing_is_left(pp: PayPalWorld) -> None:
    report = await reconcile(pp)
    assert (report["findings"], report["drift"]) == (0, [])


async def test_an_approval_nobody_was_told_of_is_captured_once(pp: PayPalWorld):
    booking, payment = await pp.ready()
    await pp.paypal.lose_webhooks()
    await pp.paypal.approve(payment)
    assert "event_missed" in kinds(await reconcile(pp))
    await booking.becomes("succeeded")
    await pp.quiet()
    await reconcile(pp)
    await nothing_is_left(pp)
    assert len(await pp.paypal.captures(await booking.ref())) == 1
    assert (await booking.told_types()).count("payment.succeeded") == 1
    # What is listed was not delivered.
    assert await pp.deliveries() == []


async def test_a_capture_that_cleared_unheard_is_confirmed_once(pp: PayPalWorld):
    booking, payment = await pp.ready()
    await pp.paypal.approve(payment, "pending")
    await booking.becomes("processing")
    await pp.quiet()
    await pp.paypal.lose_webhooks()
    [capture] = await pp.paypal.captures(await booking.ref())
    await pp.paypal.control(f"captures/{capture['id']}/settle", {"completes": True})
    report = await reconcile(pp)
    assert "event_missed" in kinds(report)
    await booking.becomes("succeeded")
    assert await balances(pp.world, booking) == {CHARGED: -5000, FEE: 175, BALANCE: 4825}
    await nothing_is_left(pp)
    assert (await booking.told_types()).count("payment.succeeded") == 1


async def test_a_refund_on_paypals_own_pages_unheard_is_seen_once(pp: PayPalWorld):
    booking, _, ref = await pp.paid()
    await pp.paypal.lose_webhooks()
    [capture] = await pp.paypal.captures(ref)
    part = {"amount": {"currency_code": "GBP", "value": "7.00"}}
    await pp.paypal.api("POST", f"/v2/payments/captures/{capture['id']}/refund", part)
    assert "event_missed" in kinds(await reconcile(pp))
    assert (await pp.world.payment(booking.id))["refunded_total"]["amount_minor"] == 700
    assert (await balances(pp.world, booking))[REFUNDED] == 700
    await nothing_is_left(pp)
    assert (await booking.told_types()).count("payment.refunded") == 1


async def test_a_refund_whose_event_came_and_led_to_nothing_is_found_by_its_order(
    pp: PayPalWorld,
):
    booking, _, ref = await pp.paid()
    [capture] = await pp.paypal.captures(ref)
    await pp.paypal.control(f"captures/{capture['id']}/refund")
    await pp.quiet()
    await pp.world.rows("DELETE FROM refunds WHERE booking_id = $1 RETURNING 1", booking.id)
    report = await reconcile(pp)
    assert kinds(report) == ["refund_missed"]
    assert report["drift"] == [{"amount_minor": 5000, "currency": "GBP"}]
    await nothing_is_left(pp)


async def test_money_under_our_ids_that_we_do_not_know_is_reported_with_its_amount(
    pp: PayPalWorld,
):
    stranger = uuid4()
    named = ".".join(_short(each) for each in (stranger, stranger, pp.world.org_id))
    ref = await paid_elsewhere(pp, "42.00", custom_id=named)
    await paid_elsewhere(pp, "1.00")  # the venue's own business
    report = await reconcile(pp)
    [unknown] = [one for one in report["details"] if one["kind"] == "payment_unknown"]
    assert unknown["provider_ref"] == ref
    assert (unknown["ours_minor"], unknown["theirs_minor"]) == (0, 4200)
    assert report["drift"] == [{"amount_minor": 4200, "currency": "GBP"}]


async def test_another_amount_than_ours_is_the_drift(pp: PayPalWorld):
    booking, _, _ = await pp.paid()
    await pp.world.rows(
        "UPDATE payments SET captured_minor = 4000 WHERE booking_id = $1", booking.id
    )
    report = await reconcile(pp)
    assert kinds(report) == ["payment_differs"]
    assert report["drift"] == [{"amount_minor": 1000, "currency": "GBP"}]


async def test_a_payment_that_paypal_lost_is_asked_for_by_name(pp: PayPalWorld):
    booking, _ = await pp.ready()
    await pp.paypal.control(f"orders/{await booking.ref()}/lapse")
    assert kinds(await reconcile(pp)) == []  # nothing was paid
    [checked] = await pp.world.rows(
        "SELECT checked_at IS NOT NULL AS seen FROM payments WHERE booking_id = $1", booking.id
    )
    assert checked["seen"]


async def test_more_events_than_a_page_has_are_all_taken_in(pp: PayPalWorld):
    await pp.paypal.lose_webhooks()
    made = [await approved_elsewhere(pp, "1.00") for _ in range(105)]
    report = await reconcile(pp)
    assert kinds(report) == ["event_missed"] * 105
    told = {one["payment_ref"] for one in await pp.logged()}
    assert told == set(made)
    await nothing_is_left(pp)


async def test_a_list_that_does_not_answer_is_asked_again(pp: PayPalWorld):
    booking, payment = await pp.ready()
    await pp.paypal.lose_webhooks()
    await pp.paypal.approve(payment)
    await pp.paypal.fault(
        method="GET", path="/v1/notifications/webhooks-events", status=500, count=2
    )
    await pp.world.request("POST", "/reconciliations", pp.world.staff("payments:manage"), {})
    for _ in range(3):
        await pp.hurry()
    await booking.becomes("succeeded")


async def test_without_the_right_to_the_list_payments_are_looked_at_one_by_one(pp: PayPalWorld):
    """An app that may not see events: nothing is held up, and the run says what it lacks."""
    booking, payment = await pp.ready()
    await pp.paypal.approve(payment, "pending")
    await booking.becomes("processing")
    await pp.quiet()
    await pp.paypal.lose_webhooks()
    [capture] = await pp.paypal.captures(await booking.ref())
    await pp.paypal.control(f"captures/{capture['id']}/settle", {"completes": True})
    await pp.paypal.fault(
        method="GET", path="/v1/notifications/webhooks-events", status=403, count=1
    )
    report = await reconciled(pp.world, error="NOT_AUTHORIZED")
    assert kinds(report) == ["payment_missed"]
    await booking.becomes("succeeded")


async def test_an_event_that_came_while_the_page_was_read_is_one(pp: PayPalWorld):
    """The webhook and the list tell of the same event: the second changes nothing."""
    booking, _, ref = await pp.paid()
    before = await pp.logged()
    await nothing_is_left(pp)
    assert set(await pp.paypal.deliver(ref, count=2)) == {"200"}
    await pp.quiet()
    assert await pp.logged() == before
    assert (await booking.told_types()).count("payment.succeeded") == 1


def test_a_window_is_asked_for_in_whole_seconds_that_cover_it():
    since = datetime(2030, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)
    query = lists.first_page((since, since + timedelta(seconds=1)), 20, "A.KIND")
    assert query == {
        "page_size": "20",
        "start_time": "2030-01-02T03:04:05Z",
        "end_time": "2030-01-02T03:04:07Z",
        "event_type": "A.KIND",
    }


NEXT = "page_size=2&move_to=next&index_time=2030-01-02T03%3A04%3A05Z&index_id=3"


@pytest.mark.parametrize(
    ("data", "cursor", "following"),
    [
        (
            {"events": [{}], "links": [{"rel": "next", "href": f"https://evil/x?{NEXT}"}]},
            None,
            NEXT,
        ),
        ({"events": [{}], "links": [{"rel": "next", "href": f"/?{NEXT}"}]}, NEXT, None),
        ({"events": [], "links": [{"rel": "next", "href": f"/?{NEXT}"}]}, None, None),
        ({"events": [{}], "links": [{"rel": "previous", "href": f"/?{NEXT}"}]}, None, None),
        ({"events": [{}], "links": None}, None, None),
    ],
    ids=["the query alone", "to itself", "empty", "back", "none"],
)
def test_the_next_page_is_the_query_of_its_link(
    data: dict[str, Any], cursor: str | None, following: str | None
):
    assert lists.following(data, cursor) == following


@pytest.mark.parametrize(
    "links", [[1], [{"rel": "next"}], 7, [{"rel": "next", "href": "?" + "a" * 2000}]]
)
def test_a_link_that_is_none_is_no_answer(links: Any):
    with pytest.raises(Unreached):
        lists.following({"events": [{}], "links": links}, None)


def _short(identifier: UUID) -> str:
    return urlsafe_b64encode(identifier.bytes).decode().rstrip("=")


async def approved_elsewhere(pp: PayPalWorld, value: str, **named: str) -> str:
    """An order that the organisation made by another program, and its payer agreed to."""
    unit = {"amount": {"currency_code": "GBP", "value": value}, **named}
    order = {"intent": "CAPTURE", "purchase_units": [unit]}
    made = await pp.paypal.api("POST", "/v2/checkout/orders", order)
    await pp.paypal.control(f"orders/{made['id']}/approve")
    return str(made["id"])


async def paid_elsewhere(pp: PayPalWorld, value: str, **named: str) -> str:
    ref = await approved_elsewhere(pp, value, **named)
    await pp.paypal.api("POST", f"/v2/checkout/orders/{ref}/capture", {})
    return ref
