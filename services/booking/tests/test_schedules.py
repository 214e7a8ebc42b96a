"""Sessions that rules make: created, kept in step, and never at a booking's cost."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from booking import timers
from booking.domain.catalogue import ListingStatus, SessionStatus
from booking.domain.edits import UNSET
from booking.domain.presets import Preset
from booking.domain.refusals import InvalidRequest, NotOnSale, SessionClosed, TooFarAhead
from booking.messages import build
from booking.store import sessions
from booking.usecases.calendar import calendar
from booking.usecases.edit_offering import EditOffering, edit_offering
from booking.usecases.edit_session import EditSession, edit_session
from booking.usecases.generate_sessions import generate_sessions
from chassis.ids import uuid7
from chassis.messaging.dispatch import Delivery, Dispatcher
from chassis.messaging.meta import Meta

LONDON = ZoneInfo("Europe/London")
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FREE = {"kind": "free"}


async def activity(world, pricing=FREE, inventory=None, **schedule):
    return await world.offering(
        Preset.ACTIVITY, pricing=pricing, schedule=schedule, inventory=inventory or {}
    )


async def edit(world, offering, *, status=UNSET, title=UNSET, **overrides):
    command = EditOffering(
        offering_id=offering.id, title=title, status=status, overrides=overrides, actor="test"
    )
    return await world.run(lambda tx: edit_offering(tx, command))


async def generate(world, offering):
    return await world.run(lambda tx: generate_sessions(tx, offering.id, actor="test"))


async def rows(world, offering, status="open"):
    return await world.admin.fetch(
        "SELECT * FROM sessions WHERE offering_id = $1 AND status = $2 ORDER BY starts_at",
        offering.id,
        status,
    )


async def by_day(world, offering, status="open"):
    found = Counter()
    for row in await rows(world, offering, status):
        found[row["starts_at"].astimezone(LONDON).date()] += 1
    return found


async def session_at(world, offering, when):
    row = await world.admin.fetchrow(
        "SELECT id FROM sessions WHERE offering_id = $1 AND starts_at = $2", offering.id, when
    )
    view = await world.run(lambda tx: sessions.read(tx, row["id"]))
    return view.session


async def today(world):
    return (await world.now()).astimezone(LONDON).date()


async def coming(world, weekday, weeks=1):
    """The first such weekday (Monday = 0) at least a day ahead."""
    day = await today(world) + timedelta(days=1)
    while day.weekday() != weekday:
        day += timedelta(days=1)
    return day + timedelta(weeks=weeks - 1)


def at(day, hour, minute=0):
    return datetime.combine(day, time(hour, minute), LONDON).astimezone(UTC)


async def go_to(world, when):
    shift = when - await world.now()
    await world.advance(seconds=shift.total_seconds())


def due(world, offering, now):
    """A night's timer, as a worker finds it."""
    meta = Meta(
        message_id=uuid7(now), type=timers.GenerationDue.TYPE, org_id=world.org_id,
        key=timers.generation_key(offering.id), sequence=0, time=now, attempt=0, traceparent=None,
    )  # fmt: skip
    payload = timers.GenerationDue(offering_id=offering.id).to_json().decode()
    return Delivery(meta, payload, due=True)


async def handle(world, delivery):
    handlers = build(world.shop)
    return await Dispatcher(world.db, handlers)._attempt(delivery)


async def ring(world, offering):
    assert await handle(world, due(world, offering, await world.now())) == "done"


async def timer_of(world, offering):
    return await world.admin.fetchval(
        "SELECT due_at FROM messaging.outbox WHERE timer_key = $1",
        timers.generation_key(offering.id),
    )


async def test_s3_1_weekdays_9_to_21_hourly_have_12_sessions_for_90_days_and_none_on_weekends(
    world,
):
    offering = await activity(world)
    found, first = await by_day(world, offering), await today(world)
    for ahead in range(1, 91):
        day = first + timedelta(days=ahead)
        assert found[day] == (0 if day.weekday() >= 5 else 12), day
    monday = await coming(world, 0)
    last = [
        r for r in await rows(world, offering) if r["starts_at"].astimezone(LONDON).date() == monday
    ][-1]
    assert (last["starts_at"], last["ends_at"]) == (at(monday, 20), at(monday, 21))


