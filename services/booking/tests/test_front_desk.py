"""The front desk: lists that find what they should, figures that are exact, files that match."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import aiohttp
import orjson
import pytest
import pytest_asyncio
from booking_client import MINTER, OPERATOR, staff

from booking.api import front_desk as front_desk_api
from booking.api.exporting import Exports
from booking.domain.guest import name_of
from booking.domain.lifecycle import Status
from booking.domain.money import Money
from booking.domain.periods import this_week
from booking.domain.presets import Preset
from booking.domain.refusals import InvalidRequest
from booking.domain.schedule import zone
from booking.domain.searching import search_of
from booking.store import front_desk
from booking.store.front_desk import Wanted
from booking.usecases import figures
from booking.usecases.figures import Counted
from booking.usecases.list_bookings import list_bookings, looking_for, upcoming
from booking.usecases.record_refund import Refunded, record_refund
from chassis.auth import HEADER
from chassis.ids import uuid7

LONDON = zone("Europe/London")


async def listed(world, *, search=None, after=None, limit=100, **wanted):
    async def work(tx):
        meant = await looking_for(tx, Wanted(**wanted), search, world.shop.vault)
        return await list_bookings(tx, meant, after=after, limit=limit)

    return await world.run(work)


async def all_pages(world, limit=7, **wanted):
    found = []
    after = None
    while True:
        page = await listed(world, after=after, limit=limit, **wanted)
        found += page
        if len(page) < limit:
            return found
        after = (page[-1].starts_at, page[-1].id)


async def named(world, held, name):
    whole = name_of(whole=name, given=None, family=None)
    await world.admin.execute(
        "UPDATE bookings SET display_name = $2, given_name = $3, family_name = $4 WHERE id = $1",
        held.booking_id,
        whole.display,
        whole.given,
        whole.family,
    )


def ids(rows):
    return [row.id for row in rows]


@pytest_asyncio.fixture
async def season(world):
    """200 bookings: two offerings, ten days, four states, every guest with an address of their own."""
    offerings = [
        await world.offering(
            Preset.CLASS,
            inventory={"capacity": 50},
            pricing={"amount_minor": price},
            policy={"max_unpaid_holds": 100},
        )
        for price in (18000, 5000)
    ]
    sessions = [
        [await world.open(offering, starts_in=timedelta(days=1 + day)) for day in range(10)]
        for offering in offerings
    ]
    made = []
    for number in range(200):
        session = sessions[number % 2][number // 2 % 10]
        held = await world.hold(
            session, email=f"guest{number}@example.com", phone=f"07700900{number:03}"
        )
        await named(world, held, f"Test Guest Nr{number:03}")
        if number % 4 == 1:
            await world.pay(held)
        elif number % 4 == 2:
            await world.cancel(held)
        elif number % 4 == 3:
            await world.pay(held)
            await world.cancel(held)
        made.append(held)
    return offerings, sessions, made


async def test_s4_14_200_bookings_filtered_and_searched_give_the_right_rows(world, season):
    offerings, sessions, made = season
    everything = await all_pages(world)
    assert len(everything) == 200
    assert sorted(ids(everything)) == sorted(held.booking_id for held in made)
    assert [(row.starts_at, row.id) for row in everything] == sorted(
        (row.starts_at, row.id) for row in everything
    )
    backwards = await all_pages(world, newest_first=True)
    assert ids(backwards) == ids(everything)[::-1]

    first, last = sessions[1][2].starts_at, sessions[1][4].starts_at
    found = await all_pages(
        world,
        since=first,
        until=last + timedelta(seconds=1),
        statuses=(Status.CONFIRMED.value,),
        offering_id=offerings[1].id,
    )
    expected = [
        held.booking_id
        for number, held in enumerate(made)
        if number % 4 == 1 and number // 2 % 10 in {2, 3, 4}
    ]
    assert len(expected) == 20
    assert sorted(ids(found)) == sorted(expected)
    assert {row.offering_id for row in found} == {offerings[1].id}
    for text, number in (
        ("Nr017", 17),
        ("nr017", 17),
        ("GUEST33@Example.com", 33),
        ("07700 900041", 41),
        ("+447700900042", 42),
        (made[5].reference, 5),
        (made[6].reference.lower(), 6),
        (made[7].reference[:-1], 7),
    ):
        assert ids(await listed(world, search=text)) == [made[number].booking_id]
    assert len(await all_pages(world, search="test guest")) == 200
    assert len(await all_pages(world, search="Test guest", statuses=("cancelled",))) == 100


async def test_s4_14_the_export_has_the_same_200_rows_as_the_list(client, world, season, download):
    offerings, *_ = season
    reader = staff(world.org_id, "bookings:view", "customers:view")
    for query in ("", f"&offering_id={offerings[0].id}&status=cancelled&status=confirmed"):
        rows = []
        cursor = ""
        while cursor is not None:
            path = f"/bookings?limit=70{query}" + (f"&cursor={cursor}" if cursor else "")
            status, page = await client("GET", path, reader)
            assert status == 200, page
            rows += page["items"]
            cursor = page["next_cursor"]
        assert orjson.loads(await download(f"/bookings/export?format=json{query}", reader)) == rows
        text = (await download(f"/bookings/export?format=csv{query}", reader)).decode()
        lines = list(csv.DictReader(io.StringIO(text)))
        assert [line["reference"] for line in lines] == [row["reference"] for row in rows]
        assert [line["email"] for line in lines] == [row["email"] for row in rows]
        assert [int(line["amount_total"]) for line in lines] == [
            row["amount_total"]["amount_minor"] for row in rows
        ]
    assert len(rows) == 50


@pytest_asyncio.fixture
async def download(client):
    async def fetch(path, caller):
        headers = {HEADER: MINTER.mint(caller, "booking")}
        async with (
            aiohttp.ClientSession() as session,
            session.get(client.address + path, headers=headers) as answer,
        ):
            assert answer.status == 200
            assert "attachment" in answer.headers["content-disposition"]
            assert "content-length" not in answer.headers
            return await answer.read()

    return fetch


async def test_an_export_of_nothing_is_a_header_line_or_an_empty_list(client, world, download):
    reader = staff(world.org_id, "bookings:view")
    assert await download("/bookings/export?format=json", reader) == b"[]"
    text = (await download("/bookings/export", reader)).decode()
    assert text.startswith("reference,status,")
    assert text.count("\n") == 1


async def test_who_may_not_see_customers_gets_no_addresses(client, world, download):
    session = await world.class_session()
    await world.hold(session, email="guest@example.com", phone="07123456789")
    for permissions, email, phone in (
        (["bookings:view"], None, None),
        (["bookings:view", "customers:view"], "guest@example.com", "+447123456789"),
    ):
        reader = staff(world.org_id, *permissions)
        _, page = await client("GET", "/bookings", reader)
        assert [(row["email"], row["phone"]) for row in page["items"]] == [(email, phone)]
        text = (await download("/bookings/export", reader)).decode()
        assert ("guest@example.com" in text) is (email is not None)
    assert "sealed" not in str(page)


async def test_rows_tell_tables_tiers_and_arrival(client, world, download):
    night, tables = await world.table_session(tables=2, max_resources=2)
    seated = await world.hold(night, tables[::-1], party=8)
    offering = await world.offering(
        Preset.CLASS,
        inventory={"capacity": 9, "units": "person", "party_max": 9},
        pricing={
            "kind": "per_head",
            "tiers": [
                {"key": "adult", "label": "Adult", "amount_minor": 3500},
                {"key": "child", "label": "Child", "amount_minor": 2500},
            ],
        },
    )
    session = await world.open(offering, starts_in=timedelta(days=20))
    family = await world.hold(
        session, quantities={"adult": 2, "child": 1}, arrival_time=time(13, 30)
    )
    reader = staff(world.org_id, "bookings:view")
    _, page = await client("GET", "/bookings", reader)
    by_id = {row["id"]: row for row in page["items"]}
    assert by_id[str(seated.booking_id)]["tables"] == [7, 8]
    assert by_id[str(seated.booking_id)]["quantities"] == {}
    row = by_id[str(family.booking_id)]
    assert (row["tables"], row["quantities"]) == ([], {"adult": 2, "child": 1})
    arrives_at = row["arrives_at"]
    assert arrives_at is not None
    text = (await download("/bookings/export", reader)).decode()
    lines = [
        (line["tables"], line["quantities"], line["arrives_at"])
        for line in csv.DictReader(io.StringIO(text))
    ]
    assert lines == [("7, 8", "", ""), ("", "adult 2, child 1", arrives_at)]


async def test_a_name_that_is_a_formula_is_text_in_the_file(client, world, download):
    session = await world.class_session(capacity=10)
    for name in ("=1+1", "+1 Guest", "-Guest", "@Guest", "|Guest"):
        await named(world, await world.hold(session, email=f"{ord(name[0])}@example.com"), name)
    text = (await download("/bookings/export", staff(world.org_id, "bookings:view"))).decode()
    names = {line["name"] for line in csv.DictReader(io.StringIO(text))}
    assert names == {"'=1+1", "'+1 Guest", "'-Guest", "'@Guest", "'|Guest"}


async def test_pages_skip_and_repeat_nothing_while_bookings_are_added(world):
    session = await world.class_session(capacity=100)
    later = await world.open(
        await world.offering(
            Preset.CLASS, inventory={"capacity": 100}, pricing={"amount_minor": 500}
        ),
        starts_in=timedelta(days=20),
    )
    before = [
        (await world.hold(session, email=f"g{n}@example.com", phone=None)).booking_id
        for n in range(10)
    ]
    seen = []
    after = None
    for number in range(10):
        page = await listed(world, after=after, limit=3)
        if not page:
            break
        seen += ids(page)
        after = (page[-1].starts_at, page[-1].id)
        # Some sort behind what was read, some before it.
        await world.hold(session, email=f"n{number}@example.com", phone=None)
        await world.hold(later, email=f"n{number}@example.com", phone=None)
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Åsa Öberg-Test", "asa ober"),
        ("Asa Oberg-Test", "åsa öb"),
        ("Zoë Ångström Test", "ANGSTROM"),
        ("Søren Łódź Test", "soren lodz"),
        ("Straße Test", "strasse"),
        ("Test O'Guest", "o'g"),
        ("100% Test_Guest", "100% test_g"),
        ("Guest Li", "li"),
        ("\\Back Slash", "\\back"),
    ],
)
async def test_names_are_found_by_a_part_whatever_case_and_accents(world, name, text):
    session = await world.class_session()
    held = await world.hold(session)
    await named(world, held, name)
    other = await world.hold(session, email="other@example.com", phone=None)
    await named(world, other, "Quite Different")
    assert ids(await listed(world, search=text)) == [held.booking_id]
    assert ids(await listed(world, search=f"  {text}  ")) == [held.booking_id]


async def test_signs_of_a_pattern_are_only_signs(world):
    session = await world.class_session()
    await world.hold(session)
    assert await listed(world, search="t%t g") == []
    assert await listed(world, search="te_t") == []


async def test_two_letters_are_looked_for_where_words_begin(world):
    session = await world.class_session()
    held = await world.hold(session)
    await named(world, held, "Test Guest")
    assert ids(await listed(world, search="gu")) == [held.booking_id]
    assert await listed(world, search="ue") == []
    assert ids(await listed(world, search="ues")) == [held.booking_id]


@pytest.mark.parametrize("text", ["x", "", " - ", "é", "@", "guest@", "a@b", "x" * 101, "--"])
async def test_what_cannot_be_searched_for_is_refused(world, text):
    with pytest.raises(InvalidRequest, match="search"):
        await listed(world, search=text)


def test_an_address_is_looked_for_as_a_whole_and_nothing_else_is():
    found = search_of("Guest@Example.com")
    assert (found.name, found.phone, found.reference) == (None, None, None)
    assert search_of("07700 900").phone is not None
    assert search_of("0770").phone is None


async def test_a_common_name_is_found_in_the_order_of_time_without_collecting_all(
    world, monkeypatch
):
    """Beyond the limit the other way is taken; both give the same rows."""
    session = await world.class_session(capacity=50)
    for number in range(12):
        await world.hold(session, email=f"g{number}@example.com", phone=None)
    rare = await all_pages(world, limit=5, search="test guest")
    monkeypatch.setattr(front_desk, "MOST_FOUND", 5)
    assert await all_pages(world, limit=5, search="test guest") == rare
    assert len(rare) == 12


async def test_lists_and_figures_hide_other_organisations(world, make_world, db, admin):
    session = await world.class_session()
    held = await world.hold(session, email="guest@example.com", phone="07123456789")
    await world.pay(held)
    other = await make_world(db, admin)
    assert await listed(other) == []
    for text in ("test guest", "guest@example.com", "07123456789", held.reference):
        assert await listed(other, search=text) == []
        assert len(await listed(world, search=text)) == 1
    mine = await world.run(lambda tx: figures.dashboard(tx, None))
    theirs = await other.run(lambda tx: figures.dashboard(tx, None))
    assert mine["today"].made == Counted(1, 1)
    assert theirs["today"].made == Counted(0, 0)
    assert theirs["this_month"].revenue == {}
    with pytest.raises(InvalidRequest, match="venue_id"):
        await other.run(lambda tx: figures.dashboard(tx, world.venue_id))


async def test_days_are_those_of_each_booking_s_own_venue(world, utc):
    """23:30 UTC on 9 July is the 10th in London (BST) and in Stockholm, the 9th in UTC."""
    await world.admin.execute("UPDATE messaging.clock SET shift = $1 - now()", utc(2027, 7, 1))
    offering = await world.offering(Preset.CLASS, pricing={"amount_minor": 500})
    start = utc(2027, 7, 9, 23, 30)
    session = await world.open(offering, starts_in=start - await world.now())
    held = await world.hold(session)
    assert ids(await listed(world, first_day=date(2027, 7, 10))) == [held.booking_id]
    assert ids(await listed(world, last_day=date(2027, 7, 10))) == [held.booking_id]
    assert await listed(world, last_day=date(2027, 7, 9)) == []
    assert await listed(world, first_day=date(2027, 7, 11)) == []


async def test_s3_20_upcoming_with_limit_5_gives_5_in_time_order(world):
    offering = await world.offering(
        Preset.CLASS, inventory={"capacity": 50}, pricing={"amount_minor": 500}
    )
    held = []
    for days in (5, 1, 7, 3, 2, 6, 4):
        session = await world.open(offering, starts_in=timedelta(days=days))
        one = await world.hold(session)
        await world.pay(one)
        held.append((days, one.booking_id))
    await world.hold(
        await world.open(offering, starts_in=timedelta(hours=1)), email="w@example.com"
    )
    cancelled = await world.hold(session, email="c@example.com", phone=None)
    await world.cancel(cancelled)
    found = await world.run(lambda tx: upcoming(tx, None, after=None, limit=5))
    assert ids(found) == [booking for _, booking in sorted(held)][:5]
    await world.advance(days=2, hours=1)
    found = await world.run(lambda tx: upcoming(tx, None, after=None, limit=5))
    assert ids(found) == [booking for _, booking in sorted(held)][2:]


async def test_s3_20_seven_days_with_bookings_on_3_of_them_are_7_entries_4_of_them_zero(world, utc):
    await world.admin.execute("UPDATE messaging.clock SET shift = $1 - now()", utc(2027, 3, 24, 12))
    session = await world.class_session(capacity=50, starts_in=timedelta(days=30))
    for day, count in ((0, 1), (2, 3), (4, 2)):
        await world.admin.execute(
            "UPDATE messaging.clock SET shift = $1 - now()", utc(2027, 3, 24 + day, 12)
        )
        for number in range(count):
            await world.pay(
                await world.hold(session, email=f"{day}.{number}@example.com", phone=None)
            )
    await world.hold(session, email="waiting@example.com", phone=None)
    # The clocks go forward on 28 March, which is the fifth of these days.
    await world.admin.execute("UPDATE messaging.clock SET shift = $1 - now()", utc(2027, 3, 30, 12))
    found = await world.run(lambda tx: figures.trend(tx, 7, "created_at", None))
    assert [(entry.day, entry.counted.bookings) for entry in found] == [
        (date(2027, 3, 24), 1),
        (date(2027, 3, 25), 0),
        (date(2027, 3, 26), 3),
        (date(2027, 3, 27), 0),
        (date(2027, 3, 28), 2),
        (date(2027, 3, 29), 0),
        (date(2027, 3, 30), 0),
    ]
    by_start = await world.run(lambda tx: figures.trend(tx, 7, "starts_at", None))
    assert [entry.counted.bookings for entry in by_start] == [0] * 7


async def test_s4_13_12_bookings_today_48_this_week_and_3240_00_paid_are_exactly_these(
    world, make_world, db, admin, utc
):
    """48 in the week of which 12 today; 3,240.00 after refunds; another currency apart (F-40)."""
    wednesday = utc(2027, 5, 12, 6)
    await admin.execute("UPDATE messaging.clock SET shift = $1 - now()", wednesday)
    price = 7500
    offering = await world.offering(
        Preset.CLASS,
        inventory={"capacity": 100},
        pricing={"amount_minor": price},
        policy={"refund_tiers": [{"hours": 0, "percent": 100}]},
    )
    today = await world.open(offering, starts_in=timedelta(hours=10))
    friday = await world.open(offering, starts_in=timedelta(days=2))
    number = 0

    async def book(session, count):
        nonlocal number
        made = []
        for _ in range(count):
            number += 1
            held = await world.hold(session, email=f"{number}@example.com", phone=None)
            made.append((held, await world.pay(held)))
        return made

    await book(today, 12)
    booked = await book(friday, 36)
    gone = await book(today, 3)
    await world.hold(today, email="waiting@example.com", phone=None)
    for held, payment in [*gone, *booked[:8]]:
        # Cancelled ones in full; of eight that stay, 45.00 each.
        kept = (held, payment) in booked
        if not kept:
            await world.cancel(held)
        back = 4500 if kept else price
        await world.run(
            partial(
                record_refund,
                refund=Refunded(
                    booking_id=held.booking_id,
                    payment_id=payment,
                    total=Money(back, "GBP"),
                    sequence=back,
                ),
            )
        )
    other = await make_world(db, admin)
    await other.pay(await other.hold(await other.class_session(starts_in=timedelta(hours=2))))
    found = await world.run(lambda tx: figures.dashboard(tx, None))
    assert found["today"].taking_place.bookings == 12
    assert found["this_week"].taking_place.bookings == 48
    assert found["this_month"].taking_place.bookings == 48
    assert found["today"].made.bookings == 48
    # 51 of 75.00 came in; 3 of 75.00 and 8 of 45.00 went back.
    assert {label: one.revenue for label, one in found.items()} == {
        "today": {"GBP": 324_000},
        "this_week": {"GBP": 324_000},
        "this_month": {"GBP": 324_000},
    }


def test_a_week_begins_on_monday_at_the_venue(utc):
    span = this_week(utc(2027, 5, 16, 22, 30), LONDON)
    assert span.since == datetime(2027, 5, 9, 23, tzinfo=UTC)
    assert this_week(utc(2027, 5, 16, 23, 30), LONDON).since == span.until


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("from=2026-02-30", "from"),
        ("from=2026-11-20T10:00:00", "from"),
        ("from=0001-01-01", "from"),
        ("to=9999-12-31", "to"),
        ("from=2026-11-21&to=2026-11-20", "to"),
        ("status=lost", "status.0"),
        ("status=confirmed&status=", "status.1"),
        ("payment_status=maybe", "payment_status.0"),
        ("offering_id=1", "offering_id"),
        ("venue_id=x", "venue_id"),
        ("session_id=x", "session_id"),
        ("source=A%20B", "source"),
        ("search=x", "search"),
        ("search=" + "x" * 101, "search"),
        ("order=up", "order"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=bm9uc2Vuc2U", "cursor"),
        ("cursor=" + "x" * 201, "cursor"),
    ],
)
async def test_each_parameter_of_the_list_is_checked(client, world, query, field):
    reader = staff(world.org_id, "bookings:view")
    status, refused = await client("GET", f"/bookings?{query}", reader)
    assert (status, refused["errors"][0]["field"]) == (422, field)
    if not query.startswith(("limit", "cursor")):
        status, refused = await client("GET", f"/bookings/export?{query}", reader)
        assert (status, refused["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/bookings/export?format=xlsx", "format"),
        ("/bookings/upcoming?limit=0", "limit"),
        ("/bookings/upcoming?venue_id=x", "venue_id"),
        ("/bookings/upcoming?cursor=e30", "cursor"),
        ("/bookings/trend?days=0", "days"),
        ("/bookings/trend?days=91", "days"),
        ("/bookings/trend?by=luck", "by"),
        (f"/bookings/trend?venue_id={uuid7()}", "venue_id"),
        ("/dashboard?venue_id=x", "venue_id"),
        (f"/dashboard?venue_id={uuid7()}", "venue_id"),
    ],
)
async def test_each_parameter_of_the_other_reads_is_checked(client, world, path, field):
    status, refused = await client("GET", path, staff(world.org_id, "bookings:view"))
    assert (status, refused["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    "path",
    [
        "/bookings",
        "/bookings/upcoming",
        "/bookings/trend",
        "/bookings/export",
        "/dashboard",
        "/audit",
    ],
)
async def test_front_desk_reads_are_for_staff_with_the_permission(client, world, path):
    assert (await client("GET", path))[0] == 401
    assert (await client("GET", path, staff(world.org_id, "catalogue:manage")))[0] == 403
    assert (await client("GET", path, OPERATOR))[0] == 403


async def test_figures_over_http(client, world):
    held = await world.hold(await world.class_session(starts_in=timedelta(hours=1)))
    await world.pay(held)
    reader = staff(world.org_id, "bookings:view")
    status, board = await client("GET", "/dashboard", reader)
    assert status == 200
    assert board["today"]["revenue"] == [{"amount_minor": 18000, "currency": "GBP"}]
    assert board["this_week"]["made"] == {"bookings": 1, "guests": 1}
    status, trend = await client("GET", "/bookings/trend", reader)
    assert [day["bookings"] for day in trend["days"]] == [0] * 6 + [1]
    status, coming = await client("GET", "/bookings/upcoming?limit=1", reader)
    assert [row["reference"] for row in coming["items"]] == [held.reference]


async def test_an_export_holds_neither_memory_nor_a_connection_while_nobody_reads(
    client, service, world, monkeypatch
):
    """OPN-12: page by page; four at once, and each gives its turn back however it ends."""
    monkeypatch.setattr(front_desk_api, "_BATCH", 2)
    session = await world.class_session(capacity=50)
    for _ in range(9):
        await world.hold(session)
    caller = staff(world.org_id, "bookings:view")
    headers = {HEADER: MINTER.mint(caller, "booking")}
    exports = next(one for one in service.parts if isinstance(one, Exports))
    for _ in range(4):
        exports.begin()
    status, refused = await client("GET", "/bookings/export", caller)
    assert (status, refused["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
    for _ in range(4):
        exports.end()
    for _ in range(6):
        async with (
            aiohttp.ClientSession() as session_,
            session_.get(client.address + "/bookings/export", headers=headers) as answer,
        ):
            await answer.content.readany()  # and off it goes
    for _ in range(6):
        assert (await client("GET", "/bookings?order=up", caller))[0] == 422
        assert (await client("GET", "/bookings/export?search=x", caller))[0] == 422
    async with (
        aiohttp.ClientSession() as session_,
        session_.get(client.address + "/bookings/export", headers=headers) as answer,
    ):
        assert (await answer.text()).count("\r\n") == 10
