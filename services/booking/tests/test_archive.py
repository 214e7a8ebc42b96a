"""What is taken off sale stays on record, and live bookings stand against it."""

import asyncio
from datetime import timedelta

import pytest
from booking_client import CUSTOMER, body, staff

from booking.domain.catalogue import ListingStatus, SessionStatus
from booking.domain.refusals import HasBookings, NotOnSale, Refusal, SessionClosed
from booking.usecases.edit_offering import EditOffering, edit_offering
from booking.usecases.edit_resource import EditResource, edit_resource
from booking.usecases.edit_session import EditSession, edit_session
from booking.usecases.edit_venue import EditVenue, edit_venue
from chassis.ids import uuid7

SWEDISH = "Passet kan inte tas bort eftersom det finns deltagare bokade på det."
ENGLISH = "The session cannot be removed because participants are booked on it."


@pytest.fixture
def editor(world):
    return staff(world.org_id, "catalogue:manage")


async def in_swedish(world):
    command = EditVenue(venue_id=world.venue_id, locale="sv", actor="test")
    await world.run(lambda tx: edit_venue(tx, command))


async def archive_session(world, session):
    command = EditSession(session_id=session.id, status=SessionStatus.ARCHIVED, actor="test")
    return await world.run(lambda tx: edit_session(tx, command))


async def archive_offering(world, session):
    command = EditOffering(
        offering_id=session.offering_id, status=ListingStatus.ARCHIVED, actor="test"
    )
    return await world.run(lambda tx: edit_offering(tx, command))


async def archive_venue(world, session):
    command = EditVenue(venue_id=session.venue_id, status=ListingStatus.ARCHIVED, actor="test")
    return await world.run(lambda tx: edit_venue(tx, command))


async def archive_tables(world, session):
    tables = await world.admin.fetch(
        "SELECT resource_id AS id FROM session_resources WHERE session_id = $1", session.id
    )
    for table in tables:
        command = EditResource(resource_id=table["id"], status=ListingStatus.ARCHIVED, actor="test")
        await world.run(lambda tx, command=command: edit_resource(tx, command))


ARCHIVING = [archive_session, archive_offering, archive_venue]


async def test_s2_14_a_class_with_a_booking_cannot_be_deleted_and_one_without_can(
    client, world, editor
):
    """S2-14, CAT-13: refused in Swedish; unknown is not found."""
    await in_swedish(world)
    booked, empty = await world.class_session(), await world.class_session()
    await world.hold(booked)
    status, refused = await client("DELETE", f"/sessions/{booked.id}", editor)
    assert (status, refused["code"], refused["detail"]) == (409, "HAS_BOOKINGS", SWEDISH)
    assert client.headers["Content-Language"] == "sv"
    status, archived = await client("DELETE", f"/sessions/{empty.id}", editor)
    assert (status, archived["status"]) == (200, "archived")
    assert (await client("DELETE", f"/sessions/{uuid7()}", editor))[0] == 404
    stranger = staff(uuid7(), "catalogue:manage")
    assert (await client("DELETE", f"/sessions/{empty.id}", stranger))[0] == 404
    viewer = staff(world.org_id, "catalogue:view")
    assert (await client("DELETE", f"/sessions/{empty.id}", viewer))[0] == 403


@pytest.mark.parametrize(
    ("accepts", "text"),
    [
        ("en", ENGLISH),
        ("sv-SE,sv;q=0.9,en;q=0.8", SWEDISH),
        ("de, en;q=0.5, sv;q=0.4", ENGLISH),
        ("en;q=0.1, sv;q=0.9", SWEDISH),
        ("de", SWEDISH),
        ("sv;q=0, en", ENGLISH),
        (";;;q=x,,", SWEDISH),
    ],
)
async def test_the_refusal_is_in_the_readers_language_else_in_the_venues(
    client, world, editor, accepts, text
):
    await in_swedish(world)
    session = await world.class_session()
    await world.hold(session)
    _, refused = await client(
        "DELETE", f"/sessions/{session.id}", editor, headers={"Accept-Language": accepts}
    )
    assert refused["detail"] == text


@pytest.mark.parametrize("archive", ARCHIVING)
async def test_live_bookings_stand_against_archiving(world, archive):
    session = await world.class_session()
    held = await world.hold(session)
    with pytest.raises(HasBookings):
        await archive(world, session)
    await world.pay(held)
    with pytest.raises(HasBookings):
        await archive(world, session)
    await world.cancel(held)
    await archive(world, session)
    with pytest.raises((SessionClosed, NotOnSale)):
        await world.hold(session)


