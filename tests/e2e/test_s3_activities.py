"""Scenarios of the source system that sold activities by rules, holds and tiers (S3)."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .calls import fields, problem, until
from .outside import instant
from .people import WEEKDAYS, Booking, City, Place, Session
from .system import Clock

NEW_YORK = ZoneInfo("America/New_York")
FAMILY = {"adult": 2, "child": 1}


def day_of(session: Session) -> date:
    return session.starts_at.astimezone(NEW_YORK).date()


async def today_at(clock: Clock) -> date:
    return (await clock.now()).astimezone(NEW_YORK).date()


async def next_day(clock: Clock, weekday: int, *, after: int = 0) -> date:
    """The next such weekday (Monday 0) that is more than `after` days ahead."""
    day = await today_at(clock) + timedelta(days=after + 1)
    return day + timedelta(days=(weekday - day.weekday()) % 7)


async def first_in(place: Place, city: City, clock: Clock, days: int) -> Session:
    """The first session at least so many days ahead."""
    wanted = await today_at(clock) + timedelta(days=days)
    return next(one for one in await place.listed(city.anybody) if day_of(one) >= wanted)


async def test_s3_01_ninety_days_of_sessions_by_the_hour(city: City, clock: Clock) -> None:
    """Mon-Fri 09:00-21:00 every 60 min: 12 sessions each open day, last 20:00-21:00, no weekends."""
    today = await today_at(clock)
    rooms = await city.escape_room(schedule={"operating_days": WEEKDAYS})
    sessions = await rooms.listed(city.anybody)

    per_day = Counter(map(day_of, sessions))
    assert all(day.weekday() < 5 for day in per_day)
    days = [today + timedelta(days=ahead) for ahead in range(1, 90)]
    assert {day: per_day[day] for day in days} == {
        day: 12 if day.weekday() < 5 else 0 for day in days
    }
    one_day = [one for one in sessions if day_of(one) == await next_day(clock, 2)]
    local = [one.starts_at.astimezone(NEW_YORK).time() for one in one_day]
    assert local == [time(hour) for hour in range(9, 21)]
    assert one_day[-1].ends_at.astimezone(NEW_YORK).time() == time(21)


async def test_s3_02_custom_hours_custom_dates_and_blocked_dates(city: City, clock: Clock) -> None:
    """Saturday 10:00-18:00, one date 12:00-17:00, one blocked: 8, 5 and 0 sessions; switched off: 0."""
    saturday = await next_day(clock, 5)
    custom, blocked = await next_day(clock, 3, after=14), await next_day(clock, 2, after=21)
    schedule = {
        "operating_days": WEEKDAYS,
        "custom_hours_enabled": True,
        "custom_hours": {"saturday": {"enabled": True, "start_time": "10:00", "end_time": "18:00"}},
        "custom_dates": [{"date": custom.isoformat(), "start_time": "12:00", "end_time": "17:00"}],
        "blocked_dates": [{"date": blocked.isoformat(), "reason": "Stock-taking"}],
    }
    rooms = await city.escape_room(schedule=schedule)
    per_day = Counter(map(day_of, await rooms.listed(city.anybody)))
    assert (per_day[saturday], per_day[custom], per_day[blocked]) == (8, 5, 0)

    days = (
        await city.anybody.get(
            f"/v1/offerings/{rooms.offering_id}/calendar?from={blocked}&to={blocked}"
        )
    )["days"]
    assert [(day["state"], day["reason"]) for day in days] == [("blocked", "Stock-taking")]

    path = f"/v1/offerings/{rooms.offering_id}"
    await rooms.staff.patch(path, {"schedule": {"custom_hours_enabled": False}})
    per_day = Counter(map(day_of, await rooms.listed(city.anybody)))
    assert (per_day[saturday], per_day[custom], per_day[blocked]) == (0, 5, 0)


async def test_s3_03_making_sessions_twice_makes_none_twice(city: City, clock: Clock) -> None:
    """By hand again and again: no duplicates; a day later there is one day more."""
    rooms = await city.escape_room()
    before = await rooms.listed(city.anybody)
    for _ in range(2):
        again = await rooms.staff.post(f"/v1/offerings/{rooms.offering_id}/generate", {})
        assert again["made"] == 0
    assert [one.id for one in await rooms.listed(city.anybody)] == [one.id for one in before]
    assert (await today_at(clock)) + timedelta(days=30) in set(map(day_of, before))

    await clock.advance(timedelta(days=1))

    async def grown() -> bool:
        sessions = await rooms.listed(city.anybody)
        starts = Counter(one.starts_at for one in sessions)
        assert max(starts.values()) == 1
        return max(map(day_of, sessions)) > max(map(day_of, before))

    await until("the nightly job of the next day", grown)


async def test_s3_05_a_hold_takes_a_place_for_each_person_for_ten_minutes(
    city: City, clock: Clock
) -> None:
    """Capacity 8, party 3: remaining 5 at once, expires in 10 min (+-1 s)."""
    rooms = await city.escape_room(capacity=8)
    session = await first_in(rooms, city, clock, 3)
    before = await clock.now()
    booking = await city.guest().book(session, quantities=FAMILY)
    after = await clock.now()
    assert await rooms.remaining(city.anybody, session) == 5
    expires_at = instant(booking.held["expires_at"])
    ten = timedelta(minutes=10)
    assert before + ten - timedelta(seconds=1) <= expires_at <= after + ten + timedelta(seconds=1)
    assert (await booking.read())["party_size"] == 3


async def test_s3_07_an_unpaid_hold_ends_and_a_cancelled_one_at_once(
    city: City, clock: Clock
) -> None:
    """After 10 min the places are back; a guest's own cancellation gives them back at once."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 5)
    unpaid = await city.guest().book(session, quantities=FAMILY)
    given_up = await city.guest().book(session, quantities={"adult": 2})
    assert await rooms.remaining(city.anybody, session) == 3
    assert (await given_up.cancel())["status"] == "cancelled"
    assert await rooms.remaining(city.anybody, session) == 5
    await clock.advance(timedelta(minutes=10))
    await unpaid.becomes("expired")
    assert await rooms.remaining(city.anybody, session) == 8


