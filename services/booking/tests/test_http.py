"""Over real HTTP, as the gateway calls it."""

from base64 import urlsafe_b64encode
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from booking_client import CUSTOMER, OPERATOR, body, manage, staff
from midweek import midweek

from booking.api.texts import text
from chassis.ids import uuid7
from contracts.payments import MESSAGE_KEYS


async def test_an_organisation_from_nothing_to_a_booked_table(client, admin):
    await midweek(admin)
    slug = f"nights-{uuid4().hex[:8]}"
    organisation = {
        "slug": slug,
        "name": "Example Nights",
        "default_country": "GB",
        "reference_template": "BRL-{YYYY}-XXXXX",
    }
    status, made = await client("POST", "/organisations", OPERATOR, json=organisation)
    assert status == 201
    org_id = UUID(made["id"])
    editor = staff(org_id, "catalogue:manage")
    assert (await client("POST", "/organisations", editor, json=organisation))[0] == 403
    assert (await client("POST", "/organisations", OPERATOR, json=organisation))[0] == 409
    status, venue = await client(
        "POST",
        "/venues",
        editor,
        json={"slug": "hall", "name": "Hall", "timezone": "Europe/London", "currency": "GBP"},
    )
    assert status == 201, venue
    status, offering = await client(
        "POST",
        "/offerings",
        editor,
        json={"venue_id": venue["id"], "preset": "event_table", "title": "Saturday Night"},
    )
    assert status == 201, offering
    assert offering["pricing"]["amount_minor"] == 5000
    status, table = await client(
        "POST",
        "/resources",
        editor,
        json={
            "venue_id": venue["id"],
            "number": 7,
            "floor": "upstairs",
            "seats_min": 2,
            "seats_max": 6,
        },
    )
    assert status == 201, table
    status, session = await client(
        "POST",
        "/sessions",
        editor,
        key="a-key-of-sixteen-characters",
        json={
            "offering_id": offering["id"],
            "date": "2030-10-26",  # the clocks go back in the small hours
            "start_time": "22:00",
            "end_time": "03:00",
        },
    )
    assert status == 201, session
    assert (session["starts_at"], session["ends_at"]) == (
        "2030-10-26T21:00:00Z",
        "2030-10-27T03:00:00Z",
    )
    status, again = await client(
        "POST",
        "/sessions",
        editor,
        key="a-key-of-sixteen-characters",
        json={
            "offering_id": offering["id"],
            "date": "2030-10-26",
            "start_time": "22:00",
            "end_time": "03:00",
        },
    )
    assert again == session

    assert (await client("GET", f"/organisations/{slug}"))[1]["id"] == made["id"]
    _, page = await client("GET", f"/offerings?organisation={slug}")
    assert [item["id"] for item in page["items"]] == [offering["id"]]
    _, sessions = await client("GET", f"/offerings/{offering['id']}/sessions")
    assert [item["id"] for item in sessions["items"]] == [session["id"]]
    _, left = await client("GET", f"/sessions/{session['id']}/availability")
    assert [(t["number"], t["status"]) for t in left["tables"]] == [(7, "available")]

    wanted = {
        "session_id": session["id"],
        "resource_ids": [table["id"]],
        "party_size": 4,
        "customer": CUSTOMER,
        "arrival_time": "01:30",
        "special_requests": "Near the stage",
    }
    status, booked = await client("POST", "/bookings", key="k" * 16, json=wanted)
    assert status == 201, booked
    assert client.headers["Location"] == f"/v1/bookings/{booked['id']}"
    assert booked["status"] == "pending_payment"
    assert booked["amount_due_now"] == {"amount_minor": 5000, "currency": "GBP"}
    assert 895 <= booked["seconds_left"] <= 900
    assert (await client("POST", "/bookings", key="k" * 16, json=wanted))[1][
        "manage_token"
    ] == booked["manage_token"]
    status, refused = await client("POST", "/bookings", key="l" * 16, json=wanted)
    assert (status, refused["code"]) == (409, "RESOURCE_TAKEN")
    _, left = await client("GET", f"/sessions/{session['id']}/availability")
    assert [t["status"] for t in left["tables"]] == ["pending"]
    assert booked["id"] not in str(left)

    guest = manage(org_id, UUID(booked["id"]))
    status, seen = await client("GET", f"/bookings/{booked['id']}", guest)
    assert status == 200
    assert seen["can_cancel"] is True
    assert seen["arrives_at"] == "2030-10-27T00:30:00Z"
    (table,) = seen["resources"]
    assert (table["number"], table["label"], table["floor"]) == (7, "Table 7", "upstairs")
    assert (table["seats_min"], table["seats_max"]) == (2, 6)
    status, done = await client("POST", f"/bookings/{booked['id']}/cancel", guest, json={})
    assert (status, done["status"], done["refund_eligible"]) == (200, "cancelled", False)
    status, refused = await client("POST", f"/bookings/{booked['id']}/cancel", guest, json={})
    assert (status, refused["code"]) == (409, "CANNOT_CANCEL")
    viewer = staff(org_id, "bookings:view")
    status, history = await client("GET", f"/bookings/{booked['id']}/timeline", viewer)
    assert status == 200
    assert history["entries"][0]["type"] in {"booking.created", "booking.held.v1"}