@pytest.mark.parametrize("archive", ARCHIVING)
async def test_booked_tables_stand_against_archiving(world, archive):
    session, (table,) = await world.table_session()
    held = await world.hold(session, [table])
    with pytest.raises(HasBookings):
        await archive(world, session)
    await world.cancel(held)
    await archive(world, session)


@pytest.mark.parametrize("archive", ARCHIVING)
@pytest.mark.parametrize("tables", [False, True])
async def test_f84_past_bookings_do_not_stand_against_archiving(world, archive, tables):
    """F-84: and what they paid stays on record (F-56)."""
    if tables:
        session, chosen = await world.table_session(
            starts_in=timedelta(hours=2), lasts=timedelta(hours=1)
        )
    else:
        session = await world.class_session(starts_in=timedelta(hours=2), lasts=timedelta(hours=1))
        chosen = []
    held = await world.hold(session, chosen)
    await world.pay(held)
    await world.advance(hours=2, minutes=30)
    with pytest.raises(HasBookings):
        await archive(world, session)
    await world.advance(minutes=31)
    await archive(world, session)
    booking = await world.booking(held)
    assert booking.status == "confirmed"
    assert booking.paid == held.due_now
    assert booking.payment_id is not None


@pytest.mark.parametrize("archive", ARCHIVING)
@pytest.mark.parametrize("tables", [False, True])
async def test_a_lapsed_hold_does_not_stand_against_archiving(world, archive, tables):
    if tables:
        session, chosen = await world.table_session()
    else:
        session, chosen = await world.class_session(), []
    await world.hold(session, chosen)
    await world.advance(minutes=15)
    await archive(world, session)


@pytest.mark.parametrize("archive", [*ARCHIVING, archive_tables])
async def test_money_that_comes_for_something_archived_goes_back(world, archive):
    """A late payment takes no place of what is no longer on offer (F-07)."""
    session, tables = await world.table_session()
    held = await world.hold(session, tables)
    await world.advance(minutes=15)
    await world.expire(held)
    await archive(world, session)
    await world.pay(held)
    assert (await world.booking(held)).status == "unfulfillable"
    assert not await world.drift()


async def test_archived_things_vanish_from_what_guests_see(client, world, editor):
    offering = await world.offering("class", pricing={"amount_minor": 1000})
    stays = await world.open(offering)
    goes = await world.open(offering, starts_in=timedelta(days=11))
    path = f"/offerings/{offering.id}/sessions"

    async def shown():
        return [item["id"] for item in (await client("GET", path))[1]["items"]]

    assert await shown() == [str(stays.id), str(goes.id)]
    assert (await client("GET", f"/sessions/{goes.id}/availability"))[0] == 200
    await client("DELETE", f"/sessions/{goes.id}", editor)
    assert await shown() == [str(stays.id)]
    assert (await client("GET", f"/sessions/{goes.id}/availability"))[0] == 404
    status, refused = await client("POST", "/bookings", key="k" * 16, json=body(goes))
    assert (status, refused["code"]) == (409, "SESSION_CLOSED")
    status, _ = await client("DELETE", f"/offerings/{offering.id}", editor)
    assert status == 200
    assert await shown() == []
    status, refused = await client("POST", "/bookings", key="l" * 16, json=body(stays))
    assert (status, refused["code"]) == (409, "NOT_ON_SALE")


async def test_offerings_of_an_archived_venue_are_not_listed(client, world, editor):
    offering = await world.offering("class", pricing={"amount_minor": 1000})
    slug = await world.admin.fetchval(
        "SELECT slug FROM organisations WHERE org_id = $1", world.org_id
    )

    async def listed():
        return [
            item["id"]
            for item in (await client("GET", f"/offerings?organisation={slug}"))[1]["items"]
        ]

    assert await listed() == [str(offering.id)]
    assert (await client("DELETE", f"/venues/{world.venue_id}", editor))[0] == 200
    assert await listed() == []
    assert (await client("POST", f"/venues/{world.venue_id}/restore", editor))[0] == 200
    assert await listed() == [str(offering.id)]