async def test_s3_2_saturday_custom_8_christmas_5_new_years_eve_blocked_0_switch_off_0(world):
    year = (await today(world)).year + 1
    christmas, eve = date(year, 12, 25), date(year, 12, 31)
    await go_to(world, at(date(year, 12, 1), 12))
    special = {
        "custom_hours": {"saturday": {"enabled": True, "start_time": "10:00", "end_time": "18:00"}},
        "custom_dates": [{"date": str(christmas), "start_time": "12:00", "end_time": "17:00"}],
        "blocked_dates": [{"date": str(eve), "reason": "New Year's Eve"}],
        "operating_days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
    }
    offering = await activity(world, custom_hours_enabled=True, **special)
    saturday = await coming(world, 5)
    found = await by_day(world, offering)
    assert (found[saturday], found[christmas], found[eve]) == (8, 5, 0)
    off = await activity(world, custom_hours_enabled=False, **special)
    assert (await by_day(world, off))[saturday] == 0


async def test_s3_3_the_2_oclock_job_twice_makes_no_duplicates_and_day_30_is_there(world):
    offering = await activity(
        world,
        operating_days=list(WEEK),
    )
    before = await rows(world, offering)
    await go_to(world, await timer_of(world, offering))
    await ring(world, offering)
    once = await rows(world, offering)
    await ring(world, offering)
    assert await rows(world, offering) == once
    assert len(once) == len(before) + 12
    assert len({row["starts_at"] for row in once}) == len(once)
    found, first = await by_day(world, offering), await today(world)
    assert found[first + timedelta(days=30)] == found[first + timedelta(days=90)] == 12


async def test_the_night_is_at_2_by_the_venues_clock_and_sets_the_next(world):
    offering = await activity(world)
    for _ in range(3):
        night = await timer_of(world, offering)
        assert night.astimezone(LONDON).time() == time(2)
        assert timedelta(0) < night - await world.now() <= timedelta(hours=25)
        await go_to(world, night)
        await ring(world, offering)


async def test_by_hand_says_what_it_did_and_again_does_nothing(world):
    offering = await activity(world)
    assert (await generate(world, offering)).made == 0
    missing = await world.admin.fetch(
        "DELETE FROM sessions WHERE offering_id = $1 AND starts_at < $2 RETURNING id",
        offering.id,
        await world.now() + timedelta(days=7),
    )
    done = await generate(world, offering)
    assert done.made == len(missing) >= 5 * 12 - 1  # a clock change moves one over the edge
    assert done.through == await today(world) + timedelta(days=90)
    assert (await generate(world, offering)).made == 0


async def test_workers_that_generate_at_once_make_each_session_once(world):
    offering = await activity(world, interval_minutes=15)
    await world.admin.execute("DELETE FROM sessions WHERE offering_id = $1", offering.id)
    done = await asyncio.gather(*(generate(world, offering) for _ in range(5)))
    made = sorted(one.made for one in done)
    found = await rows(world, offering)
    assert made[:4] == [0, 0, 0, 0]
    assert made[4] == len(found) == len({row["starts_at"] for row in found})


async def test_two_workers_with_the_same_timer_make_one_nights_sessions(world):
    offering = await activity(world, operating_days=list(WEEK))
    before = len(await rows(world, offering))
    await go_to(world, await timer_of(world, offering))
    delivery = due(world, offering, await world.now())
    outcomes = await asyncio.gather(handle(world, delivery), handle(world, delivery))
    assert sorted(outcomes) == ["done", "duplicate"]
    found = await rows(world, offering)
    assert len(found) == len({row["starts_at"] for row in found}) == before + 12
    assert await timer_of(world, offering) > await world.now()


async def test_a_dated_offering_has_no_timer_and_nothing_to_generate(world):
    offering = await world.offering(Preset.CLASS, pricing={"amount_minor": 1000})
    assert await timer_of(world, offering) is None
    done = await generate(world, offering)
    assert (done.made, done.through) == (0, None)