async def test_a_booking_opens_to_its_token_and_its_staff_only(client, world):
    session = await world.class_session()
    held = await world.hold(session)
    path = f"/bookings/{held.booking_id}"
    assert (await client("GET", path))[0] == 401
    assert (await client("GET", path, manage(world.org_id, held.booking_id)))[0] == 200
    assert (await client("GET", path, manage(world.org_id, uuid7())))[0] == 404
    assert (await client("GET", path, manage(world.org_id, held.booking_id, 2)))[0] == 404
    assert (await client("GET", path, staff(world.org_id, "bookings:view")))[0] == 200
    assert (await client("GET", path, staff(world.org_id, "catalogue:view")))[0] == 403
    assert (await client("GET", path, staff(uuid7(), "bookings:view")))[0] == 404
    assert (await client("POST", f"{path}/cancel", json={}))[0] == 401
    assert (await client("GET", f"{path}/timeline", manage(world.org_id, held.booking_id)))[
        0
    ] == 403


async def test_a_key_needs_the_permission_and_the_tenant(client, world):
    session = await world.class_session()
    reader, writer = staff(world.org_id, "bookings:view"), staff(world.org_id, "bookings:create")
    assert (await client("POST", "/bookings", reader, "k" * 16, json=body(session)))[0] == 403
    assert (await client("POST", "/bookings", writer, "k" * 16, json=body(session)))[0] == 201
    stranger = staff(uuid7(), "bookings:manage")
    assert (await client("POST", "/bookings", stranger, "k" * 16, json=body(session)))[0] == 404