@pytest.mark.parametrize("things", ["venues", "offerings", "resources", "sessions"])
async def test_what_was_archived_can_be_restored(client, world, editor, things):
    session, (table,) = await world.table_session()
    ids = {
        "venues": world.venue_id,
        "offerings": session.offering_id,
        "resources": table.id,
        "sessions": session.id,
    }
    path = f"/{things}/{ids[things]}"
    status, archived = await client("DELETE", path, editor)
    assert (status, archived["status"]) == (200, "archived")
    again = await client("DELETE", path, editor)
    assert again == (200, archived), "archiving twice is archiving once"
    status, restored = await client("POST", f"{path}/restore", editor)
    assert status == 200
    assert restored["status"] == ("open" if things == "sessions" else "active")
    assert restored["version"] > archived["version"]
    assert await world.hold(session, [table])
    for method, where in (("DELETE", ""), ("POST", "/restore")):
        assert (await client(method, f"/{things}/{uuid7()}{where}", editor))[0] == 404
        assert (await client(method, f"{path}{where}"))[0] == 401
        viewer = staff(world.org_id, "catalogue:view")
        assert (await client(method, f"{path}{where}", viewer))[0] == 403
        status, refused = await client(method, f"{path}{where}?version=x", editor)
        assert (status, refused["errors"][0]["field"]) == (422, "version")
        status, refused = await client(method, f"{path}{where}?version=999", editor)
        assert (status, refused["code"]) == (409, "STALE_VERSION")


async def test_a_session_that_has_started_is_not_sold_again_by_restoring_it(client, world, editor):
    session = await world.class_session(starts_in=timedelta(hours=1))
    await client("DELETE", f"/sessions/{session.id}", editor)
    await world.advance(hours=2)
    status, refused = await client("POST", f"/sessions/{session.id}/restore", editor)
    assert (status, refused["errors"][0]["field"]) == (422, "status")


async def test_a_table_with_a_live_booking_cannot_be_archived(client, world, editor):
    session, (booked, free) = await world.table_session(tables=2)
    held = await world.hold(session, [booked])
    status, refused = await client("DELETE", f"/resources/{booked.id}", editor)
    assert (status, refused["code"]) == (409, "HAS_BOOKINGS")
    assert (await client("DELETE", f"/resources/{free.id}", editor))[0] == 200
    _, left = await client("GET", f"/sessions/{session.id}/availability")
    assert [shown["number"] for shown in left["tables"]] == [booked.number]
    with pytest.raises(Refusal):
        await world.hold(session, [free])
    await world.cancel(held)
    assert (await client("DELETE", f"/resources/{booked.id}", editor))[0] == 200


async def test_a_table_keeps_the_seats_of_the_party_that_has_it(client, world, editor):
    session, (small, large) = await world.table_session(tables=2, max_resources=2)
    alone = await world.hold(session, [small], party=5)
    path = f"/resources/{small.id}"
    status, refused = await client("PATCH", path, editor, json={"seats_max": 4})
    assert (status, refused["code"]) == (409, "HAS_BOOKINGS")
    assert (await client("PATCH", path, editor, json={"seats_max": 5}))[0] == 200
    await world.cancel(alone)
    assert (await client("PATCH", path, editor, json={"seats_max": 4}))[0] == 200
    await world.hold(session, [small, large], party=9)
    status, _ = await client("PATCH", path, editor, json={"seats_max": 2})
    assert status == 409, "together they have fewer than nine seats then"
    assert (await client("PATCH", path, editor, json={"seats_max": 3}))[0] == 200


async def test_tables_join_and_leave_a_session_unless_they_are_booked(client, world, editor):
    session, (first, second) = await world.table_session(tables=2)
    path = f"/sessions/{session.id}"
    await world.hold(session, [first])

    async def offer(*tables):
        ids = [str(table.id) for table in tables]
        return await client("PATCH", path, editor, json={"resource_ids": ids})

    status, refused = await offer(second)
    assert (status, refused["code"]) == (409, "HAS_BOOKINGS")
    assert (await offer(first))[0] == 200
    with pytest.raises(Refusal):
        await world.hold(session, [second])
    third = await world.table(30)
    assert (await offer(first, second, third))[0] == 200
    assert await world.hold(session, [second])
    assert await world.hold(session, [third])
    status, refused = await client("PATCH", path, editor, json={"resource_ids": [str(uuid7())]})
    assert (status, refused["errors"][0]["field"]) == (422, "resource_ids")
    classes = await world.class_session()
    status, refused = await client(
        "PATCH", f"/sessions/{classes.id}", editor, json={"resource_ids": [str(first.id)]}
    )
    assert (status, refused["errors"][0]["field"]) == (422, "resource_ids")


async def test_a_booked_session_may_grow_but_neither_shrink_below_what_is_sold_nor_move(
    client, world, editor
):
    """F-18."""
    session = await world.class_session(capacity=3)
    for number in range(2):
        await world.hold(session, email=f"guest{number}@example.com", phone=f"0712345679{number}")
    path = f"/sessions/{session.id}"
    status, refused = await client("PATCH", path, editor, json={"capacity": 1})
    assert (status, refused["code"]) == (409, "HAS_BOOKINGS")
    assert "2 places" in refused["detail"]
    for capacity, remaining in ((2, 0), (5, 3)):
        status, seen = await client("PATCH", path, editor, json={"capacity": capacity})
        assert (status, seen["capacity"], seen["remaining"]) == (200, capacity, remaining)
    later = {"date": "2030-05-01", "start_time": "18:00", "end_time": "19:00"}
    status, refused = await client("PATCH", path, editor, json=later)
    assert (status, refused["code"]) == (409, "HAS_BOOKINGS")