async def test_an_archived_offering_generates_nothing_until_it_is_active_again(world):
    offering = await activity(world)
    await edit(world, offering, status=ListingStatus.ARCHIVED)
    assert await timer_of(world, offering) is None
    with pytest.raises(NotOnSale):
        await generate(world, offering)
    await ring(world, offering)
    assert await timer_of(world, offering) is None
    await edit(world, offering, status=ListingStatus.ACTIVE)
    assert await timer_of(world, offering) is not None


async def test_another_interval_closes_unbooked_slots_and_keeps_and_reports_booked_ones(world):
    offering = await activity(world)
    monday = await coming(world, 0)
    booked = await session_at(world, offering, at(monday, 10))
    held = await world.hold(booked, party=3)
    edited = await edit(world, offering, schedule={"interval_minutes": 90})
    (conflict,) = edited.sessions.conflicts
    assert (conflict.session_id, conflict.bookings, conflict.reason) == (booked.id, 1, "not_a_slot")
    assert edited.sessions.conflicts_total == 1
    found = [
        r["starts_at"]
        for r in await rows(world, offering)
        if r["starts_at"].astimezone(LONDON).date() == monday
    ]
    assert found == [at(monday, 9) + n * timedelta(minutes=90) for n in range(8)]
    assert (await world.booking(held)).status == "confirmed"
    kept = await session_at(world, offering, at(monday, 10))
    assert (kept.status, kept.taken, kept.ends_at) == (SessionStatus.CLOSED, 3, at(monday, 11))
    assert await world.drift() == []


async def test_going_back_opens_the_same_sessions_again(world):
    offering = await activity(world)
    monday = await coming(world, 0)
    booked = await session_at(world, offering, at(monday, 10))
    await world.hold(booked, party=3)
    before = {row["id"] for row in await rows(world, offering)}
    await edit(world, offering, schedule={"interval_minutes": 90})
    back = await edit(world, offering, schedule={"interval_minutes": 60})
    assert {row["id"] for row in await rows(world, offering)} == before
    assert back.sessions.conflicts == []
    assert (await session_at(world, offering, at(monday, 10))).taken == 3


async def test_a_blocked_date_with_bookings_keeps_them_and_sells_no_more(world):
    offering = await activity(world)
    tuesday = await coming(world, 1)
    booked = await session_at(world, offering, at(tuesday, 12))
    held = await world.hold(booked, party=2)
    edited = await edit(
        world, offering, schedule={"blocked_dates": [{"date": str(tuesday), "reason": "Repairs"}]}
    )
    assert [(c.session_id, c.reason) for c in edited.sessions.conflicts] == [(booked.id, "blocked")]
    assert edited.sessions.closed == 12
    assert (await by_day(world, offering))[tuesday] == 0
    assert (await world.booking(held)).status == "confirmed"
    with pytest.raises(SessionClosed):
        await world.hold(booked, party=1)
    again = await generate(world, offering)
    assert [c.session_id for c in again.conflicts] == [booked.id]
    await world.cancel(held)
    assert (await generate(world, offering)).conflicts == []


async def test_a_longer_session_leaves_booked_ones_as_they_were_sold(world):
    offering = await activity(world)
    monday = await coming(world, 0)
    booked = await session_at(world, offering, at(monday, 10))
    await world.hold(booked)
    edited = await edit(world, offering, schedule={"duration_minutes": 45})
    assert [(c.session_id, c.reason) for c in edited.sessions.conflicts] == [
        (booked.id, "other_length")
    ]
    kept = await session_at(world, offering, at(monday, 10))
    assert (kept.ends_at, kept.status) == (at(monday, 11), SessionStatus.OPEN)
    other = await session_at(world, offering, at(monday, 11))
    assert other.ends_at == at(monday, 11, 45)


async def test_capacity_follows_the_offering_but_never_below_what_is_sold(world):
    offering = await activity(world)
    monday = await coming(world, 0)
    full = await session_at(world, offering, at(monday, 10))
    await world.hold(full, party=6)
    edited = await edit(world, offering, inventory={"capacity": 4, "party_max": 4})
    assert [(c.session_id, c.reason) for c in edited.sessions.conflicts] == [(full.id, "capacity")]
    assert (await session_at(world, offering, at(monday, 10))).capacity == 8
    assert (await session_at(world, offering, at(monday, 11))).capacity == 4
    await edit(world, offering, inventory={"capacity": 12})
    assert {row["capacity"] for row in await rows(world, offering)} == {12}


