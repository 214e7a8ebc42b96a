"""Organisations paid through the platform (PAY-21, PAY-22): one account each, and charges shared."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payments_checkout import CARD, at_checkout, usd
from payments_connect import BACK, OPERATOR, Business
from payments_guarantee import fee_due, with_card
from payments_ledger import balances
from payments_webhooks import event, post, signed
from payments_world import CARDS, CONNECT_SECRET, Booking, Stripe, World, running

from chassis.auth import Principal
from chassis.testing import DatabaseUrls
from contracts.offerings import OfferingChanged
from contracts.testing import example
from payments.domain.connections import as_percent, basis_points, platform_fee
from payments.domain.money import Money
from payments.domain.payment import Payment, Status
from payments.domain.refunds import Refund, Taken, committed
from payments.domain.snapshot import RefundStatus
from sandbox.conformance import check_request

CARDS.setdefault("disputes", "pm_card_createDispute")
CARDS.setdefault("refunds later", "pm_card_pendingRefund")


@pytest.fixture
def business(world: World) -> Business:
    return Business(world)


def dinner(world: World, amount: int = 9500, **held: Any) -> Booking:
    return world.booking(amount_total=usd(amount), amount_due_now=usd(amount), **held)


# The fee


@pytest.mark.parametrize(
    ("amount", "basis_points", "fee"),
    [(9500, 500, 475), (30, 250, 1), (50, 100, 1), (49, 100, 0), (9500, 0, 0), (1, 10000, 1)],
)
def test_s4_9_the_fee_is_rounded_half_up_for_each_charge(amount: int, basis_points: int, fee: int):
    assert platform_fee(amount, basis_points) == fee


@given(st.integers(0, 2**53 - 1), st.integers(0, 10_000))
def test_the_fee_is_what_decimals_say_and_never_more_than_all(amount: int, basis_points: int):
    exact = (Decimal(amount) * basis_points / 10_000).quantize(Decimal(1), ROUND_HALF_UP)
    assert platform_fee(amount, basis_points) == exact <= amount


@pytest.mark.parametrize(
    ("basis_points", "text"), [(500, "5"), (250, "2.5"), (25, "0.25"), (0, "0"), (10000, "100")]
)
def test_percent_is_told_without_empty_digits(basis_points: int, text: str):
    assert as_percent(basis_points) == text


@pytest.mark.parametrize(
    ("text", "points"), [("5", 500), ("2.5", 250), ("0.25", 25), ("100", 10000), ("100.0", 10000)]
)
def test_percent_is_read_to_two_places(text: str, points: int):
    assert basis_points(text) == points


@pytest.mark.parametrize("text", ["", "-1", "101", "100.01", "1.234", "5%", "5,5", "\u0665"])
def test_no_percent_is_no_fee(text: str):
    with pytest.raises(ValueError, match="0 to 100"):
        basis_points(text)


# Getting connected


async def test_pay22_from_asking_over_stripes_page_to_the_first_payment(
    world: World, stripe: Stripe, business: Business
):
    asked = await business.connect()
    assert (asked["standing"], asked["country"]) == ("creating", "US")
    onboarding = await business.becomes("onboarding")
    assert onboarding["requirements"]
    assert not onboarding["charges_enabled"]
    before = dinner(world)
    await before.ready()
    [intent] = await stripe.intents_of(before.id)
    assert intent["transfer_data"] is None

    path = f"/payment-accounts/{asked['id']}/onboarding-link"
    status, link = await business.ask("POST", path, BACK)
    assert status == 200, link
    async with world.http.get(link["url"]) as page:
        action = (await page.text()).partition('action="')[2].partition('"')[0]
    async with world.http.get(link["url"], allow_redirects=False) as again:
        assert again.headers["location"] == BACK["return_url"]
    async with world.http.post(
        stripe.url + action, data={"answer": "all"}, allow_redirects=False
    ) as told:
        assert told.headers["location"] == BACK["return_url"]
    ready = await business.becomes("ready")
    assert (ready["charges_enabled"], ready["payouts_enabled"]) == (True, True)
    assert ready["requirements"] == []

    await dinner(world).paid()
    [account] = await business.at_stripe()
    assert account["controller"]["fees"]["payer"] == "application"
    assert set(account["metadata"]) == {"org_id", "connection"}


async def test_asked_twice_it_is_the_same_account(world: World, business: Business):
    first = await business.connect()
    assert (await business.connect())["id"] == first["id"]
    await business.becomes("onboarding")
    status, again = await business.ask("POST", "/payment-accounts/connect", {"country": "US"})
    assert (status, again["id"]) == (200, first["id"])
    status, no = await business.ask("POST", "/payment-accounts/connect", {"country": "GB"})
    assert (status, no["code"]) == (409, "CONNECTED_ELSEWHERE")
    await world.quiet()
    assert len(await business.at_stripe()) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        {"drop": True, "after": True},
        {"status": 503},
        {"status": 500},
        {"status": 500, "after": True},
        {"status": 429},
    ],
    ids="-".join,
)
async def test_whatever_gets_lost_one_account_is_made(
    world: World, stripe: Stripe, business: Business, trouble: dict[str, Any]
):
    await stripe.fault(method="POST", path="/v1/accounts", **trouble)
    await business.connect()
    for _ in range(3):
        await world.hurry()
    await business.becomes("onboarding")
    assert len(await business.at_stripe()) == 1


@pytest.mark.usefixtures("patient_retries")
async def test_a_key_that_is_too_old_to_be_sent_again_is_looked_for(
    world: World, stripe: Stripe, business: Business
):
    await stripe.fault(method="POST", path="/v1/accounts", drop=True, after=True)
    await business.connect()
    await world.quiet()
    await world.rows("UPDATE connections SET called_at = called_at - interval '23 hours 1 minute'")
    await stripe.forget_keys()
    await world.hurry()
    await business.becomes("onboarding")
    assert len(await business.at_stripe()) == 1


async def test_a_country_that_stripe_does_not_serve_can_be_corrected(
    world: World, business: Business
):
    await business.connect("KP")
    refused = await business.becomes("refused")
    assert refused["refusal"] == "country_unsupported"
    path = f"/payment-accounts/{refused['id']}/onboarding-link"
    status, no = await business.ask("POST", path, BACK)
    assert (status, no["code"]) == (409, "CONNECTION_NOT_OPEN")
    assert (await business.connect("SE"))["standing"] == "creating"
    assert (await business.becomes("onboarding"))["country"] == "SE"
    assert [one["country"] for one in await business.at_stripe()] == ["SE"]


async def test_back_from_the_page_without_any_event(
    world: World, stripe: Stripe, business: Business
):
    asked = await business.connect()
    await business.becomes("onboarding")
    await world.quiet()
    await stripe.pause()
    await business.happens("onboard")
    status, _ = await business.ask("POST", f"/payment-accounts/{asked['id']}/onboarding-return")
    assert status == 202
    await business.becomes("ready")


async def test_stripe_away_is_said_at_once(world: World, stripe: Stripe, business: Business):
    asked = await business.connect()
    await business.becomes("onboarding")
    await stripe.fault(method="POST", path="/v1/account_links", status=503)
    path = f"/payment-accounts/{asked['id']}/onboarding-link"
    status, no = await business.ask("POST", path, BACK)
    assert (status, no["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
    assert (await business.ask("POST", path, BACK))[0] == 200


@pytest.mark.parametrize(("outcome", "lost"), [("won", 0), ("lost", 9500)])
async def test_the_platform_stands_in_for_disputes(
    world: World, stripe: Stripe, business: Business, outcome: str, lost: int
):
    await business.ready()
    await business.fee("5")
    booking = dinner(world)
    await stripe.pay(await booking.ready(), "disputes")
    await booking.becomes("succeeded")
    await world.quiet()
    own = {"charged": -9500, "platform_fee": 475, "provider_balance": 9025}
    assert await balances(world, booking) == {
        **own,
        "platform_cost": 2172,
        "platform_disputed": 9500,
        "platform_balance": -11672,
    }
    _, listed = await world.request("GET", "/disputes", world.staff("payments:view"))
    path = f"/_sandbox/disputes/{listed['disputes'][0]['provider_ref']}/settle"
    await stripe.call("POST", path, {"outcome": outcome})
    await world.quiet()
    left = {name: n for name, n in (await balances(world, booking)).items() if n}
    gone = {"platform_lost": lost} if lost else {}
    assert left == {**own, **gone, "platform_cost": 2172, "platform_balance": -2172 - lost}


async def test_the_platforms_report_tells_what_it_kept_and_what_that_cost_it(
    world: World, business: Business
):
    await business.ready()
    await business.fee("5")
    paid, back = dinner(world), dinner(world)
    await paid.paid()
    payment = await back.paid()
    await world.hand(back.refund_due(payment["id"], "all", usd(9500)))
    await world.quiet()
    async with world.db.transaction(world.org_id) as tx:
        today = (await tx.now()).astimezone(UTC).date()
    query = f"from={today - timedelta(days=1)}&to={today + timedelta(days=1)}"
    path = f"/payouts/platform-report?{query}&format=json"
    status, lines = await business.ask("GET", path, by=OPERATOR)
    assert status == 200, lines
    ours = [one for one in lines if one["organisation_id"] == str(world.org_id)]
    sums = {name: sum(one[name] for one in ours) for name in ours[0] if name.endswith("_minor")}
    assert sums == {
        "platform_fees_minor": 475,
        "costs_minor": 2 * 172,
        "disputed_minor": 0,
        "lost_minor": 0,
        "due_minor": 0,
        "net_minor": 475 - 2 * 172,
    }
    status, no = await business.ask("GET", path)
    assert (status, no["code"]) == (403, "FORBIDDEN")
    report = f"/payouts/report?{query}&format=json"
    status, lines = await business.ask("GET", report, by=world.staff("payments:view"))
    assert sum(one["fees_minor"] for one in lines) == 0
    assert sum(one["net_minor"] for one in lines) == 9500 - 475


# Charges


async def test_s4_9_five_percent_of_95_dollars_are_475_cents(
    world: World, stripe: Stripe, business: Business
):
    ref = await business.ready()
    await business.fee("5")
    booking = dinner(world)
    await booking.paid()
    [intent] = await stripe.intents_of(booking.id)
    assert intent["application_fee_amount"] == 475
    assert (intent["on_behalf_of"], intent["transfer_data"]["destination"]) == (ref, ref)
    assert intent["metadata"]["platform_fee_percent"] == "5"
    assert all(isinstance(value, str) for value in intent["metadata"].values())
    charge = await business.charge(intent["id"])
    assert (charge["transfer"]["amount"], charge["transfer"]["destination"]) == (9500, ref)
    assert charge["application_fee"]["amount"] == 475
    [split] = await world.rows("SELECT destination, fee_minor, fee_basis_points FROM splits")
    assert tuple(split.values()) == (ref, 475, 500)
    # What Stripe keeps of such a charge it keeps of the platform's balance.
    assert await balances(world, booking) == {
        "charged": -9500,
        "platform_fee": 475,
        "provider_balance": 9025,
        "platform_cost": 172,
        "platform_balance": -172,
    }


async def test_s4_9_on_stripes_page_too(world: World, stripe: Stripe, business: Business):
    ref = await business.ready()
    await business.fee("5")
    booking = at_checkout(world)
    await booking.ready()
    [session] = await stripe.sessions_of(booking.id)
    assert session["metadata"]["platform_fee_percent"] == "5"
    assert all(isinstance(value, str) for value in session["metadata"].values())
    await stripe.at_checkout(session["id"], "pay", card=CARD)
    await booking.becomes("succeeded")
    intent = (await stripe.checkout(session["id"]))["payment_intent"]
    charge = await business.charge(intent["id"])
    assert (charge["application_fee"]["amount"], charge["on_behalf_of"]) == (475, ref)


async def test_the_fee_of_a_payment_is_frozen_and_refunds_return_its_part(
    world: World, business: Business
):
    await business.ready()
    await business.fee("5")
    booking = dinner(world)
    payment = await booking.paid()
    await business.fee("50")
    intent = await booking.ref()
    taken_back = []
    for number, amount in enumerate((3333, 3333, 2834)):
        await world.hand(booking.refund_due(payment["id"], f"part_{number}", usd(amount)))
        await world.quiet()
        charge = await business.charge(intent)
        parts = charge["transfer"]["amount_reversed"], charge["application_fee"]["amount_refunded"]
        taken_back.append(parts)
        booked = await balances(world, booking)
        assert booked["platform_fee"] == 475 - parts[1]
    assert taken_back == [(3333, 167), (6666, 333), (9500, 475)]
    kinds = await world.rows(
        "SELECT kind, amount_minor FROM ledger WHERE booking_id = $1 "
        "AND kind LIKE 'platform_fee%' ORDER BY position",
        booking.id,
    )
    assert [tuple(row.values()) for row in kinds] == [
        ("platform_fee", 475),
        ("platform_fee_returned", 167),
        ("platform_fee_returned", 166),
        ("platform_fee_returned", 142),
    ]


async def test_a_refund_that_bounces_is_made_again_by_the_platform_that_has_its_money(
    world: World, stripe: Stripe, business: Business
):
    """Stripe gives such money to the platform; what was taken back, and the fee, stay so."""
    await business.ready()
    await business.fee("5")
    booking = dinner(world)
    payment = await booking.paid()
    ref = await booking.ref()
    net, seen = 9500 - 475, []

    async def stands() -> tuple[int, int, int, int]:
        await world.quiet()
        charge = await business.charge(ref)
        booked = await balances(world, booking)
        held = charge["transfer"]["amount"] - charge["transfer"]["amount_reversed"]
        fee = charge["application_fee"]["amount"] - charge["application_fee"]["amount_refunded"]
        assert booked["provider_balance"] == held - fee  # what Stripe holds for the organisation
        assert booked["platform_fee"] == fee
        return fee, booked["refunded"], booked.get("platform_due", 0), booked["provider_balance"]

    async def back(amount: int, name: str) -> Any:
        await world.hand(booking.refund_due(payment["id"], name, usd(amount)))
        await world.quiet()
        return (await stripe.refunds_of(ref))[0]

    async def bounces(refund: Any) -> None:
        path = f"/_sandbox/refunds/{refund['id']}/settle"
        await stripe.call("POST", path, {"succeeds": False})

    first = await back(6000, "first")
    seen.append(await stands())
    for _ in range(2):
        await stripe.deliver(ref, 2)
    await bounces(first)
    seen.append(await stands())
    again = await back(6000, "again")
    assert (first["transfer_reversal"] is None, again["transfer_reversal"]) == (False, None)
    seen.append(await stands())
    await bounces(again)
    seen.append(await stands())
    whole = await back(9500, "whole")  # the account has only 3500 of it
    assert whole["transfer_reversal"] is None
    seen.append(await stands())
    assert seen == [
        (175, 6000, 0, net - 5700),
        (175, 0, 6000, net - 5700),
        (175, 6000, 0, net - 5700),
        (175, 0, 6000, net - 5700),
        (175, 9500, -3500, net - 5700),
    ]


@given(st.lists(st.tuples(st.integers(1, 100), st.booleans()), max_size=12))
def test_however_refunds_bounce_no_more_is_taken_back_than_was_passed_on(
    story: list[tuple[int, bool]],
):
    payment = Payment(
        id=uuid4(),
        org_id=uuid4(),
        booking_id=uuid4(),
        account_id="platform",
        provider="stripe",
        amount=Money(100, "USD"),
        captured=Money(100, "USD"),
        status=Status.SUCCEEDED,
        version=1,
        expires_at=datetime.now(UTC),
        locale="en",
    )
    made: list[Refund] = []
    for wanted, bounces in story:
        taken = Taken(payment, made)
        amount = Money(min(wanted, taken.left.amount_minor), "USD")
        came_back = taken.taken_back - committed(made)
        by_platform = taken.paid_by_platform(amount)
        if came_back >= amount.amount_minor:
            assert by_platform  # nothing is taken twice
        status = RefundStatus.FAILED if bounces else RefundStatus.SUCCEEDED
        refund = Refund(
            id=uuid4(),
            org_id=payment.org_id,
            booking_id=payment.booking_id,
            payment_id=payment.id,
            cause=f"refund_due:{len(made)}",
            amount=amount,
            status=status,
            provider_ref=f"re_{len(made)}",
            by_platform=by_platform,
        )
        made.append(refund)
        assert Taken(payment, made).taken_back <= 100
    assert committed(made) <= 100


async def test_what_bounces_before_it_was_made_moved_money_as_well(
    world: World, stripe: Stripe, business: Business
):
    await business.ready()
    await business.fee("5")
    booking = dinner(world)
    await stripe.pay(payment := await booking.ready(), "refunds later")
    await booking.becomes("succeeded")
    await world.hand(booking.refund_due(payment["id"], "all", usd(9500)))
    await world.quiet()
    [refund] = await stripe.refunds_of(await booking.ref())
    assert refund["status"] == "pending"
    await stripe.call("POST", f"/_sandbox/refunds/{refund['id']}/settle", {"succeeds": False})
    await world.quiet()
    booked = await balances(world, booking)
    assert {name: n for name, n in booked.items() if n and "cost" not in name} == {
        "charged": -9500,
        "platform_due": 9500,
        "platform_balance": -172,
    }


async def test_a_refund_by_hand_that_takes_nothing_back_is_the_platforms(
    world: World, stripe: Stripe, business: Business
):
    await business.ready()
    booking = dinner(world)
    await booking.paid()
    ref = await booking.ref()
    await stripe.call("POST", "/v1/refunds", form={"payment_intent": ref, "amount": "700"})
    form = {"payment_intent": ref, "amount": "800", "reverse_transfer": "true"}
    await stripe.call("POST", "/v1/refunds", form=form)
    await world.quiet()
    booked = await balances(world, booking)
    assert (booked["refunded"], booked["provider_balance"]) == (1500, 8700)
    assert booked["platform_due"] == -700


async def test_a_platform_may_keep_its_fee_and_have_one_of_its_own(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]], sandbox: str
):
    urls = await fresh_database("payments")
    terms = {"PLATFORM_FEE_PERCENT": "2.5", "PLATFORM_FEE_REFUNDED": False}
    async with running(urls, sandbox, **terms) as world:
        business = Business(world)
        await business.ready()
        booking = dinner(world)
        payment = await booking.paid()
        await world.hand(booking.refund_due(payment["id"], "all", usd(9500)))
        await world.quiet()
        charge = await business.charge(await booking.ref())
        assert charge["application_fee"]["amount"] == 238  # 237.5
        assert charge["application_fee"]["amount_refunded"] == 0
        assert charge["transfer"]["amount_reversed"] == 9500
        assert (await balances(world, booking))["platform_fee"] == 238
        await business.fee("0")
        free = dinner(world)
        payment = await free.paid()
        await world.hand(free.refund_due(payment["id"], "all", usd(9500)))
        await world.quiet()
        charge = await business.charge(await free.ref())
        assert charge["application_fee"] is None
        assert charge["transfer"]["amount_reversed"] == 9500
        assert "platform_fee" not in await balances(world, free)


async def test_the_fee_of_a_guest_who_did_not_come_is_shared_as_agreed_with_the_card(
    world: World, stripe: Stripe, business: Business
):
    ref = await business.ready()
    await business.fee("5")
    booking = await with_card(world)
    setup = await stripe.call("GET", f"/v1/setup_intents/{await booking.ref()}")
    assert setup["on_behalf_of"] == ref
    await business.fee("50")
    await world.hand(fee_due(booking, 2500))
    await world.quiet()
    [intent] = await stripe.intents_of(booking.id)
    assert (intent["status"], intent["application_fee_amount"]) == ("succeeded", 125)
    assert intent["metadata"]["platform_fee_percent"] == "5"
    charge = await business.charge(intent["id"])
    assert charge["on_behalf_of"] == ref
    assert (charge["transfer"]["amount"], charge["transfer"]["destination"]) == (2500, ref)
    assert (await balances(world, booking))["platform_fee"] == 125


async def test_while_the_account_is_restricted_payments_fail_with_its_code(
    world: World, stripe: Stripe, business: Business
):
    await business.ready()
    await business.happens("restrict")
    restricted = await business.becomes("restricted")
    assert restricted["disabled_reason"] == "requirements.past_due"
    booking = dinner(world)
    await world.hand(booking.hold())
    assert (await world.payment(booking.id))["status"] == "failed"
    [told] = await booking.told()
    assert (told["code"], told["terminal"]) == ("connected_account_disabled", True)
    assert await stripe.intents_of(booking.id) == []
    await business.happens("onboard")
    await business.becomes("ready")
    await dinner(world).paid()


async def test_a_business_that_leaves_can_come_back_with_another_account(
    world: World, business: Business
):
    left = await business.ready()
    payment = await (paid := dinner(world)).paid()
    await business.happens("leave")
    gone = await business.becomes("disconnected")
    assert not gone["charges_enabled"]
    booking = dinner(world)
    await world.hand(booking.hold())
    assert (await world.payment(booking.id))["failure"]["code"] == "generic"
    path = f"/payment-accounts/{gone['id']}/onboarding-link"
    status, no = await business.ask("POST", path, BACK)
    assert (status, no["code"]) == (409, "CONNECTION_GONE")
    assert await business.ready() != left
    await world.hand(paid.refund_due(payment["id"], "all", usd(9500)))
    await world.quiet()
    assert (await world.payment(paid.id))["refunded_total"]["amount_minor"] == 9500


async def test_keys_of_its_own_and_the_connection_replace_each_other(
    world: World, stripe: Stripe, business: Business
):
    ref = await business.ready()
    own = {"secret_key": f"sk_test_{uuid4().hex}"}
    assert (await business.ask("POST", "/payment-accounts", own))[0] == 201
    assert (await business.seen())["standing"] == "replaced"
    booking = dinner(world)
    await world.hand(booking.hold())
    await world.quiet()
    assert await stripe.intents_of(booking.id) == []
    assert (await business.connect())["standing"] == "ready"
    again = dinner(world)
    await again.paid()
    [intent] = await stripe.intents_of(again.id)
    assert intent["transfer_data"]["destination"] == ref


async def test_what_is_sold_on_the_page_goes_along_to_the_platforms_catalogue(
    world: World, stripe: Stripe, business: Business
):
    own = {"secret_key": f"sk_test_{uuid4().hex}"}
    assert (await business.ask("POST", "/payment-accounts", own))[0] == 201
    offering = example(OfferingChanged).model_copy(
        update={"offering_id": uuid4(), "org_id": world.org_id}
    )
    await world.hand(offering)
    await world.quiet()
    product = f"/v1/products/activity_{offering.offering_id}"
    assert "error" in await stripe.call("GET", product)
    await business.ready()
    await world.quiet()
    assert (await stripe.call("GET", product))["active"] is True
    booking = at_checkout(world, offering_id=offering.offering_id)
    await booking.ready()
    assert len(await stripe.sessions_of(booking.id)) == 1


async def test_late_repeated_and_foreign_events_change_nothing(world: World, business: Business):
    ref = await business.ready()
    told = _about(ref, charges_enabled=False)
    for body in (told, told, _about("acct_nobody")):
        assert (await post(world, body, signed(body, CONNECT_SECRET)))[0] == 200
    await world.quiet()
    assert (await business.seen())["standing"] == "ready"
    [kept] = await world.rows(
        "SELECT outcome FROM messaging.provider_events WHERE event_id = $1", json.loads(told)["id"]
    )
    assert kept["outcome"] == "applied"


def _about(account: str, **thing: Any) -> bytes:
    told = json.loads(event("account.updated", **{"id": account, "object": "account", **thing}))
    return json.dumps({**told, "account": account}).encode()


# Who may


async def test_connections_are_their_organisations_and_fees_the_operators(
    world: World, business: Business
):
    asked = await business.connect()
    path = f"/payment-accounts/{asked['id']}"
    viewer = world.staff("payments:view")
    assert (await business.ask("GET", f"{path}/connection", by=viewer))[0] == 200
    stranger = Principal("key", "k", uuid4(), frozenset({"payments:manage"}))
    for method, step, body in (
        ("GET", "connection", None),
        ("POST", "onboarding-link", BACK),
        ("POST", "onboarding-return", None),
    ):
        assert (await business.ask(method, f"{path}/{step}", body, by=stranger))[0] == 404
        nobody = world.staff("bookings:view")
        assert (await business.ask(method, f"{path}/{step}", body, by=nobody))[0] == 403
    fee = f"/organisations/{world.org_id}/platform-fee"
    assert (await business.ask("PATCH", fee, {"percent": "5"}))[0] == 403
    elsewhere = {"country": "US", "organisation_id": str(uuid4())}
    assert (await business.ask("POST", "/payment-accounts/connect", elsewhere))[0] == 403
    unnamed = {"country": "US"}
    status, no = await business.ask("POST", "/payment-accounts/connect", unnamed, by=OPERATOR)
    assert (status, no["errors"][0]["field"]) == (422, "organisation_id")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/payment-accounts/connect", {}, "country"),
        ("POST", "/payment-accounts/connect", {"country": "usa"}, "country"),
        ("POST", "/payment-accounts/connect", {"country": "US", "email": "a@b.c"}, "email"),
        ("POST", f"/payment-accounts/{uuid4()}/onboarding-link", {}, "return_url"),
        (
            "POST",
            f"/payment-accounts/{uuid4()}/onboarding-link",
            {"return_url": "javascript:1"},
            "return_url",
        ),
        ("PATCH", f"/organisations/{uuid4()}/platform-fee", {"percent": 5}, "percent"),
        ("PATCH", f"/organisations/{uuid4()}/platform-fee", {"percent": "101"}, "percent"),
        ("PATCH", f"/organisations/{uuid4()}/platform-fee", {"percent": "1.234"}, "percent"),
    ],
)
async def test_bad_input_is_refused_by_field(
    world: World, business: Business, method: str, path: str, body: Any, field: str
):
    status, no = await business.ask(method, path, body, by=OPERATOR)
    assert status == 422
    assert field in {error["field"] for error in no["errors"]}
    assert await world.rows("SELECT FROM connections") == []


async def test_every_request_is_one_that_stripe_understands(world: World, business: Business):
    asked = await business.connect("GB")
    await business.becomes("onboarding")
    await world.quiet()
    await business.ask("POST", f"/payment-accounts/{asked['id']}/onboarding-link", BACK)
    await business.happens("onboard")
    await business.becomes("ready")
    await business.fee("5")
    booking = dinner(world)
    payment = await booking.paid()
    await at_checkout(world).ready()
    await world.hand(booking.refund_due(payment["id"], "all", usd(9500)))
    await world.quiet()
    seen = await world.stripe.call("GET", "/_sandbox/requests")
    ours = [one for one in seen if one["account"] == world.stripe.key.removeprefix("sk_test_")]
    assert {one["path"] for one in ours} >= {"/v1/accounts", "/v1/account_links", "/v1/refunds"}
    for one in ours:
        if "client_secret" not in one["params"]:  # which only browsers send
            assert check_request(one["method"], one["path"], one["params"]) == [], one
