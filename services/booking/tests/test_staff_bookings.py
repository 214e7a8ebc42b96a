"""Bookings made by staff: what guests may not ask for, and what staff may set aside."""

from types import SimpleNamespace

import pytest
from booking_client import CUSTOMER, GUEST, body, manage, staff

from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.money import Money
from chassis.ids import uuid7


def clerk(world):
    return staff(world.org_id, "bookings:create")


def manager(world):
    return staff(world.org_id, "bookings:manage")


async def create(client, caller, session, key="k" * 16, **more):
    status, answer = await client("POST", "/bookings", caller, key, json=body(session, **more))
    return status, answer


async def row_of(world, answer):
    return await world.admin.fetchrow("SELECT * FROM bookings WHERE id = $1::uuid", answer["id"])


async def logged(client, world, answer, action):
    """The line of the audit log, as managers read it."""
    reader = staff(world.org_id, "reports:view")
    _, page = await client("GET", f"/audit?entity_id={answer['id']}", reader)
    (entry,) = [item for item in page["items"] if item["action"] == action]
    return entry


async def test_s2_10_a_manual_booking_is_for_staff_and_confirmed_unpaid(client, world):
    session = await world.class_session(price=18000)
    for caller in (GUEST, manage(world.org_id, uuid7())):
        status, refused = await create(client, caller, session, payment="at_venue")
        assert (status, refused["code"]) == (403, "FORBIDDEN")
    assert await world.taken(session) == 0
    status, answer = await create(client, clerk(world), session, payment="at_venue")
    assert status == 201, answer
    assert (answer["status"], answer["payment_status"]) == ("confirmed", "unpaid")
    assert answer["amount_due_now"]["amount_minor"] == 0
    assert answer["amount_total"]["amount_minor"] == 18000
    assert (answer["expires_at"], await world.taken(session)) == (None, 1)


async def test_s2_9_what_was_paid_at_the_desk_is_not_for_guests_to_say(client, world):
    session = await world.class_session(price=18000)
    for claim in ({"payment_status": "paid"}, {"swish_received": True}, {"payment": "paid"}):
        status, _ = await create(client, GUEST, session, **claim)
        assert status == 422
    assert await world.taken(session) == 0


async def test_a_free_booking_at_the_venue_owes_nothing(client, world):
    session = await world.class_session(price=0)
    _, answer = await create(client, clerk(world), session, payment="at_venue")
    assert (answer["status"], answer["payment_status"]) == ("confirmed", "not_required")


async def test_what_guests_pay_at_the_venue_by_the_offerings_own_terms_is_unpaid_too(client, world):
    pricing = {"amount_minor": 18000, "due": {"kind": "percent", "percent": 0}}
    session = await world.open(await world.offering("class", pricing=pricing))
    _, answer = await create(client, GUEST, session)
    assert (answer["status"], answer["payment_status"]) == ("confirmed", "unpaid")


async def test_staff_may_also_send_the_guest_to_pay_online(client, world):
    session = await world.class_session(price=18000)
    _, answer = await create(client, clerk(world), session, source="phone")
    assert (answer["status"], answer["payment_status"]) == ("pending_payment", "unpaid")
    assert (await row_of(world, answer))["source"] == "phone"


async def test_a_booking_paid_at_the_venue_lives_like_any_other(client, world):
    session = await world.class_session(price=18000)
    _, answer = await create(client, clerk(world), session, payment="at_venue")
    desk, path = (
        staff(world.org_id, "bookings:edit", "bookings:cancel"),
        f"/bookings/{answer['id']}",
    )
    await world.admin.execute(
        "UPDATE messaging.clock SET shift = $1::timestamptz - now()", session.starts_at
    )
    assert (await client("POST", f"{path}/check-in", desk, json={}))[0] == 200
    status, done = await client("POST", f"{path}/cancel", desk, json={"reason": "Fell ill"})
    assert (status, done["refund"]["amount_minor"]) == (200, 0)
    row = await row_of(world, answer)
    assert (row["status"], row["payment_status"]) == (Status.CANCELLED, PaymentStatus.UNPAID)


@pytest.mark.parametrize("source", ["staff", "phone", "walk_in", "admin", "timer"])
async def test_s1_14_guests_cannot_claim_a_source_that_is_staffs(client, world, source):
    session = await world.class_session()
    status, refused = await create(client, GUEST, session, source=source)
    assert (status, refused["errors"][0]["field"]) == (422, "source")
    assert await world.taken(session) == 0
    assert (await create(client, clerk(world), session, source=source))[0] == 201


async def test_s1_14_created_and_paid_are_on_record_with_reference_type_party_and_date(
    client, world
):
    session, (table,) = await world.table_session()
    wanted = {"resource_ids": [str(table.id)], "party_size": 4, "source": "website"}
    _, answer = await create(client, GUEST, session, **wanted)
    row = await row_of(world, answer)
    held = SimpleNamespace(booking_id=row["id"], due_now=Money(5000, "GBP"))
    payment_id = await world.pay(held)
    await world.pay(held, payment_id=payment_id)
    made = await logged(client, world, answer, "booking.created")
    assert (made["actor"], made["after"]["source"]) == ("guest", "website")
    paid = await logged(client, world, answer, "booking.payment_received")
    assert (paid["after"]["amount_minor"], paid["after"]["currency"]) == (5000, "GBP")
    assert paid["after"]["payment_id"] == str(payment_id)
    for entry in (made, paid):
        about = entry["booking"]
        assert (about["reference"], about["type"]) == (answer["reference"], "event_table")
        assert (about["party_size"], about["starts_at"][:10]) == (
            4,
            session.starts_at.date().isoformat(),
        )


