"""Rules over clock changes: ten zones and more, ten years, every change in both directions."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.domain.hours import Hours, TurnTime
from booking.domain.local_time import instant, moment, next_occurrence, window, zone
from booking.domain.refusals import RuleRefusal
from booking.domain.schedule import NoSuchLocalTime, Opening
from booking.domain.weekly import CustomDate, Weekly

FIRST, LAST = date(2010, 1, 1), date(2030, 12, 31)
ZONES = [
    "Europe/London",
    "Europe/Stockholm",
    "America/New_York",
    "America/Sao_Paulo",  # changed at midnight, and gave it up
    "Australia/Lord_Howe",  # changes by half an hour
    "Asia/Kolkata",  # never changes
    "Asia/Tehran",  # changed at midnight
    "Africa/Casablanca",  # goes back for a month
    "Pacific/Chatham",  # at 02:45
    "Pacific/Apia",  # crossed the date line: 30 December 2011 never was
    "America/Scoresbysund",
    "Antarctica/Troll",  # changes by two hours
]
EVERY_DAY = tuple(range(7))
UNHURRIED = settings(deadline=None)  # the machine may be busy with other things
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
OPENINGS = st.builds(Opening, TIMES, TIMES)
INTERVALS = st.sampled_from([15, 20, 30, 45, 60, 90, 120, 240])


@cache
def changes(name):
    """The local dates on which, or on whose eve, the zone's clocks were changed."""
    tz = zone(name)
    found, at = set(), datetime(FIRST.year, 1, 1, tzinfo=UTC)
    while at.date() <= LAST:
        later = at + timedelta(hours=6)
        if at.astimezone(tz).utcoffset() != later.astimezone(tz).utcoffset():
            found |= {at.astimezone(tz).date(), later.astimezone(tz).date()}
        at = later
    return sorted(found) or [date(2026, 3, 29)]


@st.composite
def zone_and_day(draw):
    """A zone and a day within two days of one of its changes."""
    name = draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from(changes(name))) + timedelta(days=draw(st.integers(-2, 2)))
    return zone(name), day


def around(day):
    return [day + timedelta(days=offset) for offset in range(-2, 4)]


def check_sessions(spans, lasts):
    assert all(ends_at - starts_at == lasts for starts_at, ends_at in spans)
    assert all(later.starts_at >= earlier.ends_at for earlier, later in pairwise(spans))


@UNHURRIED
@given(zone_and_day(), OPENINGS, INTERVALS)
def test_sessions_follow_each_other_without_gap_overlap_or_duplicate(where, opening, minutes):
    tz, day = where
    lasts = timedelta(minutes=minutes)
    rule = Weekly(weekdays=EVERY_DAY, opening=opening, interval_minutes=minutes)
    spans = [span for one in around(day) for span in rule.spans(one, tz)]
    check_sessions(spans, lasts)
    for one in around(day)[1:]:
        hours, found = window(one, opening.opens, opening.closes, tz), rule.spans(one, tz)
        if hours is None or hours.ends_at - hours.starts_at < lasts:
            assert not found
            continue
        eve = window(one - timedelta(days=1), opening.opens, opening.closes, tz)
        opens = hours.starts_at if eve is None else max(hours.starts_at, eve.ends_at)
        expected = (hours.ends_at - opens) // lasts
        assert [span.starts_at for span in found] == [opens + n * lasts for n in range(expected)]


@UNHURRIED
@given(zone_and_day(), st.lists(OPENINGS, min_size=6, max_size=6), INTERVALS)
def test_days_with_different_hours_never_overlap(where, openings, minutes):
    tz, day = where
    custom = tuple(map(CustomDate, around(day), openings))
    rule = Weekly(weekdays=(), opening=openings[0], interval_minutes=minutes, custom_dates=custom)
    spans = [span for one in around(day) for span in rule.spans(one, tz)]
    check_sessions(spans, timedelta(minutes=minutes))


@UNHURRIED
@given(zone_and_day(), OPENINGS, INTERVALS)
def test_on_a_day_without_a_change_the_starts_are_those_of_the_clock(where, opening, minutes):
    tz, day = where
    rule = Weekly(weekdays=EVERY_DAY, opening=opening, interval_minutes=minutes)
    midnight = datetime.combine(day, time())
    offsets = {
        (midnight + timedelta(hours=hour)).replace(tzinfo=tz).utcoffset() for hour in range(-24, 49)
    }
    if len(offsets) > 1:
        return
    opens = datetime.combine(day, opening.opens)
    closes = datetime.combine(day, opening.closes)
    closes += timedelta(days=closes <= opens)
    expected, lasts = [], timedelta(minutes=minutes)
    while opens + lasts <= closes:
        expected.append(opens)
        opens += lasts
    found = [span.starts_at.astimezone(tz).replace(tzinfo=None) for span in rule.spans(day, tz)]
    assert found == expected


@pytest.mark.parametrize("name", ZONES)
def test_ten_years_of_days_and_nights_have_no_gap_overlap_or_duplicate(name):
    """Open round the clock: between two sessions there is less than one session's length."""
    tz, lasts = zone(name), timedelta(hours=4)
    rule = Weekly(weekdays=EVERY_DAY, opening=Opening(time(6), time(6)), interval_minutes=240)
    day, spans = date(2011, 6, 1), []
    while day < date(2021, 6, 1):
        spans += rule.spans(day, tz)
        day += timedelta(days=1)
    check_sessions(spans, lasts)
    assert all(later.starts_at - earlier.ends_at < lasts for earlier, later in pairwise(spans))


