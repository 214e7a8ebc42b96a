"""What anybody may see of a session: right, at once, cheap, and nothing of who has it."""

import asyncio
import re
from datetime import date, datetime, timedelta

import orjson
import pytest

from booking.api.availability import has
from booking.domain import periods
from booking.domain.presets import Preset
from booking.domain.refusals import InvalidRequest, Unknown
from booking.domain.schedule import zone
from booking.store.availability import ASK
from booking.store.board import MOST_AT_ONCE, Board
from booking.usecases.day_availability import day_availability
from booking.usecases.open_session import Instants, OpenSession, open_session
from chassis.db import Database
from chassis.ids import uuid7


async def left(board, session):
    return orjson.loads((await board.of(session.id)).body)


async def test_what_is_left_is_the_counter_and_says_nothing_of_bookings(world):
    board = Board(world.db)
    session = await world.class_session(capacity=3)
    held = await world.hold(session)
    found = await left(board, session)
    assert (found["capacity"], found["remaining"], found["tables"]) == (3, 2, [])
    assert set(found) == {
        "session_id", "status", "starts_at", "ends_at", "capacity", "remaining", "tables",
    }  # fmt: skip
    assert str(held.booking_id) not in str(found)


async def test_the_tag_stays_while_nothing_changes_and_only_then(world):
    board = Board(world.db)
    session = await world.class_session(capacity=3)
    empty = await board.of(session.id)
    assert await board.of(session.id) == empty
    held = await world.hold(session)
    sold = await board.of(session.id)
    assert sold.etag != empty.etag
    await world.cancel(held)
    assert await board.of(session.id) == empty


async def test_a_lapsed_hold_changes_the_tag_without_anybody_expiring_it(world):
    board = Board(world.db)
    session, tables = await world.table_session(tables=2)
    await world.hold(session, tables[:1])
    pending = await board.of(session.id)
    await world.advance(minutes=15)
    lapsed = await board.of(session.id)
    assert pending.etag != lapsed.etag
    assert [table["status"] for table in orjson.loads(lapsed.body)["tables"]] == ["available"] * 2


async def test_an_unknown_session_is_not_found_and_harms_no_other_asker(world):
    board = Board(world.db)
    session = await world.class_session(capacity=3)
    known, unknown = await asyncio.gather(
        board.of(session.id), board.of(uuid7()), return_exceptions=True
    )
    assert orjson.loads(known.body)["remaining"] == 3
    assert isinstance(unknown, Unknown)


@pytest.fixture
def asked(monkeypatch):
    """The batches of ids that were asked for."""
    batches = []
    statement = Database.statement

    async def watched(db, sql, *args):
        if sql == ASK:
            batches.append(args[0])
        return await statement(db, sql, *args)

    monkeypatch.setattr(Database, "statement", watched)
    return batches


async def test_100_who_ask_together_share_one_query(world, asked):
    board = Board(world.db)
    sessions = [await world.class_session(capacity=n) for n in range(1, 6)]
    found = await asyncio.gather(*(left(board, sessions[n % 5]) for n in range(100)))
    assert [view["remaining"] for view in found] == [1 + n % 5 for n in range(100)]
    assert [len(batch) for batch in asked] == [5]


async def test_no_answer_is_older_than_its_question(world, asked):
    """Those who ask while a query is under way are not given its answer."""
    board = Board(world.db)
    session = await world.class_session(capacity=10)
    for taken in range(1, 6):
        early = asyncio.create_task(left(board, session))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await world.hold(session)
        assert (await left(board, session))["remaining"] == 10 - taken
        await early
    assert len(asked) >= 10


