"""Local dates and times at a venue as instants, over clock changes and past midnight."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# In time zone databases beside the zones, and different or absent on other hosts.
_NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})


class Span(NamedTuple):
    """From one instant to a later one, both UTC; the end is not part of it."""

    starts_at: datetime
    ends_at: datetime


class NoSuchLocalTime(ValueError):
    """The clocks were put forward over this local time: it never happens on that day."""


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        ValueError: there is no such zone.
    """
    if name in _NO_ZONES:
        raise ValueError(f"unknown time zone {name!r}")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as unknown:
        raise ValueError(f"unknown time zone {name!r}") from unknown


def instant(day: date, at: time, tz: ZoneInfo) -> datetime:
    """The UTC instant of a local time. One that happens twice means its first occurrence.

    Raises:
        NoSuchLocalTime: the clocks skip it on that day.
    """
    local = datetime.combine(day, at.replace(tzinfo=None, fold=0), tz)
    utc = local.astimezone(UTC)
    if utc.astimezone(tz).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise NoSuchLocalTime(f"{at:%H:%M} does not exist on {day}: the clocks go forward")
    return utc


def session_span(day: date, start: time, end: time, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end as UTC instants; an end not after the start is on the next day (CAT-04).

    Raises:
        NoSuchLocalTime: the clocks skip one of the two.
    """
    starts_at = instant(day, start, tz)
    ends_at = instant(day if end > start else day + timedelta(days=1), end, tz)
    if ends_at <= starts_at:  # start and end both within an hour that happens twice
        ends_at += timedelta(hours=1)
    return starts_at, ends_at


def moment(day: date, at: time, tz: ZoneInfo) -> datetime:
    """The UTC instant at which the clocks reach a local time, for rules that hold every day.

    A time that happens twice means its first occurrence. One that the clocks skip means the
    instant at which they skip it: a door that opens at 02:30 opens when 02:00 becomes 03:00.
    """
    try:
        return instant(day, at, tz)
    except NoSuchLocalTime:
        local = datetime.combine(day, at.replace(tzinfo=None), tz)
        # By the new offset it is not yet changed, by the old one it is: the change lies between.
        before, after = local.replace(fold=1).astimezone(UTC), local.astimezone(UTC)
        old = before.astimezone(tz).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
            if middle.astimezone(tz).utcoffset() == old:
                before = middle
            else:
                after = middle
        return after


@lru_cache(maxsize=4096)
def window(day: date, opens: time, closes: time, tz: ZoneInfo) -> Span | None:
    """Opening hours of a day; a closing not after the opening is on the next day (F-85).

    None when the clocks skip all of it.
    """
    starts_at = moment(day, opens, tz)
    ends_at = moment(day if closes > opens else day + timedelta(days=1), closes, tz)
    return Span(starts_at, ends_at) if starts_at < ends_at else None


def arrival(at: time, starts_at: datetime, ends_at: datetime, tz: ZoneInfo) -> datetime | None:
    """The instant a guest means by a local time, if it lies within the session (F-65)."""
    day = starts_at.astimezone(tz).date()
    while day <= ends_at.astimezone(tz).date():
        for fold in (0, 1):
            candidate = datetime.combine(day, at.replace(fold=fold), tz).astimezone(UTC)
            if starts_at <= candidate < ends_at:
                return candidate
        day += timedelta(days=1)
    return None


def next_occurrence(at: time, now: datetime, tz: ZoneInfo) -> datetime:
    """The next instant, after ``now``, at which the clocks reach a local time; once a day."""
    day = now.astimezone(tz).date()
    while (upcoming := moment(day, at, tz)) <= now:
        day += timedelta(days=1)
    return upcoming
