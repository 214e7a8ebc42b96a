"""When a party may still come, why not, and where else it may sit."""

from datetime import timedelta

import pytest
from booking_client import CUSTOMER, manage, staff
from restaurant import LONDON, Restaurant, drift, hours, twice

from booking.domain.refusals import (
    CannotReschedule,
    InvalidRequest,
    NoTableFree,
    ResourceTaken,
    StaleVersion,
)
from booking.usecases.change_tables import ChangeTables, change_tables
from booking.usecases.day_availability import day_availability
from chassis.ids import uuid7

DEPOSIT = {"kind": "deposit", "amount_minor": 500}
EARLY = {"schedule": hours("18:00", "20:00", last_seating_minutes=0)}


async def look(dining, party=2, at=None, *, ahead=7):
    from datetime import time

    world, day = dining.world, await dining.day(ahead)
    wanted = None if at is None else time.fromisoformat(at)
    return await world.run(
        lambda tx: day_availability(
            tx, dining.offering.id, day, party, wanted, listings=world.shop.listings
        )
    )


def times(found):
    return {start["time"]: start["reason"] for start in found["starts"]}


async def test_every_start_of_the_day_is_free_or_has_its_reason(world):
    dining = await Restaurant.open(world, {1: (1, 4)}, **EARLY)
    assert set(times(await look(dining)).values()) == {None}
    await dining.book("19:00")
    found = times(await look(dining))
    # Two hours each: nobody else can come at any time of this service.
    assert list(found) == [f"{h}:{m:02}" for h in (18, 19) for m in (0, 15, 30, 45)]
    assert set(found.values()) == {"TABLES"}


async def test_what_is_shown_as_free_can_be_booked_and_nothing_else(world):
    dining = await Restaurant.open(
        world,
        {1: (1, 2, "bar"), 2: (1, 2, "bar"), 3: (2, 4)},
        schedule=hours("18:00", "22:00", start_interval_minutes=30),
        inventory={"pacing_covers": 5, "pacing_minutes": 30, "covers_per_session": 14},
    )
    for clock, party in (("18:00", 4), ("18:30", 2), ("19:30", 2), ("20:00", 3)):
        await dining.book(clock, party)
    for party in (1, 2, 4):
        for clock, reason in times(await look(dining, party)).items():
            if reason is None:
                await world.cancel(await dining.book(clock, party))
            else:
                with pytest.raises(NoTableFree.__mro__[1]) as refused:
                    await dining.book(clock, party)
                assert refused.value.rule == reason


async def test_a_full_time_has_the_nearest_free_ones_on_both_sides_and_other_days(world):
    dining = await Restaurant.open(world, {1: (1, 4)}, schedule=hours("12:00", "23:00"))
    await dining.book("18:00")
    wanted = (await look(dining, at="18:30"))["wanted"]
    assert (wanted["available"], wanted["reason"]) == (False, "TABLES")
    assert [one["time"] for one in wanted["before"]] == ["16:00", "15:45", "15:30"]
    assert [one["time"] for one in wanted["after"]] == ["20:00", "20:15", "20:30"]
    following = [str(await dining.day(7 + n)) for n in (1, 2, 3)]
    assert [(str(one["date"]), one["time"]) for one in wanted["other_days"]] == [
        (day, "18:30") for day in following
    ]
    free = (await look(dining, at="21:00"))["wanted"]
    assert (free["available"], free["before"], free["other_days"]) == (True, [], [])


async def test_a_wanted_time_that_the_rules_refuse_names_the_rule(world):
    dining = await Restaurant.open(world, {1: (1, 4)})
    for at, reason in (("11:00", "KITCHEN_CLOSED"), ("19:05", "NOT_A_START_TIME")):
        assert (await look(dining, at=at))["wanted"]["reason"] == reason


