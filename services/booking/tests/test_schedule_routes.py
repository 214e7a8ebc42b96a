"""Schedules over HTTP: what is stored, what is refused, and what is told."""

import datetime as dt

import pytest
from booking_client import GUEST, OPERATOR, staff

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKLY = {
    "kind": "weekly",
    "operating_days": ["monday", "tuesday"],
    "start_time": "09:00",
    "end_time": "21:00",
    "interval_minutes": 60,
}
HOURS = {"kind": "hours", "weekly": {"sunday": [{"opens": "12:00", "closes": "17:00"}]}}
A_DAY = {"date": "2030-12-25", "start_time": "12:00", "end_time": "17:00"}


def activity(world, schedule):
    return {
        "venue_id": str(world.venue_id),
        "preset": "activity",
        "title": "Tour",
        "pricing": {"kind": "free"},
        "schedule": schedule,
    }


async def counts(world):
    return await world.admin.fetchrow(
        """SELECT (SELECT count(*) FROM offerings), (SELECT count(*) FROM sessions),
            (SELECT count(*) FROM audit), (SELECT count(*) FROM messaging.outbox)"""
    )


WRONG = [
    ({**WEEKLY, "operating_days": ["Monday"]}, "operating_days.0"),
    ({**WEEKLY, "operating_days": ["monday", "monday"]}, "operating_days"),
    ({**WEEKLY, "operating_days": None}, "operating_days"),
    ({**WEEKLY, "operating_days": "monday"}, "operating_days"),
    ({**WEEKLY, "start_time": "9:00"}, "start_time"),
    ({**WEEKLY, "start_time": "24:00"}, "start_time"),
    ({**WEEKLY, "start_time": "09:00:30"}, "start_time"),
    ({**WEEKLY, "start_time": 900}, "start_time"),
    ({**WEEKLY, "start_time": "09:00\n"}, "start_time"),
    ({**WEEKLY, "end_time": ""}, "end_time"),
    ({**WEEKLY, "end_time": "09:30"}, "end_time"),
    ({**WEEKLY, "interval_minutes": 0}, "interval_minutes"),
    ({**WEEKLY, "interval_minutes": 4}, "interval_minutes"),
    ({**WEEKLY, "interval_minutes": -60}, "interval_minutes"),
    ({**WEEKLY, "interval_minutes": 1441}, "interval_minutes"),
    ({**WEEKLY, "interval_minutes": "60"}, "interval_minutes"),
    ({**WEEKLY, "interval_minutes": 60.5}, "interval_minutes"),
    ({**WEEKLY, "duration_minutes": 0}, "duration_minutes"),
    ({**WEEKLY, "duration_minutes": 10**12}, "duration_minutes"),
    ({**WEEKLY, "advance_booking_days": -1}, "advance_booking_days"),
    ({**WEEKLY, "advance_booking_days": 367}, "advance_booking_days"),
    ({**WEEKLY, "custom_hours_enabled": "yes"}, "custom_hours_enabled"),
    ({**WEEKLY, "custom_hours": {"someday": A_DAY}}, "custom_hours.someday"),
    ({**WEEKLY, "custom_hours": {"saturday": {"enabled": True}}}, "custom_hours.saturday.start_time"),
    ({**WEEKLY, "custom_dates": [{**A_DAY, "date": "2030-02-29"}]}, "custom_dates.0.date"),
    ({**WEEKLY, "custom_dates": [{**A_DAY, "date": 0}]}, "custom_dates.0.date"),
    ({**WEEKLY, "custom_dates": [{**A_DAY, "end_time": "25:00"}]}, "custom_dates.0.end_time"),
    ({**WEEKLY, "custom_dates": [A_DAY, A_DAY]}, "custom_dates"),
    ({**WEEKLY, "custom_dates": [{**A_DAY, "date": str(dt.date(2030, 1, 1) + dt.timedelta(n))} for n in range(401)]}, "custom_dates"),
    ({**WEEKLY, "blocked_dates": [{"reason": "No date"}]}, "blocked_dates.0.date"),
    ({**WEEKLY, "blocked_dates": [{"date": "2030-12-31", "reason": ""}]}, "blocked_dates.0.reason"),
    ({**WEEKLY, "blocked_dates": [{"date": "2030-12-31", "reason": "x" * 201}]}, "blocked_dates.0.reason"),
    ({**WEEKLY, "blocked_dates": [{"date": "2030-12-31"}] * 2}, "blocked_dates"),
    ({**WEEKLY, "turn_minutes": []}, "turn_minutes"),
    ({**WEEKLY, "kind": "monthly"}, ""),
    ({"kind": "hours"}, "weekly"),
    ({**HOURS, "weekly": {"Sunday": []}}, "weekly.Sunday"),
    ({**HOURS, "weekly": {"0": []}}, "weekly.0"),
    ({**HOURS, "weekly": {"sunday": {"opens": "12:00", "closes": "17:00"}}}, "weekly.sunday"),
    ({**HOURS, "weekly": {"sunday": [{"opens": "12:00"}]}}, "weekly.sunday.0.closes"),
    ({**HOURS, "weekly": {"sunday": [{"opens": "12:00", "closes": "17"}]}}, "weekly.sunday.0.closes"),
    ({**HOURS, "weekly": {"sunday": [{"opens": "12:00", "closes": "17:00"}, {"opens": "16:00", "closes": "20:00"}]}}, "weekly.sunday"),
    ({**HOURS, "weekly": {"sunday": [{"opens": "12:00", "closes": "13:00"}] * 7}}, "weekly.sunday"),
    ({**HOURS, "weekly": {"sunday": [{"opens": "20:00", "closes": "13:00"}], "monday": [{"opens": "12:00", "closes": "17:00"}]}}, "weekly"),
    ({**HOURS, "special": [{"date": "2030-12-25"}]}, "special.0.services"),
    ({**HOURS, "special": [{"date": "2030-12-25", "services": []}] * 2}, "special"),
    ({**HOURS, "blocked_dates": [{"date": "25 December"}]}, "blocked_dates.0.date"),
    ({**HOURS, "advance_booking_days": 400}, "advance_booking_days"),
    ({**HOURS, "start_interval_minutes": 1}, "start_interval_minutes"),
    ({**HOURS, "turn_minutes": []}, "turn_minutes"),
    ({**HOURS, "turn_minutes": [{"party_up_to": 2, "minutes": 90}]}, "turn_minutes"),
    ({**HOURS, "turn_minutes": [{"party_up_to": None, "minutes": 5}]}, "turn_minutes.0.minutes"),
    ({**HOURS, "turn_minutes": [{"party_up_to": 4, "minutes": 90}, {"party_up_to": 2, "minutes": 90}, {"party_up_to": None, "minutes": 90}]}, "turn_minutes"),
    ({**HOURS, "last_seating_minutes": -1}, "last_seating_minutes"),
    ({**HOURS, "must_end_by_close": 1}, "must_end_by_close"),
    ({**HOURS, "closing_minute_bookable": None}, "closing_minute_bookable"),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "field"), WRONG)