async def test_what_staff_changed_by_hand_is_left_alone_and_not_made_again(world):
    offering = await activity(world)
    monday = await coming(world, 0)
    closed = await session_at(world, offering, at(monday, 10))
    larger = await session_at(world, offering, at(monday, 11))
    for session, change in ((closed, {"status": SessionStatus.CLOSED}), (larger, {"capacity": 20})):
        command = EditSession(session_id=session.id, actor="test", **change)
        await world.run(lambda tx, c=command: edit_session(tx, c))
    await edit(world, offering, inventory={"capacity": 6})
    assert (await generate(world, offering)).made == 0
    assert (await session_at(world, offering, at(monday, 10))).status is SessionStatus.CLOSED
    assert (await session_at(world, offering, at(monday, 11))).capacity == 20
    edited = await edit(world, offering, schedule={"operating_days": ["friday"]})
    assert [(c.session_id, c.reason) for c in edited.sessions.conflicts] == [
        (larger.id, "edited_by_hand")
    ]


async def test_what_staff_only_announce_differently_still_follows_the_rules(world):
    offering = await activity(world)
    session = await session_at(world, offering, at(await coming(world, 0), 10))
    command = EditSession(session_id=session.id, description="With a guide", actor="test")
    assert (await world.run(lambda tx: edit_session(tx, command))).session.origin == "rule"
    await edit(world, offering, inventory={"capacity": 6})
    assert (await session_at(world, offering, session.starts_at)).capacity == 6


async def test_more_places_wake_who_is_in_line_for_them(world):
    offering = await activity(world)
    session = await session_at(world, offering, at(await coming(world, 0), 10))
    await world.admin.execute("UPDATE sessions SET waiting = 1 WHERE id = $1", session.id)
    await edit(world, offering, inventory={"capacity": 12})
    woken = await world.admin.fetchval(
        "SELECT count(*) FROM messaging.outbox WHERE timer_key = $1",
        timers.waitlist_key_of(session.id),
    )
    assert woken == 1


async def test_a_shorter_horizon_does_not_close_what_is_further_ahead(world):
    offering = await activity(world, advance_booking_days=200)
    before = await rows(world, offering)
    assert (
        max(before[-1]["starts_at"], await world.now() + timedelta(days=198))
        == before[-1]["starts_at"]
    )
    edited = await edit(world, offering, schedule={"advance_booking_days": 30})
    assert (edited.sessions.closed, edited.sessions.made) == (0, 0)
    assert await rows(world, offering) == before


async def test_holds_and_an_edit_at_once_leave_each_booking_in_a_kept_session(world):
    """Every hold either has its place, and its session is reported, or is refused."""
    offering = await activity(world)
    monday = await coming(world, 0)
    targets = [await session_at(world, offering, at(monday, hour)) for hour in range(9, 21)]

    async def try_hold(session, number):
        await asyncio.sleep(0.01 * number)  # so that some come before the edit, some after
        try:
            await world.hold(session)
        except SessionClosed:
            return None
        return session.id

    edited, *held = await asyncio.gather(
        edit(world, offering, schedule={"operating_days": ["sunday"]}),
        *(try_hold(session, number) for number, session in enumerate(targets * 2)),
    )
    won = {session_id for session_id in held if session_id}
    assert {conflict.session_id for conflict in edited.sessions.conflicts} == won
    assert await world.drift() == []


