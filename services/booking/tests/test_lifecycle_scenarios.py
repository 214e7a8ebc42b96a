"""Lines of the acceptance scenarios about a booking's life, by their numbers, over HTTP."""

import asyncio
import re
from datetime import timedelta

import pytest
import pytest_asyncio
from booking_client import CUSTOMER, GUEST, manage, staff

from booking import messages
from chassis.ids import uuid7
from chassis.messaging import Meta
from contracts.registry import contract
from contracts.testing import example

TIERS = [
    {"key": "adult", "label": "Adult", "amount_minor": 3500},
    {"key": "child", "label": "Child", "amount_minor": 2500},
]


@pytest_asyncio.fixture
async def activity(world):
    """A session for 8 of an activity with a hold of 10 minutes and tiers per head."""
    await world.admin.execute(
        "UPDATE organisations SET reference_template = 'BK-XXXXXX-XXXX' WHERE org_id = $1",
        world.org_id,
    )
    offering = await world.offering(
        "class",
        inventory={"capacity": 8, "units": "person", "party_max": 8},
        pricing={"kind": "per_head", "tiers": TIERS},
        policy={"hold_minutes": 10, "release_on_failure": True, "refund_tiers": []},
    )
    return await world.open(offering, lasts=timedelta(hours=1))


@pytest.fixture
def tell(world):
    """Tell the service what payments says, by its golden example."""
    handlers = messages.build(world.shop)

    async def tell(type_, booking_id, *, sequence=1, **facts):
        model, handler = handlers.find(type_)
        facts = {
            "payment_id": uuid7(),
            **facts,
            "booking_id": booking_id,
            "org_id": world.org_id,
            "change_id": None,
        }
        message = model.from_json(example(type_).model_copy(update=facts).to_json())
        meta = Meta(
            message_id=uuid7(),
            type=type_,
            org_id=world.org_id,
            key=str(booking_id),
            sequence=sequence,
            time=await world.now(),
            attempt=1,
            traceparent=None,
        )
        await world.db.run(world.org_id, lambda tx: handler(tx, message, meta), cause=meta)

    return tell


async def reserve(client, session, key="k" * 16, **quantities):
    wanted = {
        "session_id": str(session.id),
        "quantities": quantities or {"adult": 2, "child": 1},
        "customer": CUSTOMER,
        "source": "widget",
    }
    status, answer = await client("POST", "/bookings", GUEST, key, json=wanted)
    assert status == 201, answer
    return answer


async def remaining(client, session):
    return (await client("GET", f"/sessions/{session.id}/availability"))[1]["remaining"]


async def read(client, world, booking, epoch=1):
    caller = manage(world.org_id, _id(booking), epoch)
    return (await client("GET", f"/bookings/{booking['id']}", caller))[1]


def _id(booking):
    from uuid import UUID

    return UUID(booking["id"])


async def ring(world, booking):
    from booking.usecases.expire import expire

    await world.run(lambda tx: expire(tx, _id(booking)))


async def test_s3_5_a_party_of_3_of_8_leaves_5_at_once_for_ten_minutes(client, world, activity):
    before = await world.now()
    booking = await reserve(client, activity)
    assert await remaining(client, activity) == 5
    from datetime import datetime

    after = await world.now()
    ends = datetime.fromisoformat(booking["expires_at"])
    assert before <= ends - timedelta(minutes=10) <= after
    assert int((ends - after).total_seconds()) <= booking["seconds_left"] <= 600


async def test_s3_7_and_s4_2_an_unpaid_place_is_free_after_ten_minutes(client, world, activity):
    booking = await reserve(client, activity)
    await world.advance(minutes=10)
    assert await remaining(client, activity) == 8
    await ring(world, booking)
    assert (await read(client, world, booking))["status"] == "expired"
    rows = await world.admin.fetch(
        "SELECT type FROM messaging.outbox WHERE ordering_key = $1 AND due_at IS NULL",
        booking["id"],
    )
    # What payments cancels the payment at the provider by (F-07).
    assert "booking.expired.v1" in [row["type"] for row in rows]


async def test_s3_7_a_guest_who_cancels_gives_the_place_back_at_once(client, world, activity):
    booking = await reserve(client, activity)
    own = manage(world.org_id, _id(booking))
    status, done = await client("POST", f"/bookings/{booking['id']}/cancel", own, json={})
    assert (status, done["status"]) == (200, "cancelled")
    assert await remaining(client, activity) == 8


async def test_s3_18_a_guest_without_the_token_can_do_nothing(client, world, activity):
    booking = await reserve(client, activity)
    other = await reserve(client, activity, "l" * 16, adult=1)
    stranger = manage(world.org_id, _id(other))
    path = f"/bookings/{booking['id']}"
    attempts = {
        ("GET", path): None,
        ("POST", f"{path}/cancel"): {},
        ("POST", f"{path}/waiver"): {"signed_name": "Test Guest"},
        ("POST", f"{path}/check-in"): {},
        ("POST", f"{path}/no-show"): {},
        ("POST", f"{path}/revoke-links"): {},
        ("POST", f"{path}/refund-approval"): {"decision": "approve", "reason": "x"},
        ("PATCH", path): {"notes": "x"},
    }
    for caller in (stranger, GUEST, manage(uuid7(), _id(booking))):
        for (method, at), body in attempts.items():
            assert (await client(method, at, caller, json=body))[0] in {401, 403, 404}, at
    assert (await read(client, world, booking))["status"] == "pending_payment"


