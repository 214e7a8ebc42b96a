"""Places that wait for a payment by hand: a deadline and caps of their own (PAY-32, PAY-34, F-13)."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from booking_client import GUEST, manage, staff

from booking.domain.guest import Contact
from booking.domain.policy import Policy
from booking.domain.refusals import Busy, Refusal
from chassis.ids import uuid7

PRICING = {"amount_minor": 18000, "payment_methods": ["card", "swish", "manual"]}
SWISH = {"amount_minor": 18000, "payment_methods": ["swish"]}


@pytest_asyncio.fixture
async def studio(world):
    """A studio that takes kronor, which is what Swish collects."""
    other = replace(world, org_id=uuid7())
    return await other.found(timezone="Europe/Stockholm", currency="SEK", country="SE")


async def class_of(world, *, starts_in=timedelta(days=10), pricing=PRICING, capacity=10, **policy):
    offering = await world.offering(
        "class", inventory={"capacity": capacity}, pricing=pricing, policy=policy
    )
    return await world.open(offering, starts_in=starts_in)


async def wish(client, session, caller=GUEST, *, number=0, method="swish", **more):
    """A guest's wish; guests differ by their number."""
    customer = {
        "name": "Test Guest",
        "email": f"guest{number}@example.com",
        "phone": f"+4670174{number:04d}",
    }
    body = {"session_id": str(session.id), "customer": customer, **more}
    if method is not None:
        body["payment_method"] = method
    return await client("POST", "/bookings", caller, uuid7().hex, json=body)


def clerk(world, *more):
    return staff(world.org_id, "bookings:create", *more)


def seconds(answer, world_now):
    return (datetime.fromisoformat(answer["expires_at"]) - world_now).total_seconds()


async def test_a_place_waits_as_long_as_the_offering_says(client, studio):
    session = await class_of(studio, by_hand_minutes=180, hold_minutes=10)
    now = await studio.now()
    status, by_swish = await wish(client, session)
    assert (status, by_swish["payment_status"]) == (201, "unpaid")
    assert 179 * 60 < seconds(by_swish, now) < 181 * 60
    _, by_card = await wish(client, session, number=1, method="card")
    assert 9 * 60 < seconds(by_card, now) < 11 * 60
    assert await studio.taken(session) == 2


async def test_but_not_past_the_start(client, studio):
    session = await class_of(studio, starts_in=timedelta(hours=1), by_hand_minutes=180)
    _, answer = await wish(client, session)
    assert datetime.fromisoformat(answer["expires_at"]) == session.starts_at


async def test_a_quote_tells_how_long(client, studio):
    session = await class_of(studio, by_hand_minutes=180, hold_minutes=10)
    for method, minutes in (("swish", 180), ("card", 10)):
        body = {"session_id": str(session.id), "payment_method": method}
        _, quoted = await client("POST", "/quotes", GUEST, json=body)
        assert quoted["hold_minutes"] == minutes
        assert "manual" not in quoted["payment_methods"]


async def test_f13_no_more_of_a_session_wait_than_the_offering_allows(client, studio):
    session = await class_of(studio, max_by_hand=2)
    for number in (0, 1):
        assert (await wish(client, session, number=number))[0] == 201
    status, refused = await wish(client, session, number=2)
    assert (status, refused["code"]) == (409, "TOO_MANY_BY_HAND")
    assert await studio.taken(session) == 2
    assert (await wish(client, session, number=2, method="card"))[0] == 201
    assert (await wish(client, session, clerk(studio), number=3))[0] == 201
    await studio.advance(days=1, minutes=1)  # those that waited have lapsed
    assert (await wish(client, session, number=4))[0] == 201


async def test_f13_a_guests_own_places_count_over_all_sessions(client, studio):
    first, second = await class_of(studio), await class_of(studio)
    offering_says = {"max_unpaid_holds": 1}
    third = await class_of(studio, **offering_says)
    assert (await wish(client, first))[0] == 201
    assert (await wish(client, second))[0] == 201
    status, refused = await wish(client, third)
    assert (status, refused["code"]) == (409, "TOO_MANY_UNPAID")
    assert (await wish(client, third, method="card"))[0] == 201
    assert (await wish(client, third, number=1))[0] == 201


