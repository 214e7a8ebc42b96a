"""Days, weeks and months as people at a venue count them, over clock changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant up to, not including, another."""

    since: datetime
    until: datetime


def midnight(day: date, tz: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC: after the gap where the clocks skip midnight."""
    return datetime.combine(day, time(0), tz).astimezone(UTC)


def days(first: date, count: int, tz: ZoneInfo) -> Span:
    """``count`` local days from ``first`` on; a day of a clock change has 23 or 25 hours."""
    return Span(midnight(first, tz), midnight(first + timedelta(days=count), tz))


def today(now: datetime, tz: ZoneInfo) -> Span:
    """The local day of an instant."""
    return days(now.astimezone(tz).date(), 1, tz)


def this_week(now: datetime, tz: ZoneInfo) -> Span:
    """The local week of an instant, Monday to Sunday."""
    day = now.astimezone(tz).date()
    return days(day - timedelta(days=day.weekday()), 7, tz)


def this_month(now: datetime, tz: ZoneInfo) -> Span:
    """The local calendar month of an instant."""
    first = now.astimezone(tz).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return days(first, (following - first).days, tz)