async def test_a_closed_day_and_one_too_far_ahead_say_so(world):
    only = (await Restaurant(world).at("12:00", 7)).astimezone(LONDON).strftime("%A").lower()
    dining = await Restaurant.open(world, {1: (1, 4)}, schedule=hours(days=[only]))
    assert (await look(dining, ahead=7))["closed"] is None
    assert (await look(dining, ahead=8))["closed"]["reason"] == "CLOSED"
    assert (await look(dining, ahead=71))["closed"]["reason"] == "TOO_FAR_AHEAD"
    assert set(times(await look(dining, ahead=70)).values()) == {"TOO_FAR_AHEAD"}


async def test_a_start_after_midnight_is_shown_on_its_own_date(world):
    dining = await Restaurant.open(
        world, {1: (1, 4)}, schedule=hours("22:00", "01:00", last_seating_minutes=0)
    )
    found = times(await look(dining))
    assert [time for time in found if time < "12:00"] == ["00:00", "00:15", "00:30", "00:45"]
    start = await dining.at("00:15", 8)
    assert await dining.ask(start)
    assert times(await look(dining, ahead=8))["00:15"] == "TABLES"


async def test_a_lapsed_hold_is_shown_as_free_and_has_no_trace(world):
    dining = await Restaurant.open(world, {1: (1, 4)}, pricing=DEPOSIT)
    held = await dining.book("19:00")
    found = await look(dining)
    assert times(found)["19:00"] == "TABLES"
    assert str(held.booking_id) not in str(found)
    await world.advance(minutes=15)
    assert times(await look(dining))["19:00"] is None


async def test_a_party_of_unknown_or_impossible_size_is_told_so(world):
    dining = await Restaurant.open(world, {1: (1, 4)})
    for party in (None, 21):
        with pytest.raises(InvalidRequest, match="party_size"):
            await look(dining, party)


async def put(dining, held, *numbers, version=None):
    command = ChangeTables(
        booking_id=held.booking_id,
        resource_ids=tuple(dining.tables[number] for number in numbers),
        actor="key:desk",
        reason="they asked for the window",
        version=version,
    )
    return await dining.world.run(lambda tx: change_tables(tx, command))


async def test_staff_put_a_party_at_other_tables_and_join_them_as_they_like(world):
    dining = await Restaurant.open(world, dict.fromkeys(range(1, 5), (1, 4)))
    held = await dining.book(party=4)
    await put(dining, held, 2, 4)
    assert await dining.numbers(held) == [2, 4]
    await put(dining, held, 4)
    assert await dining.numbers(held) == [4]
    assert await dining.numbers(await dining.book(party=4)) == [1]
    note = await world.admin.fetchrow(
        "SELECT before::text, after::text, reason, actor FROM audit "
        "WHERE action = 'booking.tables_changed' AND entity_id = $1 ORDER BY id LIMIT 1",
        held.booking_id,
    )
    assert tuple(note) == (
        '{"tables": [1]}', '{"tables": [2, 4]}', "they asked for the window", "key:desk",
    )  # fmt: skip
    assert not await drift(world)
    await world.cancel(held)
    assert not await drift(world)


async def test_a_table_that_somebody_has_is_refused_and_the_party_stays(world):
    dining = await Restaurant.open(world, {1: (1, 4), 2: (1, 4), 3: (1, 4)})
    held, other = await dining.book(), await dining.book()
    for numbers in ((2,), (3, 2)):
        with pytest.raises(ResourceTaken):
            await put(dining, held, *numbers)
    assert (await dining.numbers(held), await dining.numbers(other)) == ([1], [2])
    assert not await drift(world)
    assert not await twice(world)


async def test_tables_must_seat_the_party_and_the_booking_be_as_it_was_read(world):
    dining = await Restaurant.open(world, {1: (1, 4), 2: (1, 2)})
    held = await dining.book(party=4)
    with pytest.raises(InvalidRequest, match="these seat 2 people"):
        await put(dining, held, 2)
    with pytest.raises(StaleVersion):
        await put(dining, held, 1, 2, version=7)
    await world.cancel(held)
    with pytest.raises(CannotReschedule):
        await put(dining, held, 1, 2)


