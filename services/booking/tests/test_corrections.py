"""Staff correct what a guest said about themselves, and revoke links."""

import asyncio

import pytest
from booking_client import GUEST, manage, staff

from booking.domain.refusals import GuestRefused
from chassis.ids import uuid7


async def booked(world, **details):
    return await world.hold(await world.class_session(price=0, **details))


def desk(world):
    return staff(world.org_id, "bookings:edit")


async def edit(client, world, held, caller=None, **wanted):
    path = f"/bookings/{held.booking_id}"
    return await client("PATCH", path, caller or desk(world), json=wanted)


async def test_every_detail_is_corrected_and_the_log_names_them_only(client, world):
    held = await booked(world)
    wanted = {
        "customer": {"name": "Test Person", "phone": "07999 888777"},
        "special_requests": "By the window",
        "allergies": ["nuts", "milk"],
        "notes": "Regular guest",
        "reason": "Called us",
    }
    status, seen = await edit(client, world, held, **wanted)
    assert status == 200, seen
    assert (seen["name"], seen["special_requests"]) == ("Test Person", "By the window")
    assert (seen["allergies"], seen["notes"], seen["version"]) == (
        ["nuts", "milk"],
        "Regular guest",
        2,
    )
    (row,) = await world.audited(held, "booking.edited")
    assert (row["actor"], row["reason"]) == ("key:k1", "Called us")
    assert sorted(row["after"]["fields"]) == [
        "allergies",
        "name",
        "notes",
        "phone",
        "special_requests",
    ]
    for personal in ("Test Person", "window", "nuts", "Regular", "888777"):
        assert personal not in str(row)


async def test_notes_are_for_staff(client, world):
    held = await booked(world)
    await edit(client, world, held, notes="Complained once")
    own = manage(world.org_id, held.booking_id)
    path = f"/bookings/{held.booking_id}"
    assert "Complained" not in str((await client("GET", path, own))[1])
    viewer = staff(world.org_id, "bookings:view")
    assert (await client("GET", path, viewer))[1]["notes"] == "Complained once"


async def test_a_new_address_revokes_old_links_and_is_how_the_guest_is_known(client, world):
    session = await world.class_session(price=0)
    held = await world.hold(session, email="old@example.com")
    status, _ = await edit(client, world, held, customer={"email": "New@Example.com"})
    assert status == 200
    path = f"/bookings/{held.booking_id}"
    assert (await client("GET", path, manage(world.org_id, held.booking_id, 1)))[0] == 404
    assert (await client("GET", path, manage(world.org_id, held.booking_id, 2)))[0] == 200
    booking = await world.booking(held)
    assert world.shop.vault.open(booking.sealed_contact, booking.id).email == "new@example.com"
    await world.admin.execute(
        "INSERT INTO blocked_contacts SELECT org_id, email_hash, $2 FROM bookings WHERE id = $1",
        held.booking_id,
        uuid7(),
    )
    with pytest.raises(GuestRefused):
        await world.hold(session, email="new@example.com")
    await world.hold(session, email="old@example.com")
    (row,) = await world.published("booking.details_changed.v1", about=held)
    assert "example.com" not in row["payload"]
    assert '"manage_epoch":2' in row["payload"]


async def test_a_phone_is_changed_or_taken_away_without_touching_the_address(client, world):
    held = await booked(world)
    before = await world.admin.fetchrow(
        "SELECT email_hash, phone_hash FROM bookings WHERE id = $1", held.booking_id
    )
    await edit(client, world, held, customer={"phone": None})
    after = await world.admin.fetchrow(
        "SELECT email_hash, phone_hash, manage_epoch FROM bookings WHERE id = $1", held.booking_id
    )
    assert (after["email_hash"], after["phone_hash"]) == (before["email_hash"], None)
    assert after["manage_epoch"] == 1


async def test_what_is_left_out_stays_and_what_is_the_same_is_no_change(client, world):
    held = await booked(world)
    await edit(client, world, held, special_requests="A mat", notes="Tall")
    _, seen = await edit(client, world, held, notes=None)
    assert (seen["special_requests"], seen["notes"], seen["version"]) == ("A mat", None, 3)
    _, same = await edit(client, world, held, special_requests="A mat", reason="Just looking")
    assert same["version"] == 3
    assert len(await world.audited(held, "booking.edited")) == 2


async def test_the_arrival_lies_within_the_booking(client, world):
    session = await world.class_session(price=0)
    held = await world.hold(session)
    from booking.domain.schedule import zone

    local = session.starts_at.astimezone(zone("Europe/London"))
    inside = f"{(local.hour + 1) % 24:02}:{local.minute:02}"
    outside = f"{(local.hour + 12) % 24:02}:{local.minute:02}"
    _, seen = await edit(client, world, held, arrival_time=inside)
    assert seen["arrives_at"] is not None
    status, refused = await edit(client, world, held, arrival_time=outside)
    assert (status, refused["errors"][0]["field"]) == (422, "arrival_time")
    _, seen = await edit(client, world, held, arrival_time=None)
    assert seen["arrives_at"] is None


