"""A weekly rule: sessions at a fixed interval between opening and closing (SCH-01 to SCH-07)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from booking.domain.schedule import (
    BlockedDate,
    Day,
    DayState,
    Opening,
    Schedule,
    Span,
    blocked,
    openings_of,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class CustomWeekday:
    """Other hours on one weekday (Monday = 0), while ``enabled``."""

    weekday: int
    enabled: bool
    opening: Opening


@dataclass(frozen=True, slots=True)
class CustomDate:
    """Other hours on one date."""

    date: date
    opening: Opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly(Schedule):
    """Blocked date, then custom date, then custom weekday if enabled, then the usual week.

    ``weekdays``: Monday = 0. ``duration_minutes`` None: as long as the interval (OPN-09).
    """

    weekdays: tuple[int, ...]
    opening: Opening
    interval_minutes: int
    duration_minutes: int | None = None
    advance_booking_days: int | None = 30
    custom_hours_enabled: bool = False
    custom_hours: tuple[CustomWeekday, ...] = ()
    custom_dates: tuple[CustomDate, ...] = ()
    blocked_dates: tuple[BlockedDate, ...] = ()

    def day(self, date: date) -> Day:
        """The rules for one date, in their order of precedence (SCH-07)."""
        closed = blocked(self.blocked_dates, date)
        if closed is not None:
            return closed
        for special in self.custom_dates:
            if special.date == date:
                return Day(DayState.CUSTOM, (special.opening,))
        weekday = date.weekday()
        if self.custom_hours_enabled:
            for custom in self.custom_hours:
                if custom.weekday == weekday and custom.enabled:
                    return Day(DayState.CUSTOM, (custom.opening,))
        if weekday in self.weekdays:
            return Day(DayState.OPEN, (self.opening,))
        return Day(DayState.CLOSED)

    def spans(self, date: date, tz: ZoneInfo) -> list[Span]:
        """Sessions at every interval of elapsed time; the last one ends by the closing time."""
        interval = timedelta(minutes=self.interval_minutes)
        duration = timedelta(minutes=self.duration_minutes or self.interval_minutes)
        spans = []
        for opening in openings_of(self, date, tz):
            starts_at = opening.starts_at
            while starts_at + duration <= opening.ends_at:
                spans.append(Span(starts_at, starts_at + duration))
                starts_at += interval
        return spans

    def makes_sessions(self) -> bool:
        """Always."""
        return True

    def furthest_day(self) -> int | None:
        """The setting (SCH-02)."""
        return self.advance_booking_days