@pytest.mark.parametrize("name", ZONES)
def test_ten_years_of_nights_come_once_a_day_each(name):
    tz = zone(name)
    nights = [moment(date(2011, 6, 1), time(2), tz)]
    while nights[-1].astimezone(tz).date() < date(2021, 6, 1):
        nights.append(next_occurrence(time(2), nights[-1], tz))
    gaps = {later - earlier for earlier, later in pairwise(nights)}
    # Apia's 30 December 2011 never was: its night is the instant at which it was left out.
    assert timedelta(hours=2) <= min(gaps) <= max(gaps) < timedelta(hours=27)
    assert len(nights) == (date(2021, 6, 1) - date(2011, 6, 1)).days + 1


@UNHURRIED
@given(zone_and_day(), TIMES, TIMES)
def test_moments_keep_the_order_of_the_clock(where, one, other):
    tz, day = where
    earlier, later = sorted([one, other])
    assert moment(day, earlier, tz) <= moment(day, later, tz)
    assert moment(day, later, tz) <= moment(day + timedelta(days=1), earlier, tz)


@UNHURRIED
@given(zone_and_day(), TIMES)
def test_a_moment_is_the_local_time_or_the_change_that_skips_it(where, at):
    tz, day = where
    found = moment(day, at, tz)
    try:
        assert found == instant(day, at, tz)
    except NoSuchLocalTime:
        before = found - timedelta(seconds=1)
        assert before.astimezone(tz).utcoffset() != found.astimezone(tz).utcoffset()
        wall = datetime.combine(day, at)
        assert before.astimezone(tz).replace(tzinfo=None) < wall
        assert wall < found.astimezone(tz).replace(tzinfo=None)


TURNS = (TurnTime(2, 90), TurnTime(4, 105), TurnTime(8, 120), TurnTime(None, 150))


@st.composite
def hours(draw):
    opens = draw(TIMES)
    return Hours(
        weekly=((Opening(opens, draw(TIMES)),),) * 7,
        advance_booking_days=None,
        start_interval_minutes=draw(st.sampled_from([5, 15, 30, 60])),
        turn_minutes=TURNS,
        last_seating_minutes=draw(st.sampled_from([0, 30, 60])),
        must_end_by_close=draw(st.booleans()),
        closing_minute_bookable=draw(st.booleans()),
    )


MINUTES = st.builds(time, st.integers(0, 23), st.sampled_from(range(0, 60, 5)))


@UNHURRIED
@given(zone_and_day(), hours(), st.integers(1, 12), st.lists(MINUTES, max_size=12))
def test_the_list_of_starts_and_the_answer_about_one_start_agree(where, rule, party, asked):
    """Whatever a guest asks for: allowed if, and only if, it is in the list."""
    tz, day = where
    now = datetime(2000, 1, 1, tzinfo=UTC)
    listed = {
        seating.span.starts_at: seating
        for one in around(day)
        for seating in rule.starts(one, party, tz)
    }
    that_day = {at.astimezone(tz).time() for at in listed if at.astimezone(tz).date() == day}
    for at in {*asked, *sorted(that_day)[:3], *sorted(that_day)[-3:]}:
        try:
            allowed = rule.seating(day, at, party, tz, now)
        except RuleRefusal:
            assert moment(day, at, tz) not in listed
        else:
            assert allowed == listed[moment(day, at, tz)]
            rule.check_start(allowed.span.starts_at, party, tz, now)
            assert allowed.span.ends_at - allowed.span.starts_at == rule.stay(party)
            if rule.must_end_by_close:
                assert allowed.span.ends_at <= allowed.service.ends_at


@UNHURRIED
@given(zone_and_day(), hours(), st.integers(1, 12))
def test_every_start_in_the_list_is_allowed_in_an_hour_that_comes_twice_too(where, rule, party):
    tz, day = where
    for seating in rule.starts(day, party, tz):
        rule.check_start(seating.span.starts_at, party, tz, datetime(2000, 1, 1, tzinfo=UTC))


@UNHURRIED
@given(zone_and_day(), hours())
def test_services_never_overlap(where, rule):
    tz, day = where
    services = [service for one in around(day) for service in rule.spans(one, tz)]
    assert all(later.starts_at >= earlier.ends_at for earlier, later in pairwise(services))


def test_spring_has_an_hour_less_and_autumn_an_hour_more():
    rule = Weekly(weekdays=EVERY_DAY, opening=Opening(time(22), time(4)), interval_minutes=60)
    london = zone("Europe/London")
    assert [
        len(rule.spans(date(2026, month, day), london))
        for month, day in [(3, 27), (3, 28), (10, 24)]
    ] == [6, 5, 7]


def test_the_day_that_apia_left_out_has_no_sessions():
    apia = zone("Pacific/Apia")
    rule = Weekly(weekdays=EVERY_DAY, opening=Opening(time(9), time(17)), interval_minutes=60)
    counts = [len(rule.spans(date(2011, 12, day), apia)) for day in (29, 30, 31)]
    assert counts == [8, 0, 8]