async def at_once(world, session, many, tables=(), **guest):
    """So many holds of a session at the same moment; the refusals, by code."""

    async def one(number):
        who = {name: value.format(number) for name, value in guest.items()}
        while True:
            try:
                await world.hold(session, tables[number : number + 1], **who)
            except Busy:
                continue
            except Refusal as refusal:
                return refusal.code
            return None

    answers = await asyncio.gather(*(one(number) for number in range(many)))
    return Counter(code for code in answers if code)


EMAIL, PHONE = "guest@example.com", "+46701740605"


@pytest.mark.parametrize(
    "guest",
    [
        {"email": EMAIL, "phone": PHONE},
        {"email": EMAIL},
        {"phone": PHONE},
        {"email": EMAIL.upper(), "phone": "070-174 06 05"},
    ],
)
async def test_f13_a_guests_cap_holds_however_many_ask_at_once(studio, guest):
    """Over sessions, too, and whichever of the two tells that it is the same guest."""
    sessions = [await class_of(studio, pricing=SWISH, max_by_hand=100) for _ in range(4)]
    for _ in range(3):
        refused = await asyncio.gather(
            *(at_once(studio, session, 5, **guest) for session in sessions)
        )
        assert sum([await studio.taken(session) for session in sessions]) == 3
        assert sum(refused, Counter()).keys() == {"TOO_MANY_UNPAID"}
    assert not await studio.drift()
    await studio.advance(days=1, minutes=1)
    await at_once(studio, sessions[0], 5, **guest)
    assert await waits(studio) == 3


async def test_f13_a_sessions_cap_holds_however_many_ask_at_once(studio):
    session = await class_of(studio, pricing=SWISH, capacity=50, max_by_hand=4)
    for _ in range(2):
        refused = await at_once(studio, session, 24)
        assert await studio.taken(session) == 4
        assert refused.keys() == {"TOO_MANY_BY_HAND"}
    assert await waits(studio) == 4
    assert not await studio.drift()


async def test_f13_caps_hold_where_tables_are_chosen(studio):
    """Nothing of the session is locked there, and each takes another table."""
    tables = [await studio.table(number) for number in range(1, 13)]
    policy = {"max_by_hand": 3, "max_unpaid_holds": 2}
    offering = await studio.offering("event_table", pricing=SWISH, policy=policy)
    one, other = [await studio.open(offering, starts_in=timedelta(days=day)) for day in (10, 12)]
    refused = await at_once(studio, one, 12, tables, email="guest{}@example.com")
    assert (refused["TOO_MANY_BY_HAND"], await waits(studio)) == (9, 3)
    refused = await at_once(studio, other, 12, tables, email=EMAIL)
    assert (refused["TOO_MANY_UNPAID"], await waits(studio)) == (10, 5)
    assert not await studio.drift()


async def test_only_those_who_pay_by_hand_wait_for_each_other(studio, hurried):
    studio = hurried(studio)
    """The locks of the caps are of those that the caps bind."""
    session = await class_of(studio, pricing=SWISH)
    by_card = await class_of(studio, pricing={**SWISH, "payment_methods": ["card"]})
    email, phone = studio.shop.vault.hashes(Contact(email=EMAIL, phone=PHONE))
    async with studio.db.transaction(studio.org_id) as tx:
        await tx.fetchval(
            "SELECT by_hand_refusal($1, $2, $3, $4, '{swish}', 3, 3, now())",
            studio.org_id,
            session.id,
            email,
            phone,
        )
        await studio.hold(by_card, email=EMAIL, phone=PHONE)
        with pytest.raises(Busy):
            await studio.hold(session, email=EMAIL)
    await studio.hold(session, email=EMAIL, phone=PHONE)
    assert await waits(studio) == 2