async def test_a_party_moves_by_a_quarter_of_an_hour_at_its_own_table(world):
    dining = await Restaurant.open(world, {1: (1, 4)}, inventory={"pacing_covers": 4})
    held = await dining.book("19:00", 4)
    await world.reschedule(held, start=await dining.at("19:15"), by="key:desk", reason="late")
    booking = await world.booking(held)
    assert booking.occasion.starts_at == await dining.at("19:15")
    assert booking.occasion.ends_at - booking.occasion.starts_at == timedelta(hours=2)
    assert not await drift(world)
    # Its old time is free for those who leave before it comes.
    with pytest.raises(NoTableFree):
        await dining.book("18:00")


async def test_a_party_moves_to_another_evening_and_may_grow_there(world):
    dining = await Restaurant.open(world, {1: (1, 2), 2: (1, 6)})
    held = await dining.book("19:00", 2)
    await world.reschedule(
        held, start=await dining.at("20:00", 9), party_size=5, by="key:desk", reason="more come"
    )
    assert await dining.numbers(held) == [2]
    assert (await dining.session("20:00", 7))["taken"] == 0
    assert (await dining.session("20:00", 9))["taken"] == 5
    assert not await drift(world)


async def test_a_full_evening_keeps_a_party_where_it_was(world):
    dining = await Restaurant.open(world, {1: (1, 4)})
    held, _ = await dining.book("19:00", 2), await dining.book("19:00", 2, 8)
    with pytest.raises(NoTableFree):
        await world.reschedule(
            held, start=await dining.at("19:30", 8), by="key:desk", reason="asked"
        )
    assert (await world.booking(held)).occasion.starts_at == await dining.at("19:00")
    assert not await drift(world)


@pytest.fixture
async def dining(world):
    return await Restaurant.open(world, {1: (1, 2), 2: (1, 2, "bar"), 9: (1, 9, None, 1, True)})


async def test_over_http_a_table_is_found_booked_and_explained(client, world, dining):
    day, path = await dining.day(), f"/offerings/{dining.offering.id}"
    status, found = await client("GET", f"{path}/availability?date={day}&party_size=2&time=19:00")
    assert (status, found["wanted"]["available"]) == (200, True)
    wish = {
        "offering_id": str(dining.offering.id), "date": str(day), "start_time": "19:00",
        "party_size": 2, "customer": CUSTOMER,
    }  # fmt: skip
    status, made = await client("POST", "/bookings", key=uuid7().hex, json=wish)
    assert (status, made["status"]) == (201, "confirmed")
    by_instant = {
        "offering_id": wish["offering_id"], "starts_at": (await dining.at("19:00")).isoformat(),
        "party_size": 2, "customer": CUSTOMER,
    }  # fmt: skip
    assert (await client("POST", "/bookings", key=uuid7().hex, json=by_instant))[0] == 201
    status, refused = await client("POST", "/bookings", key=uuid7().hex, json=wish)
    assert (status, refused["code"]) == (409, "CAPACITY_EXCEEDED")
    question = {"date": str(day), "start_time": "19:00", "party_size": 2}
    desk = staff(world.org_id, "bookings:view")
    status, told = await client("POST", f"{path}/explain", desk, json=question)
    assert (status, told["allowed"], told["reason"]) == (200, False, "TABLES")
    assert [(one["number"], one["against"]) for one in told["tables"]] == [
        (1, "taken"), (2, "taken"), (9, "vip"),
    ]  # fmt: skip
    assert told["tables"][0]["taken_by"] == [
        {"booking_id": made["id"], "reference": made["reference"]}
    ]
    assert (await client("POST", f"{path}/explain", json=question))[0] in {401, 403}
    status, moved = await client(
        "POST",
        f"/bookings/{made['id']}/tables",
        staff(world.org_id, "bookings:edit"),
        json={"resource_ids": [str(dining.tables[9])]},
    )
    assert (status, moved["resource_ids"]) == (200, [str(dining.tables[9])])