async def test_f12_staff_are_not_bound_by_the_cap_on_unpaid_holds(client, world):
    session = await world.class_session(policy={"max_unpaid_holds": 1})
    assert (await create(client, GUEST, session, "a" * 16))[0] == 201
    headers = {"Accept-Language": "sv"}
    status, refused = await client(
        "POST", "/bookings", GUEST, "b" * 16, json=body(session), headers=headers
    )
    assert (status, refused["code"]) == (409, "TOO_MANY_UNPAID")
    assert refused["detail"].startswith("Du har platser")
    assert (await create(client, clerk(world), session, "c" * 16))[0] == 201


async def block(world, answer):
    await world.admin.execute(
        "INSERT INTO blocked_contacts SELECT org_id, email_hash, $2 FROM bookings WHERE id = $1",
        (await row_of(world, answer))["id"],
        uuid7(),
    )


async def test_cus17_a_blocked_guest_is_refused_and_a_manager_may_say_why_not(client, world):
    session = await world.class_session(price=0)
    _, known = await create(client, GUEST, session, "a" * 16)
    await block(world, known)
    why = {"override": {"reason": "Apologised in person"}}
    status, refused = await create(client, GUEST, session, "b" * 16)
    assert (status, refused["code"]) == (403, "GUEST_REFUSED")
    assert (await create(client, clerk(world), session, "c" * 16))[1]["code"] == "GUEST_REFUSED"
    assert (await create(client, GUEST, session, "d" * 16, **why))[1]["code"] == "FORBIDDEN"
    assert (await create(client, clerk(world), session, "e" * 16, **why))[1]["code"] == "FORBIDDEN"
    assert await world.taken(session) == 1
    status, answer = await create(client, manager(world), session, "f" * 16, **why)
    assert status == 201, answer
    row = await logged(client, world, answer, "booking.created")
    assert (row["actor"], row["reason"]) == ("key:k1", "Apologised in person")


async def test_cus17_the_block_of_one_organisation_is_no_other_ones(client, world, make_world):
    session = await world.class_session(price=0)
    _, known = await create(client, GUEST, session, "a" * 16)
    await block(world, known)
    other = await make_world(world.db, world.admin)
    assert (await create(client, GUEST, await other.class_session(price=0), "b" * 16))[0] == 201


async def test_inv05_a_manager_may_give_a_guest_a_second_place(client, world):
    session = await world.class_session(price=0, policy={"one_per_customer": True})
    assert (await create(client, GUEST, session, "a" * 16))[0] == 201
    headers = {"Accept-Language": "sv-SE,en;q=0.5"}
    status, refused = await client(
        "POST", "/bookings", GUEST, "b" * 16, json=body(session), headers=headers
    )
    assert (status, refused["code"]) == (409, "ALREADY_BOOKED")
    assert refused["detail"].startswith("Varje gäst")
    assert client.headers["Content-Language"] == "sv"
    assert (await create(client, clerk(world), session, "c" * 16))[0] == 409
    why = {"override": {"reason": "Brings a friend"}}
    assert (await create(client, manager(world), session, "d" * 16, **why))[0] == 201
    assert await world.taken(session) == 2


async def test_an_override_never_sells_what_is_not_there(client, world):
    session = await world.class_session(price=0, capacity=1)
    assert (await create(client, GUEST, session, "a" * 16))[0] == 201
    why = {"override": {"reason": "One more will fit"}}
    status, refused = await create(client, manager(world), session, "b" * 16, **why)
    assert (status, refused["code"]) == (409, "CAPACITY_EXCEEDED")


async def test_opn05_a_minimum_age_is_attested_when_booking(client, world):
    session = await world.class_session(price=0, policy={"minimum_age": 18})
    for said in ({}, {"minimum_age_attested": False}):
        status, refused = await create(client, GUEST, session, **said)
        assert (status, refused["errors"][0]["field"]) == (422, "minimum_age_attested")
    assert await world.taken(session) == 0
    status, answer = await create(client, GUEST, session, minimum_age_attested=True)
    assert status == 201
    assert (await row_of(world, answer))["age_attested"] == 18


BAD = [
    ({"payment": "later"}, "payment"),
    ({"payment": None}, "payment"),
    ({"override": {}}, "override.reason"),
    ({"override": {"reason": ""}}, "override.reason"),
    ({"override": "please"}, "override"),
    ({"minimum_age_attested": "yes"}, "minimum_age_attested"),
    ({"source": "Phone!"}, "source"),
    ({"customer": {**CUSTOMER, "vip": True}}, "customer.vip"),
]


@pytest.mark.parametrize(("more", "field"), BAD)
async def test_bad_input_names_its_field_and_stores_nothing(client, world, more, field):
    session = await world.class_session()
    status, refused = await create(client, manager(world), session, **more)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    assert await world.taken(session) == 0


async def test_a_replayed_booking_says_so(client, world):
    session = await world.class_session()
    first = await create(client, GUEST, session)
    assert "Idempotent-Replayed" not in client.headers
    second = await create(client, GUEST, session)
    assert client.headers["Idempotent-Replayed"] == "true"
    assert second[1]["id"] == first[1]["id"]
    await create(client, GUEST, session, "another-key-of-16")
    assert "Idempotent-Replayed" not in client.headers
