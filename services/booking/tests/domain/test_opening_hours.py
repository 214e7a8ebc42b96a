"""Opening hours: which times a restaurant gives, and which rule says no."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from booking.domain.hours import Hours, SpecialDate, TurnTime
from booking.domain.local_time import zone
from booking.domain.refusals import (
    Closed,
    InThePast,
    InvalidRequest,
    KitchenClosed,
    LastSeating,
    NotAStartTime,
    TooFarAhead,
)
from booking.domain.schedule import BlockedDate, Dated, Opening, Span

LONDON = zone("Europe/London")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
SUNDAY = date(2026, 11, 22)
TURNS = (TurnTime(2, 90), TurnTime(4, 105), TurnTime(8, 120), TurnTime(None, 150))
NOTHING = ((),) * 7


def week(**days):
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return tuple(
        tuple(Opening(time.fromisoformat(o), time.fromisoformat(c)) for o, c in days.get(name, ()))
        for name in names
    )


LUNCH = week(sun=[("12:00", "17:00")])


def hours(weekly=LUNCH, **settings):
    return Hours(
        **{"weekly": weekly, "turn_minutes": TURNS, "advance_booking_days": 60, **settings}
    )


def ask(rule, day, at, party=4, now=NOW):
    return rule.seating(day, time.fromisoformat(at), party, LONDON, now)


def test_s1_4_sunday_kitchen_12_to_17_takes_1200_and_refuses_1159_and_1730():
    rule = hours()
    assert ask(rule, SUNDAY, "12:00").span == Span(
        datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 22, 13, 45, tzinfo=UTC)
    )
    for at in ("11:59", "17:00", "17:30"):
        with pytest.raises(KitchenClosed, match="12:00 to 17:00"):
            ask(rule, SUNDAY, at)


def test_s1_5_25_december_closed_and_26_december_13_to_15_only():
    open_daily = week(
        **{day: [("12:00", "22:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    )
    rule = hours(
        open_daily,
        special=(
            SpecialDate(date(2026, 12, 25), (), "Christmas Day"),
            SpecialDate(date(2026, 12, 26), (Opening(time(13), time(15)),)),
        ),
    )
    with pytest.raises(Closed, match="Christmas Day"):
        ask(rule, date(2026, 12, 25), "13:00")
    with pytest.raises(KitchenClosed):
        ask(rule, date(2026, 12, 26), "12:30")
    assert ask(rule, date(2026, 12, 26), "13:30")


def test_a_day_without_hours_or_blocked_is_closed_whatever_else_holds():
    with pytest.raises(Closed):
        ask(hours(), SUNDAY + timedelta(days=1), "12:00")
    special = (SpecialDate(SUNDAY, (Opening(time(12), time(20)),)),)
    rule = hours(special=special, blocked_dates=(BlockedDate(SUNDAY, "Private party"),))
    with pytest.raises(Closed, match="Private party"):
        ask(rule, SUNDAY, "13:00")


def test_the_last_seating_is_its_margin_before_closing():
    assert ask(hours(), SUNDAY, "16:30")
    with pytest.raises(LastSeating, match="16:30"):
        ask(hours(), SUNDAY, "16:45")
    assert ask(hours(last_seating_minutes=0), SUNDAY, "16:45")


def test_the_closing_minute_is_a_setting():
    with pytest.raises(KitchenClosed):
        ask(hours(last_seating_minutes=0), SUNDAY, "17:00")
    assert ask(hours(last_seating_minutes=0, closing_minute_bookable=True), SUNDAY, "17:00")
    with pytest.raises(LastSeating):
        ask(hours(closing_minute_bookable=True), SUNDAY, "17:00")


def test_who_must_be_gone_by_closing_comes_earlier_the_more_they_are():
    rule = hours(must_end_by_close=True)
    for party, last, late in [(2, "15:30", "15:45"), (4, "15:15", "15:30"), (9, "14:30", "14:45")]:
        assert ask(rule, SUNDAY, last, party)
        with pytest.raises(LastSeating, match=last):
            ask(rule, SUNDAY, late, party)


@pytest.mark.parametrize(
    ("party", "minutes"),
    [(1, 90), (2, 90), (3, 105), (4, 105), (5, 120), (8, 120), (9, 150), (40, 150)],
)
def test_the_stay_depends_on_the_party(party, minutes):
    span = ask(hours(), SUNDAY, "12:00", party).span
    assert span.ends_at - span.starts_at == timedelta(minutes=minutes)


def test_between_two_starts_both_are_told():
    with pytest.raises(NotAStartTime, match="12:30 or 12:45"):
        ask(hours(), SUNDAY, "12:40")


def test_past_and_far_times_are_refused_by_the_venues_calendar():
    with pytest.raises(InThePast):
        ask(hours(), SUNDAY - timedelta(weeks=1), "12:00")
    rule = hours(advance_booking_days=2)
    assert ask(rule, SUNDAY, "12:00")
    with pytest.raises(TooFarAhead, match="2026-11-22"):
        ask(rule, SUNDAY + timedelta(weeks=1), "12:00")


def test_the_day_is_the_venues_own_whatever_day_it_is_elsewhere():
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # already the 21st in Stockholm
    rule = hours(advance_booking_days=1)
    assert rule.seating(SUNDAY, time(12), 4, zone("Europe/Stockholm"), late)
    with pytest.raises(TooFarAhead, match="2026-11-21"):
        ask(rule, SUNDAY, "12:00", now=late)


def test_after_midnight_belongs_to_the_evening_before():
    rule = hours(week(fri=[("18:00", "02:00")], sat=[("18:00", "23:00")]))
    friday = date(2026, 11, 27)
    late = ask(rule, friday + timedelta(days=1), "00:30")
    assert late.service.starts_at == datetime(2026, 11, 27, 18, tzinfo=UTC)
    assert late.span.starts_at == datetime(2026, 11, 28, 0, 30, tzinfo=UTC)
    with pytest.raises(KitchenClosed):
        ask(rule, friday + timedelta(days=1), "02:30")


def test_two_services_a_day_are_two_sessions_with_nothing_between():
    rule = hours(week(sun=[("12:00", "15:00"), ("18:00", "22:00")]))
    assert [span.starts_at.hour for span in rule.spans(SUNDAY, LONDON)] == [12, 18]
    with pytest.raises(KitchenClosed, match="12:00 to 15:00, 18:00 to 22:00"):
        ask(rule, SUNDAY, "16:00")
    starts = rule.starts(SUNDAY, 2, LONDON)
    assert [f"{one.span.starts_at:%H:%M}" for one in starts][:2] == ["12:00", "12:15"]
    assert len(starts) == 11 + 15


def test_a_booking_of_a_service_needs_a_start_within_it():
    rule, (lunch,) = hours(), hours().spans(SUNDAY, LONDON)
    at = datetime(2026, 11, 22, 13, tzinfo=UTC)
    assert rule.booking_span(lunch, at, 2, LONDON) == Span(at, at + timedelta(minutes=90))
    with pytest.raises(InvalidRequest, match="choose a time"):
        rule.booking_span(lunch, None, 2, LONDON)
    with pytest.raises(KitchenClosed):
        rule.booking_span(lunch, lunch.ends_at, 2, LONDON)


def test_a_booking_of_a_dated_session_is_all_of_it():
    session = Span(NOW, NOW + timedelta(hours=1))
    assert Dated().booking_span(session, None, 2, LONDON) == session
    assert Dated().booking_span(session, NOW, 2, LONDON) == session
    with pytest.raises(InvalidRequest, match="not the start"):
        Dated().booking_span(session, NOW + timedelta(minutes=15), 2, LONDON)