async def test_the_same_with_tables(world):
    table = await world.table()
    offering = await world.offering(
        Preset.EVENT_TABLE,
        pricing=FREE,
        inventory={"party_max": 6},
        schedule={
            "kind": "weekly",
            "operating_days": ["monday"],
            "start_time": "09:00",
            "end_time": "21:00",
            "interval_minutes": 60,
        },
    )
    monday = await coming(world, 0)
    targets = [await session_at(world, offering, at(monday, hour)) for hour in range(9, 21)]

    async def try_hold(session, number):
        await asyncio.sleep(0.01 * number)
        try:
            await world.hold(session, [table])
        except SessionClosed:
            return None
        return session.id

    edited, *held = await asyncio.gather(
        edit(world, offering, schedule={"operating_days": ["sunday"]}),
        *(try_hold(session, number) for number, session in enumerate(targets)),
    )
    won = {session_id for session_id in held if session_id}
    assert {conflict.session_id for conflict in edited.sessions.conflicts} == won


async def test_the_busiest_rule_is_made_and_changed_in_one_statement_each(world):
    """Round the clock, every five minutes."""
    busy = {"operating_days": list(WEEK), "start_time": "00:00", "end_time": "00:00"}
    offering = await activity(world, **busy, interval_minutes=5, advance_booking_days=90)
    count = await world.admin.fetchval(
        "SELECT count(*) FROM sessions WHERE offering_id = $1", offering.id
    )
    assert count > 91 * 288 - 12
    edited = await edit(world, offering, inventory={"capacity": 9})
    assert edited.sessions.changed == count
    with pytest.raises(InvalidRequest, match=r"advance_booking_days: .*at most 103"):
        await edit(world, offering, schedule={"advance_booking_days": 104})


async def test_s3_19_advance_booking_30_takes_day_30_and_refuses_day_31(world):
    offering = await activity(world, operating_days=list(WEEK), advance_booking_days=30)
    first = await today(world)
    last = await session_at(world, offering, at(first + timedelta(days=30), 20))
    assert await world.hold(last)
    beyond = await session_at(world, offering, at(first + timedelta(days=31), 9))
    with pytest.raises(TooFarAhead) as refused:
        await world.hold(beyond)
    assert refused.value.code == "TOO_FAR_AHEAD"
    assert (await session_at(world, offering, beyond.starts_at)).taken == 0


async def test_the_last_day_is_counted_by_the_venues_calendar(world):
    offering = await activity(world, operating_days=list(WEEK), advance_booking_days=1)
    now = at(await today(world) + timedelta(days=1), 23, 59)
    evening = now + timedelta(days=1)
    offering.schedule.check_advance(now, evening, LONDON)
    with pytest.raises(TooFarAhead):
        offering.schedule.check_advance(now, evening + timedelta(minutes=1), LONDON)
    offering.schedule.check_advance(now + timedelta(minutes=1), evening + timedelta(days=1), LONDON)


async def lunch_with_a_party_at(world, hour):
    """A Sunday lunch of 12 to 17, and a party that has a table in it for two hours."""
    offering = await world.offering(Preset.SUNDAY_LUNCH)
    service = await session_at(world, offering, at(await coming(world, 6), 12))
    elsewhere, (table,) = await world.table_session()
    held = await world.hold(elsewhere, [table])
    starts_at = service.starts_at + timedelta(hours=hour - 12)
    span = (service.id, starts_at, starts_at + timedelta(hours=2), held.booking_id)
    await world.admin.execute(
        "UPDATE bookings SET session_id = $1, starts_at = $2, ends_at = $3 WHERE id = $4", *span
    )
    await world.admin.execute(
        "UPDATE allocations SET session_id = $1, during = tstzrange($2, $3) WHERE booking_id = $4",
        *span,
    )
    return offering, service


def sunday(opens, closes):
    return {"weekly": {"sunday": [{"opens": opens, "closes": closes}]}}


async def sunday_sessions(world, offering, service, status):
    day = service.starts_at.date()
    found = [row for row in await rows(world, offering, status) if row["starts_at"].date() == day]
    return [(row["id"] == service.id, row["starts_at"], row["ends_at"]) for row in found]


async def test_a_service_whose_hours_move_takes_its_bookings_along(world):
    offering, service = await lunch_with_a_party_at(world, 13)
    edited = await edit(world, offering, schedule=sunday("11:30", "16:00"))
    day = service.starts_at.astimezone(LONDON).date()
    assert await sunday_sessions(world, offering, service, "open") == [
        (True, at(day, 11, 30), at(day, 16))
    ]
    assert (edited.sessions.made, edited.sessions.closed) == (0, 0)
    assert edited.sessions.changed > 10
    assert edited.sessions.conflicts == []


