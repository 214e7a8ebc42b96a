"""What several kinds of schedule are written with: weekdays, local times, dates."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, TypeAlias, TypeVar, get_args

from pydantic import AfterValidator, Field

from booking.domain import schedule
from booking.settings_document import SettingsDocument

Weekday: TypeAlias = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
MOST_DATES = 400
DAY = 24 * 60
"""Minutes."""

LocalTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:00"])]
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
AdvanceDays = Annotated[
    int | None, Field(ge=0, le=366, description="last day that may be booked; today is 0")
]


def opening(opens: str, closes: str) -> schedule.Opening:
    """Opening hours from two local times."""
    return schedule.Opening(dt.time.fromisoformat(opens), dt.time.fromisoformat(closes))


def minutes_of(opening: schedule.Opening) -> tuple[int, int]:
    """Minutes since midnight at which it opens and closes; more than a day's after midnight."""
    opens = opening.opens.hour * 60 + opening.opens.minute
    closes = opening.closes.hour * 60 + opening.closes.minute
    return opens, closes if closes > opens else closes + DAY


def text_of(at: dt.time) -> str:
    """A local time as it is written."""
    return f"{at:%H:%M}"


class OnDate(SettingsDocument):
    """Something about one date."""

    date: dt.date


class BlockedDate(OnDate):
    """Nothing takes place on this date."""

    reason: Reason | None = None

    def setting(self) -> schedule.BlockedDate:
        return schedule.BlockedDate(self.date, self.reason)


D = TypeVar("D", bound=OnDate)


def each_date_once(dates: tuple[D, ...]) -> tuple[D, ...]:
    """The dates in order; raises ValueError when one is there twice."""
    if len({one.date for one in dates}) != len(dates):
        raise ValueError("a date is there twice")
    return tuple(sorted(dates, key=lambda one: one.date))


BlockedDates = Annotated[
    tuple[BlockedDate, ...], Field(max_length=MOST_DATES), AfterValidator(each_date_once)
]


def blocked_documents(dates: tuple[schedule.BlockedDate, ...]) -> tuple[BlockedDate, ...]:
    """The documents of blocked dates."""
    return tuple(BlockedDate(date=one.date, reason=one.reason) for one in dates)