@pytest.mark.parametrize("key", [None, "short", "k" * 256, "k k k k k k k k k k"])
async def test_the_idempotency_key_is_required(client, world, key):
    session = await world.class_session()
    status, refused = await client("POST", "/bookings", key=key, json=body(session))
    assert (status, refused["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")


async def test_the_same_key_with_another_body_is_refused(client, world):
    session = await world.class_session()
    assert (await client("POST", "/bookings", key="k" * 16, json=body(session)))[0] == 201
    other = body(session, special_requests="A mat")
    status, refused = await client("POST", "/bookings", key="k" * 16, json=other)
    assert (status, refused["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


BAD = [
    ("customer.phone", {"customer": {**CUSTOMER, "phone": "12345"}}),
    ("customer.name", {"customer": {**CUSTOMER, "name": "A"}}),
    ("customer.name", {"customer": {"email": "guest@example.com"}}),
    ("customer.email", {"customer": {**CUSTOMER, "email": "nowhere"}}),
    ("customer.email", {"customer": {"name": "Test Guest"}}),
    ("party_size", {"party_size": 0}),
    ("party_size", {"party_size": -1}),
    ("party_size", {"party_size": 2}),
    ("party_size", {"party_size": 10**30}),
    ("party_size", {"party_size": "1"}),
    ("resource_ids", {"resource_ids": [str(uuid4())]}),
    ("resource_ids.0", {"resource_ids": ["'; DROP TABLE bookings; --"]}),
    ("arrival_time", {"arrival_time": "25:00"}),
    ("special_requests", {"special_requests": "x" * 1001}),
    ("special_requests", {"special_requests": "a\u0000b"}),
    ("amount", {"amount": 1}),
    ("locale", {"locale": "EN"}),
]


@pytest.mark.parametrize(("field", "more"), BAD)
async def test_bad_input_names_its_field_and_stores_nothing(client, world, field, more):
    session = await world.class_session()
    status, refused = await client(
        "POST", "/bookings", key="k" * 16, json={**body(session), **more}
    )
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    assert await world.taken(session) == 0


async def test_an_arrival_outside_the_session_is_refused(client, world):
    session = await world.class_session(lasts=timedelta(minutes=1))
    status, refused = await client(
        "POST",
        "/bookings",
        key="k" * 16,
        json=body(session, arrival_time=f"{(session.starts_at.hour + 12) % 24:02}:00"),
    )
    assert (status, refused["errors"][0]["field"]) == (422, "arrival_time")


async def test_an_unknown_session_is_not_found(client, world):
    class Nowhere:
        id = uuid7()

    assert (await client("POST", "/bookings", key="k" * 16, json=body(Nowhere)))[0] == 404


async def test_pages_end_where_the_list_does(client, world):
    offering = await world.offering("class", pricing={"amount_minor": 1000})
    opened = [await world.open(offering, starts_in=timedelta(days=n)) for n in range(1, 6)]
    seen, cursor = [], ""
    for _ in range(3):
        path = f"/offerings/{offering.id}/sessions?limit=2{cursor}"
        status, page = await client("GET", path)
        assert status == 200
        seen += [item["id"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [str(session.id) for session in opened]
    assert page["next_cursor"] is None
    status, refused = await client("GET", f"/offerings/{offering.id}/sessions?cursor=bm9uc2Vuc2U")
    assert (status, refused["errors"][0]["field"]) == (422, "cursor")
    assert (await client("GET", f"/offerings/{offering.id}/sessions?limit=101"))[0] == 422


async def test_availability_counts_a_lapsed_hold_as_free(client, world):
    session = await world.class_session(capacity=2)
    await world.hold(session)
    path = f"/sessions/{session.id}/availability"
    assert (await client("GET", path))[1]["remaining"] == 1
    await world.advance(minutes=15)
    assert (await client("GET", path))[1]["remaining"] == 2


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"inventory": {"capacity": 0}}, "inventory.capacity"),
        ({"pricing": {"amount_minor": -1}}, "pricing.amount_minor"),
        ({"pricing": {"amount_minor": 10}}, "pricing.amount_minor"),
        ({"pricing": {"amount_minor": 10**40}}, "pricing.amount_minor"),
        ({"pricing": {"kind": "barter"}}, "pricing"),
        (
            {"policy": {"refund_tiers": [{"hours": 1, "percent": 101}]}},
            "policy.refund_tiers.0.percent",
        ),
        ({"policy": {"one_per_customer": 1}}, "policy.one_per_customer"),
        ({"policy": {"max_unpaid_holds": 0}}, "policy.max_unpaid_holds"),
        ({"pricing": {"kind": "per_head", "tiers": []}}, "pricing.tiers"),
        (
            {"pricing": {"amount_minor": 500, "due": {"kind": "percent", "percent": 101}}},
            "pricing.due.percent",
        ),
        ({"title": ""}, "title"),
    ],
)
async def test_settings_are_checked_field_by_field(client, world, document, field):
    wanted = {
        "venue_id": str(world.venue_id),
        "preset": "class",
        "title": "Pilates",
        "pricing": {"amount_minor": 18000},
        **document,
    }
    editor = staff(world.org_id, "catalogue:edit")
    status, refused = await client("POST", "/offerings", editor, json=wanted)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]