async def test_s4_1_a_widget_checkout_is_pending_and_unpaid_then_confirmed_and_paid(
    client, world, activity, tell
):
    booking = await reserve(client, activity)
    assert (booking["status"], booking["payment_status"]) == ("pending_payment", "unpaid")
    assert re.fullmatch(r"BK-[A-Z0-9]{6}-[A-Z0-9]{4}", booking["reference"])
    assert booking["amount_due_now"]["amount_minor"] == 9500
    amount = example("payment.succeeded.v1").amount.model_copy(update={"amount_minor": 9500})
    payment = uuid7()
    for _ in range(3):  # providers tell things more than once
        await tell("payment.succeeded.v1", _id(booking), payment_id=payment, amount=amount)
    seen = await read(client, world, booking)
    assert (seen["status"], seen["payment_status"]) == ("confirmed", "paid")
    assert (seen["source"], seen["amount_paid"]["amount_minor"]) == ("widget", 9500)
    rows = await world.admin.fetch(
        "SELECT type FROM messaging.outbox WHERE ordering_key = $1 AND type = $2",
        booking["id"],
        "booking.confirmed.v1",
    )
    assert len(rows) == 1
    assert await remaining(client, activity) == 5


async def test_s4_3_a_card_error_fails_the_booking_and_restores_the_places(
    client, world, activity, tell
):
    booking = await reserve(client, activity)
    await tell("payment.failed.v1", _id(booking))
    seen = await read(client, world, booking)
    assert (seen["status"], seen["payment_status"]) == ("payment_failed", "failed")
    assert await remaining(client, activity) == 8


async def test_f16_without_release_on_failure_the_guest_may_try_again_until_the_hold_ends(
    client, world, tell
):
    session = await world.class_session(capacity=1)
    booking = await reserve_one(client, session)
    await tell("payment.failed.v1", _id(booking), terminal=False)
    seen = await read(client, world, booking)
    assert (seen["status"], seen["payment_status"]) == ("pending_payment", "failed")
    assert await remaining(client, session) == 0
    amount = example("payment.succeeded.v1").amount.model_copy(update={"amount_minor": 18000})
    await tell("payment.succeeded.v1", _id(booking), sequence=2, amount=amount)
    # A failure that is told late undoes nothing (F-23).
    await tell("payment.failed.v1", _id(booking), sequence=3)
    assert (await read(client, world, booking))["status"] == "confirmed"


async def reserve_one(client, session):
    wanted = {"session_id": str(session.id), "customer": CUSTOMER}
    return (await client("POST", "/bookings", GUEST, "k" * 16, json=wanted))[1]


async def test_s4_5_and_s1_17_what_is_asked_twice_is_told_once(client, world, activity, tell):
    booking = await reserve(client, activity)
    amount = example("payment.succeeded.v1").amount.model_copy(update={"amount_minor": 9500})
    await tell("payment.succeeded.v1", _id(booking), amount=amount)
    await world.admin.execute(
        "UPDATE messaging.clock SET shift = $1::timestamptz - now()", activity.starts_at
    )
    desk, path = staff(world.org_id, "bookings:edit"), f"/bookings/{booking['id']}/no-show"
    answers = await asyncio.gather(
        *(client("POST", path, desk, "same-key-of-sixteen", json={}) for _ in range(4)),
        *(client("POST", path, desk, f"other-key-{n}-sixteen", json={}) for n in range(4)),
    )
    assert sorted({status for status, _ in answers}) == [200, 409]
    rows = await world.admin.fetch(
        "SELECT 1 FROM messaging.outbox WHERE ordering_key = $1 AND type = 'booking.no_show.v1'",
        booking["id"],
    )
    assert len(rows) == 1
    entries = await world.admin.fetch(
        "SELECT 1 FROM audit WHERE entity_id = $1 AND action = 'booking.no_show'", _id(booking)
    )
    assert len(entries) == 1


async def test_s4_7_a_started_session_is_not_sold_after_a_no_show(client, world, activity, tell):
    booking = await reserve(client, activity)
    amount = example("payment.succeeded.v1").amount.model_copy(update={"amount_minor": 9500})
    await tell("payment.succeeded.v1", _id(booking), amount=amount)
    await world.admin.execute(
        "UPDATE messaging.clock SET shift = $1::timestamptz - now()", activity.starts_at
    )
    desk = staff(world.org_id, "bookings:edit")
    status, seen = await client("POST", f"/bookings/{booking['id']}/no-show", desk, json={})
    assert (status, seen["status"]) == (200, "no_show")
    seen = await read(client, world, booking)
    assert (seen["payment_status"], seen["amount_refunded"]["amount_minor"]) == ("paid", 0)
    wanted = {"session_id": str(activity.id), "quantities": {"adult": 1}, "customer": CUSTOMER}
    status, refused = await client("POST", "/bookings", GUEST, "n" * 16, json=wanted)
    assert (status, refused["code"]) == (409, "SESSION_STARTED")