async def test_a_service_that_ends_before_a_party_comes_keeps_its_end_and_is_reported(world):
    offering, service = await lunch_with_a_party_at(world, 16)
    edited = await edit(world, offering, schedule=sunday("12:00", "15:00"))
    assert [(c.session_id, c.bookings, c.reason) for c in edited.sessions.conflicts] == [
        (service.id, 1, "other_length")
    ]
    assert await sunday_sessions(world, offering, service, "open") == [
        (True, service.starts_at, service.ends_at)
    ]


async def test_a_party_before_the_new_opening_keeps_its_old_service_and_is_reported(world):
    offering, service = await lunch_with_a_party_at(world, 12)
    edited = await edit(world, offering, schedule=sunday("14:00", "18:00"))
    assert [(c.session_id, c.bookings, c.reason) for c in edited.sessions.conflicts] == [
        (service.id, 1, "not_a_slot")
    ]
    day = service.starts_at.astimezone(LONDON).date()
    assert await sunday_sessions(world, offering, service, "closed") == [
        (True, service.starts_at, service.ends_at)
    ]
    assert await sunday_sessions(world, offering, service, "open") == [
        (False, at(day, 14), at(day, 18))
    ]


async def test_new_services_are_new_sessions_and_old_ones_stay(world):
    offering, service = await lunch_with_a_party_at(world, 13)
    both = [{"opens": "11:00", "closes": "15:00"}, {"opens": "16:00", "closes": "20:00"}]
    await edit(world, offering, schedule={"weekly": {"sunday": both}})
    day = service.starts_at.astimezone(LONDON).date()
    assert await sunday_sessions(world, offering, service, "open") == [
        (True, at(day, 11), at(day, 15)),
        (False, at(day, 16), at(day, 20)),
    ]


async def days_of(world, offering, since=None, until=None):
    return await world.run(lambda tx: calendar(tx, offering.id, since=since, until=until))


async def test_the_calendar_colours_each_day_and_counts_what_can_be_booked(world):
    monday = await coming(world, 0)
    offering = await activity(
        world,
        custom_dates=[
            {"date": str(monday + timedelta(days=1)), "start_time": "10:00", "end_time": "12:00"}
        ],
        blocked_dates=[{"date": str(monday + timedelta(days=2)), "reason": "Repairs"}],
    )
    full = await session_at(world, offering, at(monday, 9))
    await world.hold(full, party=8)
    days = await days_of(world, offering, monday, monday + timedelta(days=6))
    assert [(d.rules.state, d.rules.reason, d.sessions) for d in days] == [
        ("open", None, 11),
        ("custom", None, 2),
        ("blocked", "Repairs", 0),
        ("open", None, 12),
        ("open", None, 12),
        ("closed", None, 0),
        ("closed", None, 0),
    ]
    further = await days_of(world, offering, await today(world) + timedelta(days=31))
    assert {day.sessions for day in further} == {0}


async def test_nothing_of_an_archived_offering_can_be_booked_on_any_day(world):
    offering = await activity(world)
    assert any(day.sessions for day in await days_of(world, offering))
    await edit(world, offering, status=ListingStatus.ARCHIVED)
    assert not any(day.sessions for day in await days_of(world, offering))


async def test_a_dated_offering_is_open_on_days_with_sessions(world):
    session = await world.class_session()
    offering = await world.run(lambda tx: sessions.read(tx, session.id))
    days = await world.run(
        lambda tx: calendar(tx, offering.session.offering_id, since=None, until=None)
    )
    assert len(days) == 31
    assert [d.rules.state for d in days if d.sessions] == ["open"]


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (date(2030, 1, 2), date(2030, 1, 1)),
        (date(2030, 1, 1), date(2030, 4, 3)),
        (date(1, 1, 1), date(1, 1, 2)),
        (date(9999, 12, 31), None),
    ],
)
async def test_a_calendar_has_1_to_92_days(world, since, until):
    offering = await activity(world)
    with pytest.raises(InvalidRequest):
        await days_of(world, offering, since, until)