async def test_editing_a_session_does_not_break_what_was_sold(client, world):
    session = await world.class_session(capacity=3)
    await world.hold(session)
    await world.hold(session)
    editor = staff(world.org_id, "catalogue:edit")
    path = f"/sessions/{session.id}"
    status, refused = await client("PATCH", path, editor, json={"capacity": 1})
    assert (status, refused["code"]) == (409, "HAS_BOOKINGS")
    moved = {"starts_at": "2031-01-01T10:00:00Z", "ends_at": "2031-01-01T11:00:00Z"}
    assert (await client("PATCH", path, editor, json=moved))[0] == 409
    status, edited = await client("PATCH", path, editor, json={"capacity": 2, "title": "Fuller"})
    assert (status, edited["remaining"], edited["title"]) == (200, 0, "Fuller")
    status, refused = await client("POST", "/bookings", key="k" * 16, json=body(session))
    assert (status, refused["code"]) == (409, "CAPACITY_EXCEEDED")


async def test_a_suspended_organisation_honours_and_does_not_sell(client, world):
    session = await world.class_session()
    held = await world.hold(session)
    path = f"/organisations/{world.org_id}"
    assert (await client("PATCH", path, OPERATOR, json={"status": "suspended"}))[0] == 200
    status, refused = await client("POST", "/bookings", key="k" * 16, json=body(session))
    assert (status, refused["code"]) == (409, "NOT_ON_SALE")
    await world.pay(held)
    assert (
        await client("GET", f"/bookings/{held.booking_id}", manage(world.org_id, held.booking_id))
    )[1]["status"] == "confirmed"


async def test_why_a_card_was_refused_is_said_in_the_guests_language(client, world):
    from booking.domain.booking import Failure
    from booking.usecases.fail_payment import FailedAttempt, fail_payment

    session = await world.class_session()
    seen = set()
    for code in ("insufficient_funds", "expired_card", "do_not_honor"):
        held = await world.hold(session)
        attempt = FailedAttempt(
            booking_id=held.booking_id,
            payment_id=uuid7(),
            sequence=1,
            failure=Failure(code, f"payment.{code}"),
            terminal=True,
        )
        await world.run(
            lambda tx, attempt=attempt: fail_payment(tx, attempt, vault=world.shop.vault)
        )
        caller = manage(world.org_id, held.booking_id)
        _, booking = await client("GET", f"/bookings/{held.booking_id}", caller)
        assert booking["failure"]["code"] == code
        seen.add(booking["failure"]["message"])
    assert len(seen) == 3


def test_every_message_of_a_failed_payment_has_its_own_words_in_every_language():
    """PAY-11 to PAY-15."""
    for locale in ("en", "sv"):
        assert len({text(key, locale) for key in MESSAGE_KEYS}) == len(MESSAGE_KEYS)
    assert all(text(key, "en") != text(key, "sv") for key in MESSAGE_KEYS)


async def test_the_document_describes_every_route(client):
    status, document = await client("GET", "/openapi.json")
    assert status == 200
    assert "/bookings/{booking_id}/cancel" in document["paths"]


async def test_a_cancel_asked_twice_under_one_key_is_one_cancel(client, world):
    session = await world.class_session()
    held = await world.hold(session)
    caller = manage(world.org_id, held.booking_id)
    path = f"/bookings/{held.booking_id}/cancel"
    first = await client("POST", path, caller, "k" * 16, json={"reason": "Ill"})
    second = await client("POST", path, caller, "k" * 16, json={"reason": "Ill"})
    assert first == second
    assert first[0] == 200


async def test_an_operator_names_the_organisation(client, world):
    venue = {"slug": "yard", "name": "Yard", "timezone": "Europe/London", "currency": "GBP"}
    assert (await client("POST", "/venues", OPERATOR, json=venue))[0] == 403
    path = f"/venues?organisation_id={world.org_id}"
    assert (await client("POST", path, OPERATOR, json=venue))[0] == 201
    assert (await client("GET", path, staff(uuid7(), "catalogue:view")))[0] == 403
    _, page = await client("GET", path, OPERATOR)
    assert sorted(item["slug"] for item in page["items"]) == ["hall", "yard"]