async def test_what_could_not_be_offered_yet_is_offered_later(studio):
    """Who has too many places elsewhere keeps theirs in line, and then is offered a real one."""
    elsewhere, session = [
        await class_of(studio, pricing=SWISH, capacity=1, max_unpaid_holds=1) for _ in range(2)
    ]
    full = await studio.hold(session)
    entry = await studio.wait_for(session, email=EMAIL)
    first = await studio.hold(elsewhere, email=EMAIL)
    await studio.cancel(full)
    await studio.offer(session)
    assert (await studio.entry(entry)).state == "waiting"
    assert await studio.taken(session) == 0
    await studio.cancel(first)
    await studio.offer(session)
    assert (await studio.entry(entry)).state == "offered"
    assert (await studio.booking(await studio.offered(entry))).status == "pending_payment"
    assert not await studio.drift()


async def waits(world):
    """How many bookings of the organisation wait for a payment."""
    return await world.admin.fetchval(
        "SELECT count(*) FROM bookings WHERE org_id = $1 AND status = 'pending_payment' "
        "AND expires_at > messaging.now()",
        world.org_id,
    )


async def test_s2_9_only_who_manages_payments_has_the_money_in_hand(client, studio):
    session = await class_of(studio)
    for caller in (GUEST, manage(studio.org_id, uuid7()), clerk(studio)):
        status, refused = await wish(client, session, caller, payment_received=True)
        assert (status, refused["code"]) == (403, "FORBIDDEN")
    assert await studio.taken(session) == 0
    till = clerk(studio, "payments:manage")
    status, refused = await wish(client, session, till, method="card", payment_received=True)
    assert status == 422
    assert [error["field"] for error in refused["errors"]] == ["payment_received"]
    status, _ = await wish(client, session, till, payment_received=True)
    assert status == 201
    assert await received_by(studio) == ["key:k1"]


async def received_by(world):
    told = [json.loads(row["payload"]) for row in await world.published("booking.held.v1")]
    return [one["received_by"] for one in told]


async def test_s2_10_what_is_for_staff_is_not_a_guests_to_choose(client, studio):
    session = await class_of(studio)
    only = await class_of(studio, pricing={**PRICING, "payment_methods": ["manual"]})
    for caller in (GUEST, manage(studio.org_id, uuid7())):
        for wanted, method in ((session, "manual"), (only, None), (only, "manual")):
            status, refused = await wish(client, wanted, caller, method=method)
            assert (status, refused["code"]) == (403, "FORBIDDEN")
    assert await studio.taken(session) == await studio.taken(only) == 0
    status, made = await wish(client, only, clerk(studio), method=None)
    assert (status, made["status"], made["payment_status"]) == (201, "pending_payment", "unpaid")
    assert (await wish(client, session, clerk(studio), method="manual", number=1))[0] == 201


async def test_money_in_hand_says_nothing_where_nothing_is_due(client, studio):
    session = await class_of(studio, pricing={"amount_minor": 0})
    till = clerk(studio, "payments:manage")
    status, _ = await wish(client, session, till, method=None, payment_received=True)
    assert status == 422
    assert await studio.taken(session) == 0


@pytest.mark.parametrize("field", ["by_hand_minutes", "max_by_hand"])
@pytest.mark.parametrize("value", [0, -1, "1", 1.5, 2**31])
async def test_terms_that_cannot_be_are_refused(client, studio, field, value):
    body = {
        "venue_id": str(studio.venue_id),
        "preset": "class",
        "title": "Yoga",
        "pricing": PRICING,
        "policy": {field: value},
    }
    editor = staff(studio.org_id, "catalogue:edit")
    status, refused = await client("POST", "/offerings", editor, json=body)
    assert status == 422
    assert [error["field"] for error in refused["errors"]] == [f"policy.{field}"]


def test_a_booking_of_before_has_the_usual_terms():
    assert (Policy().by_hand_minutes, Policy().max_by_hand) == (24 * 60, 5)