async def test_who_asks_again_in_the_moment_in_which_the_last_queries_end_is_answered(
    world, monkeypatch
):
    """Both queries end in one step of the loop, and nobody else asks after that."""
    statement, answered = Database.statement, []
    both, go_on = asyncio.Event(), asyncio.Event()

    async def in_step(db, sql, *args):
        rows = await statement(db, sql, *args)
        answered.append(sql)
        if len(answered) == 2:
            both.set()
        await go_on.wait()
        return rows

    monkeypatch.setattr(Database, "statement", in_step)
    board = Board(world.db)
    session = await world.class_session(capacity=10)

    async def asks(times):
        for _ in range(times):
            assert (await left(board, session))["remaining"] == 10

    async with asyncio.timeout(30), asyncio.TaskGroup() as guests:
        guests.create_task(asks(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the first query is under way
        guests.create_task(asks(1))
        await both.wait()
        go_on.set()


async def test_more_sessions_than_fit_one_query_are_asked_in_turns(world, asked):
    board = Board(world.db)
    ids = [uuid7() for _ in range(2 * MOST_AT_ONCE + 1)]
    found = await asyncio.gather(*(board.of(one) for one in ids), return_exceptions=True)
    assert {type(one) for one in found} == {Unknown}
    assert max(len(batch) for batch in asked) == MOST_AT_ONCE
    assert sum(len(batch) for batch in asked) == len(ids)


async def test_a_caller_who_leaves_takes_nobody_along(world):
    board = Board(world.db)
    session = await world.class_session(capacity=3)
    leaver = asyncio.create_task(board.of(session.id))
    stayer = asyncio.create_task(left(board, session))
    await asyncio.sleep(0)
    leaver.cancel()
    assert (await stayer)["remaining"] == 3
    assert leaver.cancelled()


async def test_a_failing_query_is_told_to_all_who_wait_and_not_remembered(world, monkeypatch):
    board = Board(world.db)
    session = await world.class_session(capacity=3)

    async def broken(*_):
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(Database, "statement", broken)
        failed = await asyncio.gather(
            *(board.of(session.id) for _ in range(3)), return_exceptions=True
        )
    assert [type(one) for one in failed] == [ConnectionResetError] * 3
    assert (await left(board, session))["remaining"] == 3


@pytest.mark.parametrize(
    ("asked_for", "same"),
    [
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        ("*", True),
        ('"abcd"', False),
        ("abc", False),
        ("", False),
    ],
)
def test_if_none_match(asked_for, same):
    assert has(asked_for, '"abc"') is same


async def test_availability_reads_by_indexes_alone_whatever_was_sold(world, admin):
    """A million bookings cost it nothing: no scan of bookings, sold or past."""
    session = await world.class_session(capacity=100_000)
    await admin.execute(
        """INSERT INTO bookings (id, org_id, venue_id, offering_id, session_id, reference, status,
               payment_status, version, party_size, units, resource_ids, currency, amount_total,
               amount_due_now, amount_paid, policy, payment_methods, given_name, family_name,
               display_name, sealed_contact, email_hash, locale, source, created_at, confirmed_at,
               starts_at, ends_at, status_at)
           SELECT gen_random_uuid(), s.org_id, s.venue_id, s.offering_id, s.id,
               left(s.id::text, 8) || n, 'confirmed', 'paid', 1, 1, 1, '{}', 'GBP', 1, 1, 1, '{}',
               '{card}', 'a', '', 'a', 'x', 'x', 'en', 'web', now(), now(), s.starts_at, s.ends_at,
               now()
           FROM sessions s, generate_series(1, 20000) n WHERE s.id = $1""",
        session.id,
    )
    await admin.execute("ANALYZE bookings")
    body = await admin.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'availability'")
    query = re.search(r"RETURN QUERY(.*);\s*END", body, re.DOTALL)[1]
    lines = await admin.fetch(
        f"EXPLAIN (ANALYZE, BUFFERS) {query.replace('wanted', f'ARRAY[$${session.id}$$::uuid]')}"
    )
    plan = "\n".join(line[0] for line in lines)
    assert "bookings_waiting" in plan
    assert "Seq Scan on bookings" not in plan
    assert "Seq Scan on allocations" not in plan
    buffers = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", plan)
    touched = sum(int(pages) for pages in buffers.groups() if pages)
    pages = await admin.fetchval(
        "SELECT pg_relation_size('bookings') / current_setting('block_size')::int"
    )
    assert touched * 5 < pages, plan


async def test_the_plan_of_availability_is_made_once_per_connection(admin):
    """Planning costs four times what the answer does, and would be done for every call."""
    settings = await admin.fetchval("SELECT proconfig FROM pg_proc WHERE proname = 'availability'")
    assert "plan_cache_mode=force_generic_plan" in settings
    assert "enable_seqscan=off" in settings


async def _open_at(world, offering, starts_at):
    command = OpenSession(
        offering_id=offering.id,
        when=Instants(starts_at=starts_at, ends_at=starts_at + timedelta(minutes=30)),
        title=None,
        capacity=None,
        resource_ids=None,
        actor="test",
    )
    return await world.run(lambda tx: open_session(tx, command))


async def test_a_day_is_the_venues_own_also_when_the_clocks_change(world, utc):
    """25 October 2026 has 25 hours in Stockholm: 24 Oct 22:00 to 25 Oct 23:00 in UTC."""
    await world.admin.execute(
        "UPDATE venues SET timezone = 'Europe/Stockholm' WHERE id = $1", world.venue_id
    )
    offering = await world.offering(
        Preset.CLASS, inventory={"capacity": 5}, pricing={"amount_minor": 500}
    )
    await world.admin.execute("UPDATE messaging.clock SET shift = $1 - now()", utc(2026, 10, 1))
    starts = [
        utc(2026, 10, 24, 21, 59),
        utc(2026, 10, 24, 22, 0),
        utc(2026, 10, 25, 22, 59),
        utc(2026, 10, 25, 23, 0),
    ]
    opened = [await _open_at(world, offering, start) for start in starts]
    await world.hold(opened[1])
    found = await world.run(
        lambda tx: day_availability(
            tx, offering.id, date(2026, 10, 25), listings=world.shop.listings
        )
    )
    assert [(view["starts_at"], view["remaining"]) for view in found["sessions"]] == [
        (starts[1], 4),
        (starts[2], 5),
    ]
    assert found["timezone"] == "Europe/Stockholm"


async def test_a_day_of_tables_shows_each_table(world):
    session, tables = await world.table_session(tables=2)
    await world.hold(session, tables[:1])
    day = session.starts_at.astimezone(zone("Europe/London")).date()
    found = await world.run(
        lambda tx: day_availability(tx, session.offering_id, day, listings=world.shop.listings)
    )
    shown = orjson.loads(orjson.dumps(found))
    assert [table["status"] for table in shown["sessions"][0]["tables"]] == ["pending", "available"]


async def test_a_day_out_of_reach_is_refused(world):
    session = await world.class_session()
    for day in (date.min, date.max):
        with pytest.raises(InvalidRequest, match="date"):
            await world.run(
                lambda tx, day=day: day_availability(
                    tx, session.offering_id, day, listings=world.shop.listings
                )
            )


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("today", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        ("this_week", "2026-03-22T23:00Z", "2026-03-29T22:00Z"),
        ("this_month", "2026-02-28T23:00Z", "2026-03-31T22:00Z"),
    ],
)
def test_days_weeks_and_months_over_the_spring_clock_change(name, since, until, utc):
    """In Stockholm 29 March 2026 has 23 hours."""
    span = getattr(periods, name)(utc(2026, 3, 29, 12), zone("Europe/Stockholm"))
    assert span == periods.Span(datetime.fromisoformat(since), datetime.fromisoformat(until))