async def test_f11_a_payment_that_takes_days_is_offered_early_and_hidden_late(client, world):
    pricing = {"amount_minor": 5000, "payment_methods": ["card", "bacs_debit"]}
    offering = await world.offering("class", pricing=pricing, policy={"clearing_minutes": 6 * 1440})
    early = await world.open(offering, starts_in=timedelta(days=7))
    late = await world.open(offering, starts_in=timedelta(days=5))
    for session, key, offered in ((early, "a", ["card", "bacs_debit"]), (late, "b", ["card"])):
        wanted = {"session_id": str(session.id), "customer": CUSTOMER}
        _, booking = await client("POST", "/bookings", GUEST, key * 16, json=wanted)
        payload = await world.admin.fetchval(
            "SELECT payload FROM messaging.outbox WHERE ordering_key = $1 AND due_at IS NULL",
            booking["id"],
        )
        message = contract("booking.held.v1").model.from_json(payload)
        assert list(message.payment_methods) == offered


async def test_the_guest_chooses_among_the_methods_that_are_offered(client, world):
    pricing = {
        "kind": "per_head",
        "tiers": TIERS,
        "payment_methods": ["card", "checkout"],
    }
    places = {"capacity": 8, "units": "person", "party_max": 8}
    offering = await world.offering("class", inventory=places, pricing=pricing)
    session = await world.open(offering, starts_in=timedelta(days=7))
    wanted = {
        "session_id": str(session.id),
        "quantities": {"adult": 2, "child": 1},
        "customer": CUSTOMER,
    }
    chosen = {**wanted, "payment_method": "checkout"}
    _, booking = await client("POST", "/bookings", GUEST, "a" * 16, json=chosen)
    payload = await world.admin.fetchval(
        "SELECT payload FROM messaging.outbox WHERE ordering_key = $1 AND due_at IS NULL",
        booking["id"],
    )
    message = contract("booking.held.v1").model.from_json(payload)
    assert message.payment_method == "checkout"
    assert set(message.payment_methods) == {"card", "checkout"}
    assert [(line.key, line.quantity) for line in message.lines] == [("adult", 2), ("child", 1)]
    assert (
        sum(line.quantity * line.unit_minor for line in message.lines)
        == message.amount_due_now.amount_minor
    )
    status, refused = await client(
        "POST", "/bookings", GUEST, "b" * 16, json={**wanted, "payment_method": "paypal"}
    )
    assert (status, refused["errors"][0]["field"]) == (422, "payment_method")


async def test_f11_where_nothing_clears_in_time_the_guest_is_told(client, world):
    pricing = {"amount_minor": 5000, "payment_methods": ["bacs_debit"]}
    offering = await world.offering("class", pricing=pricing, policy={"clearing_minutes": 6 * 1440})
    session = await world.open(offering, starts_in=timedelta(days=5))
    wanted = {"session_id": str(session.id), "customer": CUSTOMER}
    status, refused = await client("POST", "/bookings", GUEST, "k" * 16, json=wanted)
    assert (status, refused["code"]) == (409, "NO_PAYMENT_METHOD")
    at_venue = {**wanted, "payment": "at_venue"}
    clerk = staff(world.org_id, "bookings:create")
    assert (await client("POST", "/bookings", clerk, "l" * 16, json=at_venue))[0] == 201


@pytest.mark.parametrize("methods", [["bacs_debit"], ["card", "card"], [], ["cheque"]])
async def test_methods_that_cannot_be_name_their_field(client, world, make_world, methods):
    await world.admin.execute("UPDATE venues SET currency = 'SEK' WHERE org_id = $1", world.org_id)
    wanted = {
        "venue_id": str(world.venue_id),
        "preset": "class",
        "title": "Pilates",
        "pricing": {"amount_minor": 18000, "payment_methods": methods},
    }
    editor = staff(world.org_id, "catalogue:edit")
    status, refused = await client("POST", "/offerings", editor, json=wanted)
    assert status == 422, refused
    assert refused["errors"][0]["field"].startswith("pricing.payment_methods")


async def test_sch02_only_a_manager_with_a_reason_books_beyond_the_horizon(client, world):
    offering = await world.offering(
        "activity",
        pricing={"kind": "free"},
        schedule={"advance_booking_days": 30},
    )
    session = await world.open(offering, starts_in=timedelta(days=40))
    wanted = {"session_id": str(session.id), "customer": CUSTOMER}
    status, refused = await client("POST", "/bookings", GUEST, "a" * 16, json=wanted)
    assert (status, refused["code"]) == (422, "TOO_FAR_AHEAD")
    clerk, manager = (staff(world.org_id, p) for p in ("bookings:create", "bookings:manage"))
    assert (await client("POST", "/bookings", clerk, "b" * 16, json=wanted))[0] == 422
    wanted["override"] = {"reason": "Company outing"}
    assert (await client("POST", "/bookings", manager, "c" * 16, json=wanted))[0] == 201