async def test_a_wrong_schedule_is_refused_by_field_and_nothing_is_stored(
    client, world, schedule, field
):
    editor = staff(world.org_id, "catalogue:manage")
    before = await counts(world)
    status, answer = await client("POST", "/offerings", editor, json=activity(world, schedule))
    assert (status, answer["code"]) == (422, "VALIDATION_ERROR"), answer
    named = [error["field"] for error in answer["errors"]]
    assert f"schedule.{field}".rstrip(".") in named, answer
    assert await counts(world) == before


async def test_a_wrong_edit_changes_nothing(client, world):
    editor = staff(world.org_id, "catalogue:manage")
    _, offering = await client("POST", "/offerings", editor, json=activity(world, WEEKLY))
    before = await counts(world)
    status, answer = await client(
        "PATCH", f"/offerings/{offering['id']}", editor, json={"schedule": {"interval_minutes": 0}}
    )
    assert (status, answer["errors"][0]["field"]) == (422, "schedule.interval_minutes")
    assert await counts(world) == before
    _, after = await client("GET", f"/offerings/{offering['id']}")
    assert after["schedule"]["interval_minutes"] == 60


@pytest.mark.parametrize("schedule", [WEEKLY, HOURS, {"kind": "dated"}])
async def test_a_schedule_reads_back_as_it_was_written(client, world, schedule):
    editor = staff(world.org_id, "catalogue:manage")
    status, offering = await client("POST", "/offerings", editor, json=activity(world, schedule))
    assert status == 201, offering
    _, read = await client("GET", f"/offerings/{offering['id']}")
    for name in schedule.keys() - {"weekly"}:
        assert read["schedule"][name] == schedule[name]
    if "weekly" in schedule:
        assert read["schedule"]["weekly"] == {day: [] for day in WEEK} | schedule["weekly"]
    status, again = await client(
        "PATCH", f"/offerings/{offering['id']}", editor, json={"schedule": read["schedule"]}
    )
    assert (status, again["schedule"]) == (200, read["schedule"])