@pytest.mark.parametrize(
    ("zone", "field"),
    [
        ("Mars/Olympus", "timezone"),
        ("../../etc/passwd", "timezone"),
        ("localtime", "timezone"),  # is whatever the host's administrator chose
        ("Factory", "timezone"),
    ],
)
async def test_a_venue_is_somewhere(client, world, zone, field):
    venue = {"slug": "yard", "name": "Yard", "timezone": zone, "currency": "GBP"}
    status, refused = await client(
        "POST", "/venues", staff(world.org_id, "catalogue:edit"), json=venue
    )
    assert (status, refused["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("deep", [10, 300, 900])
async def test_settings_nested_without_end_are_refused(client, world, deep):
    """They can be read, but neither hashed for the idempotency key nor stored."""
    body = (
        f'{{"venue_id":"{world.venue_id}","preset":"class","title":"Deep",'
        f'"pricing":{{"a":{"[" * deep}{"]" * deep}}}}}'
    )
    status, refused = await client(
        "POST",
        "/offerings",
        staff(world.org_id, "catalogue:edit"),
        "k" * 16,
        data=body,
        headers={"Content-Type": "application/json"},
    )
    assert (status, refused["errors"][0]["field"]) == (422, "pricing")


@pytest.mark.parametrize("number", ["true", "1.5", "-1", '"1"', "2147483648", "null", "[1]"])
async def test_a_cursor_that_somebody_made_up_is_refused(client, world, number):
    made_up = urlsafe_b64encode(f'[{number},"{uuid4()}"]'.encode()).decode()
    status, refused = await client(
        "GET",
        f"/resources?venue_id={world.venue_id}&cursor={made_up}",
        staff(world.org_id, "catalogue:view"),
    )
    assert (status, refused["errors"][0]["field"]) == (422, "cursor")


async def test_availability_over_http_is_validated_by_its_tag(client, world):
    """GTW-04: never from a cache, but 304 while nothing changed; S2-1: counts and no ids."""
    session = await world.class_session(capacity=2)
    path = f"/sessions/{session.id}/availability"
    status, first = await client("GET", path)
    assert (status, first["remaining"]) == (200, 2)
    assert client.headers["Cache-Control"] == "no-cache"
    tag = {"If-None-Match": client.headers["ETag"]}
    assert await client("GET", path, headers=tag) == (304, None)
    await world.hold(session)
    status, second = await client("GET", path, headers=tag)
    assert (status, second["remaining"]) == (200, 1)
    for wrong in ("x", uuid4()):
        status, refused = await client("GET", f"/sessions/{wrong}/availability")
        assert (status, refused["code"]) == (404, "NOT_FOUND")


async def test_availability_of_a_day_over_http(client, world):
    session = await world.class_session(capacity=2)
    path = f"/offerings/{session.offering_id}/availability"
    status, day = await client("GET", f"{path}?date={session.starts_at:%Y-%m-%d}&party_size=2")
    assert status == 200
    assert [view["session_id"] for view in day["sessions"]] == [str(session.id)]
    tag = {"If-None-Match": client.headers["ETag"]}
    again = f"{path}?date={session.starts_at:%Y-%m-%d}"
    assert (await client("GET", again, headers=tag))[0] == 304
    for query, field in (
        ("", "date"),
        ("?date=2026-02-30", "date"),
        ("?date=9999-12-31", "date"),
        ("?date=2026-11-20&party_size=0", "party_size"),
    ):
        status, refused = await client("GET", path + query)
        assert (status, refused["errors"][0]["field"]) == (422, field)
    assert (await client("GET", f"/offerings/{uuid4()}/availability?date=2026-11-20"))[0] == 404


async def test_the_document_describes_availability_like_any_route(client):
    _, document = await client("GET", "/openapi.json")
    described = document["paths"]["/sessions/{session_id}/availability"]["get"]
    assert described["parameters"][0]["name"] == "session_id"
    assert "Availability" in str(described["responses"]["200"])