@pytest.mark.parametrize("archive", ARCHIVING)
@pytest.mark.parametrize("tables", [False, True])
async def test_a_hold_and_archiving_at_the_same_moment_never_both_succeed(world, archive, tables):
    """Either the hold has its place and the archive is refused, or the other way round."""
    for _ in range(6):
        if tables:
            number = 100 + await world.admin.fetchval(
                "SELECT count(*) FROM resources WHERE venue_id = $1", world.venue_id
            )
            table = await world.table(number)
            offering = await world.offering("event_table")
            session, chosen = await world.open(offering), [table]
        else:
            session, chosen = await world.class_session(), []
        held, archived = await asyncio.gather(
            world.hold(session, chosen), archive(world, session), return_exceptions=True
        )
        assert isinstance(held, Refusal) != isinstance(archived, HasBookings), (held, archived)
        if isinstance(archived, HasBookings):
            await world.cancel(held)
        elif archive is archive_venue:
            back = EditVenue(venue_id=world.venue_id, status=ListingStatus.ACTIVE, actor="test")
            await world.run(lambda tx, back=back: edit_venue(tx, back))


async def test_a_hold_never_takes_a_table_that_has_become_too_small(world):
    for _ in range(6):
        count = await world.admin.fetchval(
            "SELECT count(*) FROM resources WHERE venue_id = $1", world.venue_id
        )
        table = await world.table(100 + count)
        session = await world.open(await world.offering("event_table"))
        smaller = EditResource(resource_id=table.id, seats_max=3, actor="test")
        held, shrunk = await asyncio.gather(
            world.hold(session, [table], party=4),
            world.run(lambda tx, smaller=smaller: edit_resource(tx, smaller)),
            return_exceptions=True,
        )
        assert isinstance(held, Refusal) != isinstance(shrunk, HasBookings), (held, shrunk)


async def test_a_hold_never_takes_a_table_that_leaves_the_session_at_that_moment(world):
    first, second = await world.table(100), await world.table(101)
    offering = await world.offering("event_table")
    for day in range(1, 7):
        session = await world.open(offering, starts_in=timedelta(days=day))
        without = EditSession(session_id=session.id, resource_ids=(second.id,), actor="test")
        held, left = await asyncio.gather(
            world.hold(session, [first]),
            world.run(lambda tx, without=without: edit_session(tx, without)),
            return_exceptions=True,
        )
        assert isinstance(held, Refusal) != isinstance(left, HasBookings), (held, left)


async def test_a_capacity_lowered_amid_holds_is_never_below_what_is_sold(world):
    for _ in range(4):
        session = await world.class_session(capacity=6)
        smaller = EditSession(session_id=session.id, capacity=3, actor="test")
        answers = await asyncio.gather(
            *(world.hold(session) for _ in range(3)),
            world.run(lambda tx, smaller=smaller: edit_session(tx, smaller)),
            *(world.hold(session) for _ in range(3)),
            return_exceptions=True,
        )
        held = [answer for answer in answers if hasattr(answer, "booking_id")]
        unexpected = [a for a in answers if isinstance(a, Exception) and not isinstance(a, Refusal)]
        assert not unexpected
        assert await world.taken(session) == len(held)
        lowered = not isinstance(answers[3], HasBookings)
        assert len(held) <= (3 if lowered else 6)


async def test_deleting_forgets_nothing(client, world, editor):
    """F-56: the booking, what was paid and who archived it are still there."""
    session = await world.class_session(starts_in=timedelta(hours=1), lasts=timedelta(hours=1))
    held = await world.hold(session)
    payment_id = await world.pay(held)
    await world.advance(hours=3)
    assert (await client("DELETE", f"/sessions/{session.id}", editor))[0] == 200
    assert (await world.booking(held)).payment_id == payment_id
    note = await world.admin.fetchrow(
        "SELECT actor, before, after FROM audit WHERE entity_id = $1 ORDER BY id DESC LIMIT 1",
        session.id,
    )
    assert note["actor"] == "key:k1"
    assert '"open"' in note["before"]
    assert '"archived"' in note["after"]
    viewer = staff(world.org_id, "bookings:view")
    status, seen = await client("GET", f"/bookings/{held.booking_id}", viewer)
    assert (status, seen["status"]) == (200, "confirmed")
    assert seen["name"] == CUSTOMER["name"]
