"""Offerings, tables and sessions: what staff write is checked, versioned, and seen by guests."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from booking_client import body, staff

from chassis.ids import uuid7


@pytest.fixture
def editor(world):
    return staff(world.org_id, "catalogue:manage")


async def test_s2_1_anyone_lists_three_classes_with_date_times_spots_and_price(
    client, world, editor
):
    """S2-1, CAT-10."""
    offering = await world.offering(
        "class", inventory={"capacity": 12}, pricing={"amount_minor": 18000}
    )
    for day, title in (("2030-07-01", "One"), ("2030-07-02", "Two"), ("2030-12-03", "Three")):
        session = {
            "offering_id": str(offering.id),
            "date": day,
            "start_time": "18:00",
            "end_time": "19:30",
            "title": title,
        }
        assert (await client("POST", "/sessions", editor, json=session))[0] == 201
    status, page = await client("GET", f"/offerings/{offering.id}/sessions")
    assert status == 200
    seen = [
        {name: item[name] for name in ("title", "date", "start_time", "end_time", "capacity")}
        for item in page["items"]
    ]
    times = {"start_time": "18:00", "end_time": "19:30", "capacity": 12}
    assert seen == [
        {"title": "One", "date": "2030-07-01", **times},
        {"title": "Two", "date": "2030-07-02", **times},
        {"title": "Three", "date": "2030-12-03", **times},
    ]
    price = {"amount_minor": 18000, "currency": "GBP"}
    assert [item["price"] for item in page["items"]] == [price] * 3


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"inventory": {"capacity": 0}}, "inventory.capacity"),
        ({"pricing": {"amount_minor": -1}}, "pricing.amount_minor"),
        ({"title": None}, "title"),
    ],
)
async def test_s2_15_a_class_without_spots_price_or_title_is_refused(
    client, world, editor, fields, field
):
    offering = {
        "venue_id": str(world.venue_id),
        "preset": "class",
        "title": "Class",
        "pricing": {"amount_minor": 18000},
    }
    wanted = {name: value for name, value in {**offering, **fields}.items() if value is not None}
    status, refused = await client("POST", "/offerings", editor, json=wanted)
    assert (status, refused["errors"][0]["field"]) == (422, field)
    assert not await world.admin.fetchval(
        "SELECT count(*) FROM offerings WHERE org_id = $1", world.org_id
    )
    viewer = staff(world.org_id, "catalogue:view")
    assert (await client("POST", "/offerings", viewer, json=offering))[0] == 403
    assert (await client("POST", "/offerings", json=offering))[0] == 401


async def test_s2_15_a_free_class_is_booked_without_a_payment(client, world):
    """CAT-14."""
    session = await world.class_session(price=0)
    status, booked = await client("POST", "/bookings", key="k" * 16, json=body(session))
    assert (status, booked["status"], booked["payment_status"]) == (
        201,
        "confirmed",
        "not_required",
    )
    assert not await world.published("booking.held.v1")


async def test_an_event_has_a_text_and_links_and_may_end_after_midnight(client, world, editor):
    """CAT-01, CAT-04."""
    await world.table(7)
    offering = await world.offering("event_table")
    event = {
        "offering_id": str(offering.id),
        "date": "2030-06-01",
        "start_time": "22:00",
        "end_time": "03:00",
        "title": "Midsummer Night",
        "description": "Doors at ten.\nOver 18 only.",
        "image_url": "https://example.com/night.jpg",
        "ticket_url": "http://example.com/tickets?event=1#buy",
    }
    status, made = await client("POST", "/sessions", editor, json=event)
    assert status == 201, made
    shown = ("title", "description", "image_url", "ticket_url")
    assert [made[name] for name in shown] == [event[name] for name in shown]
    _, page = await client("GET", f"/offerings/{offering.id}/sessions")
    (listed,) = page["items"]
    assert [listed[name] for name in shown] == [event[name] for name in shown]
    assert (listed["date"], listed["start_time"], listed["end_time"]) == (
        "2030-06-01",
        "22:00",
        "03:00",
    )
    path = f"/sessions/{made['id']}"
    status, edited = await client(
        "PATCH", path, editor, json={"ticket_url": None, "description": "Doors at nine."}
    )
    assert (status, edited["ticket_url"], edited["image_url"]) == (200, None, event["image_url"])
    assert (await client("GET", path, editor))[1] == edited
    note = await world.admin.fetchrow(
        "SELECT before, after FROM audit WHERE action = 'session.edited' AND org_id = $1",
        world.org_id,
    )
    assert "Doors at ten" in note["before"]
    assert "Doors at nine" in note["after"]
    assert "title" not in note["after"], "only what changed"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": None}, "title"),
        ({"description": ""}, "description"),
        ({"description": "x" * 2001}, "description"),
        ({"ticket_url": "javascript:alert(1)"}, "ticket_url"),
        ({"ticket_url": "ftp://example.com/"}, "ticket_url"),
        ({"ticket_url": "https://example.com/" + "x" * 490}, "ticket_url"),
        ({"image_url": '"><script>'}, "image_url"),
        ({"image_url": "//example.com/a.jpg"}, "image_url"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": 100_001}, "capacity"),
        ({"capacity": None}, "capacity"),
        ({"resource_ids": "all"}, "resource_ids"),
        ({"resource_ids": None}, "resource_ids"),
        ({"resource_ids": ["7"]}, "resource_ids.0"),
        ({"starts_at": "2030-01-01T10:00:00Z"}, "body"),
        ({"date": "2030-02-30"}, "date"),
        ({"status": "cancelled"}, "status"),
        ({"taken": 0}, "taken"),
        ({"offering_id": str(uuid4())}, "offering_id"),
        ({"version": 1.5}, "version"),
    ],
)
async def test_a_bad_edit_of_a_session_changes_nothing(client, world, editor, fields, field):
    session = await world.class_session()
    path = f"/sessions/{session.id}"
    _, before = await client("GET", path, editor)
    status, refused = await client("PATCH", path, editor, json=fields)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    assert (await client("GET", path, editor))[1] == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": None}, "title"),
        ({"image_url": "data:image/png;base64,AAAA"}, "image_url"),
        ({"sort_order": -1}, "sort_order"),
        ({"sort_order": "first"}, "sort_order"),
        ({"status": "open"}, "status"),
        ({"inventory": {"capacity": 0}}, "inventory.capacity"),
        ({"inventory": {"kind": "resources"}}, "inventory.kind"),
        ({"pricing": {"amount_minor": 1}}, "pricing.amount_minor"),
        ({"policy": {"refund_tiers": "all"}}, "policy.refund_tiers"),
        ({"preset": "event_table"}, "preset"),
        ({"venue_id": str(uuid4())}, "venue_id"),
    ],
)
async def test_a_bad_edit_of_an_offering_changes_nothing(client, world, editor, fields, field):
    offering = await world.offering("class", pricing={"amount_minor": 18000})
    _, before = await client("GET", f"/offerings/{offering.id}")
    status, refused = await client("PATCH", f"/offerings/{offering.id}", editor, json=fields)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    assert (await client("GET", f"/offerings/{offering.id}"))[1] == before


async def test_an_offering_is_edited_by_version(client, world, editor):
    offering = await world.offering("class", pricing={"amount_minor": 18000})
    path = f"/offerings/{offering.id}"
    fields = {"description": "Gentle.", "image_url": "https://example.com/a.jpg", "sort_order": 5}
    status, edited = await client("PATCH", path, editor, json={**fields, "version": 1})
    assert (status, edited["version"]) == (200, 2)
    status, refused = await client("PATCH", path, editor, json={"title": "Late", "version": 1})
    assert (status, refused["code"]) == (409, "STALE_VERSION")
    _, cleared = await client("PATCH", path, editor, json={"description": None})
    assert (cleared["description"], cleared["image_url"]) == (None, fields["image_url"])
    status, _ = await client("PATCH", f"/offerings/{uuid7()}", editor, json={"title": "Nowhere"})
    assert status == 404


async def test_of_two_editors_of_one_version_one_is_told(client, world, editor):
    session = await world.class_session()
    answers = await asyncio.gather(
        *(
            client(
                "PATCH", f"/sessions/{session.id}", editor, json={"title": f"T{n}", "version": 1}
            )
            for n in range(8)
        )
    )
    assert sorted(status for status, _ in answers) == [200] + [409] * 7


@pytest.fixture
def table(world):
    return {"venue_id": str(world.venue_id), "number": 7, "seats_min": 2, "seats_max": 6}


async def test_a_table_has_a_group_and_a_priority_that_a_hold_knows(client, world, editor, table):
    fields = {"floor": "upstairs", "vip": True, "join_group": "window", "priority": 20}
    status, made = await client("POST", "/resources", editor, json={**table, **fields})
    assert (status, made["version"]) == (201, 1)
    assert {name: made[name] for name in fields} == fields
    _, plain = await client("POST", "/resources", editor, json={**table, "number": 8})
    assert (plain["join_group"], plain["priority"]) == (None, 100)
    offering = await world.offering("event_table")

    async def listing():
        version = await world.admin.fetchval(
            "SELECT version FROM offerings WHERE id = $1", offering.id
        )
        found = await world.run(lambda tx: world.shop.listings.at(tx, offering.id, version))
        return [(table.number, table.group, table.priority) for table in found.tables], found.seats

    tables, seats = await listing()
    assert tables == [(7, "window", 20), (8, None, 100)]
    assert {str(table) for table in seats} == {made["id"], plain["id"]}
    path = f"/resources/{plain['id']}"
    status, edited = await client(
        "PATCH", path, editor, json={"priority": 1, "join_group": "window", "version": 1}
    )
    assert (status, edited["version"]) == (200, 2)
    assert (await listing())[0] == [(8, "window", 1), (7, "window", 20)]
    status, refused = await client("PATCH", path, editor, json={"priority": 2, "version": 1})
    assert (status, refused["code"]) == (409, "STALE_VERSION")
    _, cleared = await client("PATCH", path, editor, json={"join_group": None, "floor": None})
    assert (cleared["join_group"], cleared["floor"], cleared["priority"]) == (None, None, 1)


BAD_TABLE = [
    ({"seats_min": 7}, "seats_max"),
    ({"seats_max": 1}, "seats_max"),
    ({"seats_max": 0}, "seats_max"),
    ({"seats_max": None}, "seats_max"),
    ({"label": ""}, "label"),
    ({"floor": "x" * 21}, "floor"),
    ({"features": "booth"}, "features"),
    ({"features": ["x"] * 21}, "features"),
    ({"vip": "yes"}, "vip"),
    ({"join_group": ""}, "join_group"),
    ({"join_group": "x" * 51}, "join_group"),
    ({"priority": -1}, "priority"),
    ({"priority": 10_001}, "priority"),
    ({"priority": None}, "priority"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("fields", "field"), BAD_TABLE)
async def test_a_bad_table_is_neither_added_nor_edited(client, world, editor, table, fields, field):
    status, refused = await client("POST", "/resources", editor, json={**table, **fields})
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    _, made = await client("POST", "/resources", editor, json=table)
    path = f"/resources/{made['id']}"
    status, refused = await client("PATCH", path, editor, json=fields)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    _, page = await client("GET", f"/resources?venue_id={world.venue_id}", editor)
    assert page["items"] == [made]


async def test_a_tables_number_and_venue_stay(client, world, editor, table):
    _, made = await client("POST", "/resources", editor, json=table)
    for fields in ({"number": 8}, {"venue_id": str(uuid4())}):
        status, _ = await client("PATCH", f"/resources/{made['id']}", editor, json=fields)
        assert status == 422
    assert (await client("POST", "/resources", editor, json=table))[0] == 409


async def test_staff_list_sessions_and_offerings_that_guests_no_longer_see(client, world, editor):
    offering = await world.offering("class", pricing={"amount_minor": 1000})
    opened = [await world.open(offering, starts_in=timedelta(days=n)) for n in range(1, 4)]
    await client("DELETE", f"/sessions/{opened[0].id}", editor)
    await world.advance(days=2, hours=12)
    path = f"/sessions?offering_id={offering.id}"

    async def listed(more=""):
        status, page = await client("GET", path + more, editor)
        assert status == 200, page
        return [item["id"] for item in page["items"]]

    ids = [str(session.id) for session in opened]
    assert await listed() == ids
    assert await listed("&status=archived") == ids[:1]
    assert await listed("&status=open") == ids[1:]
    _, first = await client("GET", f"{path}&limit=2", editor)
    assert await listed(f"&limit=2&cursor={first['next_cursor']}") == ids[2:]
    assert await listed(f"&from={opened[1].starts_at:%Y-%m-%dT%H:%M:%SZ}") == ids[1:]
    assert await listed(f"&to={opened[1].starts_at:%Y-%m-%dT%H:%M:%SZ}") == ids[:1]
    for wrong in ("&status=gone", "&limit=0", "&limit=101", "&cursor=x", "&from=yesterday"):
        assert (await client("GET", path + wrong, editor))[0] == 422
    assert (await client("GET", path))[0] == 401
    assert (await client("GET", path, staff(uuid7(), "catalogue:view")))[0] == 404

    await client("DELETE", f"/sessions/{opened[2].id}", editor)
    await client("DELETE", f"/offerings/{offering.id}", editor)
    _, page = await client("GET", f"/venues/{world.venue_id}/offerings", editor)
    assert [(item["id"], item["status"]) for item in page["items"]] == [
        (str(offering.id), "archived")
    ]