async def test_a_stale_version_is_refused(client, world):
    held = await booked(world)
    assert (await edit(client, world, held, notes="a", version=1))[0] == 200
    status, refused = await edit(client, world, held, notes="b", version=1)
    assert (status, refused["code"]) == (409, "STALE_VERSION")
    assert (await world.booking(held)).notes == "a"


async def test_edits_at_once_lose_nothing(client, world):
    held = await booked(world)
    wishes = [{"notes": "n"}, {"special_requests": "s"}, {"allergies": ["milk"]}]
    answers = await asyncio.gather(*(edit(client, world, held, **wish) for wish in wishes))
    assert [status for status, _ in answers] == [200] * 3
    booking = await world.booking(held)
    assert (booking.notes, booking.special_requests, booking.allergies, booking.version) == (
        "n",
        "s",
        ("milk",),
        4,
    )


async def test_one_place_each_holds_for_corrected_contacts_too(client, world):
    session = await world.class_session(price=0, policy={"one_per_customer": True})
    first = await world.hold(session, email="first@example.com")
    second = await world.hold(session, email="second@example.com")
    status, refused = await edit(client, world, second, customer={"email": "first@example.com"})
    assert (status, refused["code"]) == (409, "ALREADY_BOOKED")
    assert (await world.booking(second)).version == 1
    await world.cancel(first)
    assert (await edit(client, world, second, customer={"email": "first@example.com"}))[0] == 200


BAD = [
    ({"customer": {"email": "nowhere"}}, "customer.email"),
    ({"customer": {"email": None}}, "customer.email"),
    ({"customer": {"phone": "12345"}}, "customer.phone"),
    ({"customer": {"name": "A"}}, "customer.name"),
    ({"customer": {"name": "Test Guest", "given": "Test"}}, "customer.name"),
    ({"customer": {"family": "Guest"}}, "customer.name"),
    ({"customer": {"vip": True}}, "customer.vip"),
    ({"allergies": ["x"] * 21}, "allergies"),
    ({"allergies": [""]}, "allergies.0"),
    ({"allergies": None}, "allergies"),
    ({"special_requests": "x" * 1001}, "special_requests"),
    ({"notes": "x" * 2001}, "notes"),
    ({"notes": "a\u0000b"}, "notes"),
    ({"arrival_time": "25:00"}, "arrival_time"),
    ({"version": 0}, "version"),
    ({"status": "cancelled"}, "status"),
    ({"party_size": 3}, "party_size"),
]


@pytest.mark.parametrize(("wanted", "field"), BAD)
async def test_bad_input_names_its_field_and_changes_nothing(client, world, wanted, field):
    held = await booked(world)
    before = await world.booking(held)
    status, refused = await edit(client, world, held, **wanted)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    assert await world.booking(held) == before


async def test_f41_revoked_links_open_nothing_and_later_ones_do(client, world):
    held = await booked(world)
    path = f"/bookings/{held.booking_id}"
    old = manage(world.org_id, held.booking_id, 1)
    assert (await client("GET", path, old))[0] == 200
    body = {"reason": "Forwarded by mistake"}
    key = "k" * 16
    status, revoked = await client("POST", f"{path}/revoke-links", desk(world), key, json=body)
    assert (status, revoked["manage_epoch"]) == (200, 2)
    again = await client("POST", f"{path}/revoke-links", desk(world), key, json=body)
    assert again == (200, revoked)
    assert (await client("GET", path, old))[0] == 404
    assert (await client("POST", f"{path}/cancel", old, json={}))[0] == 404
    assert (await client("GET", path, manage(world.org_id, held.booking_id, 2)))[0] == 200
    (row,) = await world.audited(held, "booking.links_revoked")
    assert (row["reason"], row["before"], row["after"]) == (
        "Forwarded by mistake",
        {"manage_epoch": 1},
        {"manage_epoch": 2},
    )


async def test_only_the_tenants_own_staff_correct(client, world):
    held = await booked(world)
    before = await world.booking(held)
    path = f"/bookings/{held.booking_id}"
    callers = {
        401: GUEST,
        403: staff(world.org_id, "bookings:view"),
        404: staff(uuid7(), "bookings:manage"),
    }
    for status, caller in callers.items():
        assert (await edit(client, world, held, caller, notes="mine"))[0] == status
        assert (await client("POST", f"{path}/revoke-links", caller, json={}))[0] == status
    own = manage(world.org_id, held.booking_id)
    assert (await edit(client, world, held, own, notes="mine"))[0] == 403
    assert (await client("POST", f"{path}/revoke-links", own, json={}))[0] == 403
    assert await world.booking(held) == before