async def test_an_explanation_names_the_rule_of_the_schedule_too(client, world, dining):
    desk = staff(world.org_id, "bookings:view")
    question = {"date": str(await dining.day()), "start_time": "11:00", "party_size": 2}
    path = f"/offerings/{dining.offering.id}/explain"
    status, told = await client("POST", path, desk, json=question)
    assert (status, told["reason"], told["tables"]) == (200, "KITCHEN_CLOSED", [])
    status, told = await client("POST", path, desk, json={**question, "start_time": "19:00"})
    assert (told["allowed"], told["resource_ids"]) == (True, [str(dining.tables[1])])


async def test_over_http_a_refusal_of_the_schedule_names_its_rule(client, world, dining):
    for clock, code in (("11:00", "KITCHEN_CLOSED"), ("19:05", "NOT_A_START_TIME")):
        wish = {
            "offering_id": str(dining.offering.id), "date": str(await dining.day()),
            "start_time": clock, "party_size": 2, "customer": CUSTOMER,
        }  # fmt: skip
        status, refused = await client("POST", "/bookings", key=uuid7().hex, json=wish)
        assert (status, refused["code"]) == (422, code)
        assert refused["errors"]


BAD_TIMES = [
    {"date": "2030-01-01"},
    {"start_time": "19:00"},
    {"starts_at": "2030-01-01T19:00:00Z", "date": "2030-01-01", "start_time": "19:00"},
    {"starts_at": "2030-01-01T19:00:00"},
    {"date": "2030-02-30", "start_time": "19:00"},
    {"date": "2030-01-01", "start_time": "25:00"},
    {},
]


@pytest.mark.parametrize("when", BAD_TIMES)
async def test_bad_times_are_refused_with_nothing_stored(client, world, dining, when):
    wish = {"offering_id": str(dining.offering.id), "party_size": 2, "customer": CUSTOMER, **when}
    status, refused = await client("POST", "/bookings", key=uuid7().hex, json=wish)
    assert (status, bool(refused["errors"])) == (422, True)
    desk = staff(world.org_id, "bookings:view")
    path = f"/offerings/{dining.offering.id}/explain"
    assert (await client("POST", path, desk, json={"party_size": 2, **when}))[0] == 422
    assert await world.admin.fetchval(
        "SELECT count(*) FROM bookings WHERE org_id = $1", world.org_id
    ) == 0  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"resource_ids": []}, 422),
        ({"resource_ids": ["x"]}, 422),
        ({"resource_ids": [str(uuid7())]}, 422),
        ({}, 422),
        ({"resource_ids": [str(uuid7())], "more": 1}, 422),
    ],
)
async def test_bad_tables_are_refused_with_nothing_changed(client, world, dining, body, status):
    held = await dining.book()
    desk = staff(world.org_id, "bookings:edit")
    path = f"/bookings/{held.booking_id}/tables"
    assert (await client("POST", path, desk, json=body))[0] == status
    good = {"resource_ids": [str(dining.tables[9])]}
    assert (await client("POST", path, json=good))[0] in {401, 403}
    assert (await client("POST", path, manage(world.org_id, held.booking_id), json=good))[0] == 403
    assert (await client("POST", path, staff(uuid7(), "bookings:edit"), json=good))[0] == 404
    assert await dining.numbers(held) == [1]


@pytest.mark.parametrize("query", ["date=2030-13-01", "party_size=2", "date=2030-01-01&time=9"])
async def test_a_bad_question_for_free_times_names_the_field(client, dining, query):
    status, refused = await client("GET", f"/offerings/{dining.offering.id}/availability?{query}")
    assert (status, len(refused["errors"])) == (422, 1)
