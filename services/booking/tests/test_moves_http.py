"""Moving and waiting over HTTP: who may, what is refused and named, and what is answered again."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from booking_client import CUSTOMER, GUEST, manage, staff

from chassis.ids import uuid7

TOO_LONG = "x" * 501


def key():
    return uuid4().hex


@pytest.fixture
def reschedule(client, world):
    async def post(held, caller=None, **more):
        caller = caller or manage(world.org_id, held.booking_id)
        more.setdefault("key", key())
        return await client("POST", f"/bookings/{held.booking_id}/reschedule", caller, **more)

    return post


@pytest.fixture
def join(client):
    async def post(session, caller=GUEST, key_=None, **body):
        body = {"customer": CUSTOMER, **body}
        return await client(
            "POST", f"/sessions/{session.id}/waitlist", caller, key=key_ or key(), json=body
        )

    return post


async def two_sessions(world, **settings):
    offering = await world.offering(
        "class",
        inventory={"capacity": 5, "units": "person", "party_max": 5},
        pricing={
            "kind": "per_head",
            "tiers": [{"key": "adult", "label": "Adult", "amount_minor": 5000}],
        },
        **settings,
    )
    first = await world.open(offering)
    second = await world.open(SimpleNamespace(id=offering.id), starts_in=timedelta(days=11))
    held = await world.hold(first)
    await world.pay(held)
    return first, second, held


async def test_a_guest_moves_a_booking_and_the_same_key_answers_the_same(client, world, reschedule):
    _, second, held = await two_sessions(world)
    request = {"key": key(), "json": {"session_id": str(second.id)}}
    status, body = await reschedule(held, **request)
    assert (status, body["moved"], body["session_id"]) == (200, True, str(second.id))
    assert body["message"] == "Your booking has been moved."
    assert await reschedule(held, **request) == (status, body)
    assert (await world.booking(held)).guest_moves == 1
    other = {**request, "json": {"party_size": 2}}
    assert (await reschedule(held, **other))[1]["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_dearer_change_is_shown_until_it_is_over(client, world, reschedule):
    _, second, held = await two_sessions(world)
    holder = manage(world.org_id, held.booking_id)
    address = f"/bookings/{held.booking_id}"
    assert (await client("GET", address, holder))[1]["can_reschedule"]
    status, body = await reschedule(held, json={"session_id": str(second.id), "party_size": 3})
    assert (status, body["moved"]) == (200, False)
    assert body["change"]["amount_due"] == {"amount_minor": 10_000, "currency": "GBP"}
    _, shown = await client("GET", address, holder)
    assert not shown["can_reschedule"]
    assert shown["change"]["id"] == body["change"]["id"]
    assert 0 < shown["change"]["seconds_left"] <= 15 * 60
    assert shown["change"]["starts_at"] != shown["starts_at"]
    status, body = await reschedule(held, json={"session_id": str(second.id)})
    assert (status, body["code"]) == (409, "CHANGE_PENDING")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"reason": "only a reason"}, "body"),
        ({"session_id": "x"}, "session_id"),
        ({"session_id": 7}, "session_id"),
        ({"party_size": 0}, "party_size"),
        ({"party_size": "2"}, "party_size"),
        ({"party_size": 6}, "party_size"),
        ({"party_size": 2**70}, "party_size"),
        ({"quantities": {"adult": -1}}, "quantities.adult"),
        ({"quantities": {"child": 1}}, "quantities.child"),
        ({"quantities": {"adult": 2}, "party_size": 3}, "party_size"),
        ({"quantities": {}}, "session_id"),
        ({"resource_ids": ["x"]}, "resource_ids.0"),
        ({"resource_ids": [str(uuid7())]}, "resource_ids"),
        ({"resource_ids": [str(uuid7())] * 21}, "resource_ids"),
        ({"arrival_time": "25:00"}, "arrival_time"),
        ({"arrival_time": "03:00"}, "arrival_time"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"date": "2030-01-01"}, "body"),
        ({"start_time": "19:00"}, "body"),
        ({"starts_at": "2030-01-01T19:00:00Z", "date": "2030-01-01"}, "body"),
        ({"party_size": 2, "reason": TOO_LONG}, "reason"),
        ({"party_size": 2, "amount": 1}, "amount"),
    ],
)
async def test_each_bad_field_of_a_move_is_named_and_nothing_is_stored(
    world, reschedule, body, field
):
    _, _, held = await two_sessions(world)
    before = await world.booking(held)
    status, answer = await reschedule(held, json=body)
    assert status == 422, answer
    assert field in {error["field"] for error in answer["errors"]}, answer
    assert await world.booking(held) == before
    assert not await world.admin.fetch("SELECT FROM changes WHERE booking_id = $1", held.booking_id)


async def test_what_staff_left_for_the_venue_stays_for_the_venue(client, world, reschedule):
    first, second, _ = await two_sessions(world)
    desk = staff(world.org_id, "bookings:create", "bookings:edit")
    body = {"session_id": str(first.id), "customer": CUSTOMER, "payment": "at_venue"}
    status, made = await client("POST", "/bookings", desk, key=key(), json=body)
    assert (status, made["status"]) == (201, "confirmed"), made
    held = SimpleNamespace(booking_id=UUID(made["id"]))
    wanted = {"session_id": str(second.id), "party_size": 3}
    status, answer = await reschedule(held, json=wanted)
    assert (status, answer["moved"]) == (200, True)
    booking = await world.booking(held)
    assert (booking.quote.total.amount_minor, booking.quote.due_now.amount_minor) == (15_000, 0)


async def test_who_may_move_a_booking(client, world, reschedule):
    _, second, held = await two_sessions(world)
    json = {"session_id": str(second.id), "reason": "asked by phone"}
    assert (await reschedule(held, GUEST, json=json))[0] == 401
    assert (await reschedule(held, manage(world.org_id, uuid7()), json=json))[0] == 404
    assert (await reschedule(held, manage(world.org_id, held.booking_id, 2), json=json))[0] == 404
    assert (await reschedule(held, staff(world.org_id, "bookings:view"), json=json))[0] == 403
    assert (await reschedule(held, staff(uuid7(), "bookings:edit"), json=json))[0] == 404
    assert (await reschedule(held, key=None, json=json))[1]["code"] == "IDEMPOTENCY_KEY_REQUIRED"
    editor = staff(world.org_id, "bookings:edit")
    status, body = await reschedule(held, editor, json={"session_id": str(second.id)})
    assert (status, body["errors"][0]["field"]) == (422, "reason")
    assert (await reschedule(held, editor, json=json))[0] == 200


async def test_a_group_joins_looks_and_leaves(client, world, join):
    session = await world.class_session(capacity=1, price=0)
    await world.hold(session)
    same = key()
    status, body = await join(session, key_=same)
    assert (status, body["position"]) == (201, 1)
    assert client.headers["Location"] == f"/v1/waitlist/{body['id']}"
    assert await join(session, key_=same) == (status, body)
    assert (await join(session))[1]["code"] == "ALREADY_WAITING"
    claims = world.shop.manage_tokens.verify(body["token"], await world.now())
    assert (claims.org_id, str(claims.booking_id)) == (world.org_id, body["id"])
    holder, address = manage(world.org_id, UUID(body["id"])), f"/waitlist/{body['id']}"
    status, shown = await client("GET", address, holder)
    assert (status, shown["state"], shown["position"]) == (200, "waiting", 1)
    assert (await client("DELETE", address, holder))[0] == 204
    assert (await client("DELETE", address, holder))[0] == 204
    assert (await client("GET", address, holder))[1]["state"] == "left"


async def test_an_offer_is_shown_with_the_link_to_take_it(client, world, join):
    session = await world.class_session(capacity=1, price=0)
    _, body = await join(session)
    await world.offer(session)
    entry = UUID(body["id"])
    _, shown = await client("GET", f"/waitlist/{entry}", manage(world.org_id, entry))
    offer = shown["offer"]
    claims = world.shop.manage_tokens.verify(offer["manage_token"], await world.now())
    assert str(claims.booking_id) == offer["booking_id"]
    viewer = staff(world.org_id, "bookings:view")
    _, seen = await client("GET", f"/waitlist/{entry}", viewer)
    assert seen["offer"]["manage_token"] is None
    holder = manage(world.org_id, claims.booking_id, claims.epoch)
    address = f"/bookings/{offer['booking_id']}/accept"
    assert (await client("POST", address, GUEST))[0] == 401
    assert (await client("POST", address, manage(world.org_id, entry)))[0] == 404
    status, taken = await client("POST", address, holder)
    assert (status, taken["status"]) == (200, "confirmed")
    assert (await client("POST", address, holder))[1] == taken


async def test_staff_read_the_line_page_by_page_and_take_groups_out(client, world):
    session = await world.class_session(capacity=1)
    await world.hold(session)
    entries = [await world.wait_for(session) for _ in range(3)]
    viewer = staff(world.org_id, "bookings:view")
    address = f"/sessions/{session.id}/waitlist"
    _, page = await client("GET", f"{address}?limit=2", viewer)
    _, rest = await client("GET", f"{address}?limit=2&cursor={page['next_cursor']}", viewer)
    listed = [row["id"] for row in page["items"] + rest["items"]]
    assert listed == [str(entry.id) for entry in entries]
    assert rest["next_cursor"] is None
    one = f"/waitlist/{entries[0].id}"
    assert (await client("DELETE", one, viewer))[0] == 403
    editor = staff(world.org_id, "bookings:edit")
    assert (await client("DELETE", one, editor))[1]["errors"][0]["field"] == "reason"
    assert (await client("DELETE", f"{one}?reason=asked", editor))[0] == 204
    _, removed = await client("GET", f"{address}?state=removed", viewer)
    assert [row["id"] for row in removed["items"]] == [str(entries[0].id)]
    assert (await client("GET", f"{address}?state=gone", viewer))[0] == 422
    assert (await client("GET", address, GUEST))[0] == 401
    stranger = staff(uuid7(), "bookings:view")
    assert (await client("GET", address, stranger))[0] == 404
    assert (await client("GET", one, stranger))[0] == 404
    assert (await client("GET", one, manage(world.org_id, entries[1].id)))[0] == 404
    assert (await client("GET", one, manage(world.org_id, entries[0].id, 2)))[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"party_size": 0}, "party_size"),
        ({"party_size": 2}, "party_size"),
        ({"party_size": True}, "party_size"),
        ({"quantities": {"adult": 1}}, "quantities"),
        ({"quantities": {"Adult!": 1}}, "quantities.Adult!"),
        ({"customer": {"name": "Test Guest"}}, "customer.email"),
        ({"customer": {**CUSTOMER, "email": "nobody"}}, "customer.email"),
        ({"customer": {**CUSTOMER, "phone": "12"}}, "customer.phone"),
        ({"customer": {**CUSTOMER, "name": "x"}}, "customer.name"),
        ({"locale": "english"}, "locale"),
        ({"minimum_age_attested": "yes"}, "minimum_age_attested"),
        ({"starts_at": "2030-01-01T19:00:00Z"}, "starts_at"),
        ({"starts_at": 1}, "starts_at"),
        ({"latest_start": "2030-01-01T19:00:00Z"}, "body"),
        ({"resource_ids": []}, "resource_ids"),
    ],
)
async def test_each_bad_field_of_joining_is_named_and_nobody_is_in_line(world, join, body, field):
    session = await world.class_session(capacity=5)
    status, answer = await join(session, **body)
    assert status == 422, answer
    named = {error["field"] for error in answer["errors"]}
    assert any(name.startswith(field) for name in named), answer
    assert not await world.admin.fetch(
        "SELECT FROM waitlist_entries WHERE session_id = $1", session.id
    )


async def test_nobody_joins_where_there_is_nothing_to_wait_for(world, join):
    unknown = SimpleNamespace(id=uuid7())
    assert (await join(unknown))[0] == 404
    session = await world.class_session()
    assert (await join(session, staff(world.org_id, "bookings:view")))[0] == 403
    assert (await join(session, staff(uuid7(), "bookings:create")))[0] == 404
    adults = await world.class_session(policy={"minimum_age": 18})
    status, answer = await join(adults)
    assert (status, answer["errors"][0]["field"]) == (422, "minimum_age_attested")
    assert (await join(adults, minimum_age_attested=True))[0] == 201
