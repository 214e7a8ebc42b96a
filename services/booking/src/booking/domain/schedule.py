"""When: how local dates and times at a venue become instants, over clock changes and midnight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST_SESSION = timedelta(hours=48)
FURTHEST_START = timedelta(days=10 * 366)

# In time zone databases beside the zones, and different or absent on other hosts.
_NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})


@dataclass(frozen=True, slots=True)
class Dated:
    """Sessions are opened one by one, each with its own date: an event, a class."""


Schedule = Dated


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