async def test_s3_10_two_adults_and_a_child_pay_9500_cents(city: City, clock: Clock) -> None:
    """35.00 and 25.00 USD: two lines, 9500 cents, which is what the intent is for."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 4)
    booking = await city.guest().book(session, quantities=FAMILY)
    assert booking.held["amount_total"] == {"amount_minor": 9500, "currency": "USD"}
    assert booking.held["amount_due_now"] == {"amount_minor": 9500, "currency": "USD"}
    lines = (await booking.read())["lines"]
    assert [(one["key"], one["quantity"], one["amount_minor"]) for one in lines] == [
        ("adult", 2, 7000),
        ("child", 1, 2500),
    ]
    await booking.confirmed(rooms.stripe)
    assert (await rooms.stripe.intent_of(booking.id))["amount"] == 9500


async def test_s3_12_a_party_that_is_not_its_tiers_is_refused(city: City, clock: Clock) -> None:
    """Another offering's tier, or a party that is not the sum: refused by field, nothing taken."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 4)
    guest = city.guest()
    assert fields(await guest.tries(session, quantities={"vip": 1})) == {"quantities.vip"}
    assert fields(await guest.tries(session, party=4, quantities=FAMILY)) == {"party_size"}
    assert fields(await guest.tries(session, quantities={"adult": 9})) == {"party_size"}
    assert await rooms.remaining(city.anybody, session) == 8
    assert await rooms.stripe.intents() == []