async def test_an_edit_reports_what_it_could_not_change(client, world):
    editor = staff(world.org_id, "catalogue:manage", "bookings:manage")
    schedule = {**WEEKLY, "operating_days": list(WEEK)}
    _, offering = await client("POST", "/offerings", editor, json=activity(world, schedule))
    _, listed = await client("GET", f"/offerings/{offering['id']}/sessions?limit=1")
    session = listed["items"][0]
    body = {
        "session_id": session["id"],
        "party_size": 2,
        "customer": {"name": "Test Guest", "email": "guest@example.com"},
    }
    status, held = await client("POST", "/bookings", key="k" * 16, json=body)
    assert status == 201, held
    day = session["starts_at"][:10]
    status, edited = await client(
        "PATCH",
        f"/offerings/{offering['id']}",
        editor,
        json={"schedule": {"blocked_dates": [{"date": day, "reason": "Repairs"}]}},
    )
    assert (status, edited["schedule_conflicts_total"]) == (200, 1)
    assert edited["schedule_conflicts"] == [
        {
            "session_id": session["id"],
            "starts_at": session["starts_at"],
            "bookings": 1,
            "reason": "blocked",
        }
    ]
    status, days = await client("GET", f"/offerings/{offering['id']}/calendar?from={day}&to={day}")
    assert days["days"] == [
        {"date": day, "state": "blocked", "reason": "Repairs", "hours": [], "sessions": 0}
    ]


async def test_anybody_reads_the_calendar(client, world):
    editor = staff(world.org_id, "catalogue:manage")
    _, offering = await client("POST", "/offerings", editor, json=activity(world, WEEKLY))
    status, calendar = await client("GET", f"/offerings/{offering['id']}/calendar", GUEST)
    assert (status, len(calendar["days"])) == (200, 31)
    open_days = [day for day in calendar["days"] if day["state"] == "open"]
    assert {dt.date.fromisoformat(day["date"]).weekday() for day in open_days} == {0, 1}
    assert open_days[-1]["hours"] == [{"opens": "09:00", "closes": "21:00"}]
    assert open_days[-1]["sessions"] == 12


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2030-01-02&to=2030-01-01", "to"),
        ("from=2030-01-01&to=2030-04-03", "to"),
        ("from=yesterday", "from"),
        ("from=2030-02-30", "from"),
        ("to=9999-99-99", "to"),
        ("from=0001-01-01", "from"),
        ("from=9999-12-31", "from"),
    ],
)
async def test_a_wrong_range_of_days_is_refused(client, world, query, field):
    editor = staff(world.org_id, "catalogue:manage")
    _, offering = await client("POST", "/offerings", editor, json=activity(world, WEEKLY))
    status, answer = await client("GET", f"/offerings/{offering['id']}/calendar?{query}")
    assert (status, [error["field"] for error in answer["errors"]]) == (422, [field])


async def test_only_staff_generate_and_only_their_own(client, world, make_world, db, admin):
    editor = staff(world.org_id, "catalogue:manage")
    _, offering = await client("POST", "/offerings", editor, json=activity(world, WEEKLY))
    path = f"/offerings/{offering['id']}/generate"
    status, done = await client("POST", path, editor)
    assert (status, done["made"], done["closed"], done["schedule_conflicts"]) == (200, 0, 0, [])
    assert dt.date.fromisoformat(done["through"]) >= dt.date.today() + dt.timedelta(89)
    assert (await client("POST", path, OPERATOR, params={"organisation_id": str(world.org_id)}))[
        0
    ] == 200
    assert (await client("POST", path))[0] == 401
    assert (await client("POST", path, staff(world.org_id, "catalogue:view")))[0] == 403
    stranger = await make_world(db, admin)
    assert (await client("POST", path, staff(stranger.org_id, "catalogue:manage")))[0] == 404
    assert (await client("POST", "/offerings/nonsense/generate", editor))[0] == 422