async def test_s3_14_what_may_be_cached_says_so(city: City, clock: Clock) -> None:
    """An offering 300 s, a venue by its embed key 120 s with all it offers, availability never."""
    rooms = await city.escape_room()
    venue = await rooms.staff.get(f"/v1/venues/{rooms.venue_id}")

    async def cache_of(path: str) -> str:
        answer = await city.anybody.ask("GET", path)
        assert answer.status == 200, str(answer)
        return answer.headers["cache-control"]

    assert "max-age=300" in await cache_of(f"/v1/offerings/{rooms.offering_id}")
    by_key = f"/v1/venues/by-key/{venue['embed_key']}"
    assert "max-age=120" in await cache_of(by_key)
    shown = await city.anybody.get(by_key)
    assert [one["id"] for one in shown["offerings"]] == [rooms.offering_id]

    session = await first_in(rooms, city, clock, 2)
    day = f"/v1/offerings/{rooms.offering_id}/availability?date={day_of(session)}"
    assert "max-age" not in await cache_of(day)
    await city.guest().book(session, quantities=FAMILY)
    found = (await city.anybody.get(day))["sessions"]
    assert next(one["remaining"] for one in found if one["session_id"] == session.id) == 5

    unknown = await city.anybody.ask("GET", f"/v1/venues/by-key/{'x' * len(venue['embed_key'])}")
    problem(unknown, 404)
    refused = await rooms.staff.ask(
        "PATCH", f"/v1/venues/{rooms.venue_id}", json={"theme": {"primary": "red;x"}}
    )
    assert any("theme" in field for field in fields(refused))


async def test_s3_18_a_hold_is_its_guests_alone(city: City, clock: Clock) -> None:
    """B can neither read nor cancel A's hold, with no token or with B's own."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 3)
    of_a = await city.guest().book(session, quantities=FAMILY)
    of_b = await city.guest().book(session, quantities={"adult": 1})
    for stranger, statuses in ((city.anybody, {401}), (of_b.holder, {403, 404})):
        assert (await stranger.ask("GET", of_a.path)).status in statuses
        cancelled = await stranger.ask("POST", f"{of_a.path}/cancel", json={})
        assert cancelled.status in statuses
    assert (await of_a.read())["status"] == "pending_payment"


async def test_s3_19_so_many_days_ahead_and_not_one_more(city: City, clock: Clock) -> None:
    """advance_booking_days 30: day 30 is accepted, day 31 refused."""
    rooms = await city.escape_room(schedule={"advance_booking_days": 30})
    last = await today_at(clock) + timedelta(days=30)
    sessions = await rooms.listed(city.anybody)
    on_time = next(one for one in sessions if day_of(one) == last)
    too_far = await rooms.session_at(
        date=(last + timedelta(days=1)).isoformat(), start_time="22:00", end_time="23:00"
    )
    assert (await city.guest().tries(on_time, quantities=FAMILY)).status in (201, 202)
    refused = await city.guest().tries(too_far, quantities=FAMILY)
    problem(refused, 422, "TOO_FAR_AHEAD")


async def test_s3_20_the_trend_and_what_comes_next(city: City, clock: Clock) -> None:
    """Bookings on 3 of 7 days: 7 entries, 4 zero; upcoming with limit 5: five in time order."""
    rooms = await city.escape_room(pricing={"kind": "free"})
    made: list[Booking] = []
    for sleep in (0, 2, 2):
        if sleep:
            await clock.advance(timedelta(days=sleep))
        for ahead in (6, 4):
            session = await first_in(rooms, city, clock, ahead)
            made.append(await city.guest().book(session, party=1))
    trend = (await rooms.staff.get("/v1/bookings/trend?days=7"))["days"]
    assert len(trend) == 7
    assert sum(1 for day in trend if day["bookings"] == 0) == 4
    assert sum(day["bookings"] for day in trend) == 6
    upcoming = (await rooms.staff.get("/v1/bookings/upcoming?limit=5"))["items"]
    starts = [datetime.fromisoformat(one["starts_at"]) for one in upcoming]
    assert len(upcoming) == 5
    assert starts == sorted(starts)
    assert {one["id"] for one in upcoming} <= {one.id for one in made}
