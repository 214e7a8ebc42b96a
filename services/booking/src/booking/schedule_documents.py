"""The schedule of an offering as a document: each kind, both ways."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from booking.domain import hours, schedule, weekly
from booking.settings_document import SettingsDocument

if TYPE_CHECKING:
    from collections.abc import Callable

Weekday: TypeAlias = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
MOST_DATES = 400
MOST_SERVICES = 6
_DAY = 24 * 60

LocalTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:00"])]
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
AdvanceDays = Annotated[
    int | None, Field(ge=0, le=366, description="last day that may be booked; today is 0")
]


def _opening(opens: str, closes: str) -> schedule.Opening:
    return schedule.Opening(dt.time.fromisoformat(opens), dt.time.fromisoformat(closes))


def _minutes(opening: schedule.Opening) -> tuple[int, int]:
    """Minutes since midnight at which it opens and closes; more than a day's after midnight."""
    opens = opening.opens.hour * 60 + opening.opens.minute
    closes = opening.closes.hour * 60 + opening.closes.minute
    return opens, closes if closes > opens else closes + _DAY


def _text(at: dt.time) -> str:
    return f"{at:%H:%M}"


class BlockedDate(SettingsDocument):
    """Nothing takes place on this date."""

    date: dt.date
    reason: Reason | None = None

    def setting(self) -> schedule.BlockedDate:
        return schedule.BlockedDate(self.date, self.reason)


class CustomDay(SettingsDocument):
    """Other hours on one weekday."""

    enabled: bool = True
    start_time: LocalTime
    end_time: LocalTime


class CustomDate(SettingsDocument):
    """Other hours on one date."""

    date: dt.date
    start_time: LocalTime
    end_time: LocalTime


class Service(SettingsDocument):
    """Open from one time to another; a closing not after the opening is after midnight."""

    opens: LocalTime
    closes: LocalTime

    def setting(self) -> schedule.Opening:
        return _opening(self.opens, self.closes)

    @classmethod
    def of(cls, opening: schedule.Opening) -> Service:
        return cls(opens=_text(opening.opens), closes=_text(opening.closes))


def _apart(services: tuple[Service, ...]) -> tuple[Service, ...]:
    spans = sorted(_minutes(service.setting()) for service in services)
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise ValueError("two services overlap")
    return tuple(sorted(services, key=lambda service: service.opens))


Services = Annotated[tuple[Service, ...], Field(max_length=MOST_SERVICES), AfterValidator(_apart)]


class SpecialDate(SettingsDocument):
    """Replaces the weekly row of its date; no services: closed."""

    date: dt.date
    services: Services
    reason: Reason | None = None


Dated: TypeAlias = BlockedDate | CustomDate | SpecialDate


def _each_date_once(dates: tuple[Dated, ...]) -> tuple[Dated, ...]:
    if len({one.date for one in dates}) != len(dates):
        raise ValueError("a date is there twice")
    return tuple(sorted(dates, key=lambda one: one.date))


BlockedDates = Annotated[
    tuple[BlockedDate, ...], Field(max_length=MOST_DATES), AfterValidator(_each_date_once)
]


class CustomHours(SettingsDocument):
    """Other hours by weekday."""

    monday: CustomDay | None = None
    tuesday: CustomDay | None = None
    wednesday: CustomDay | None = None
    thursday: CustomDay | None = None
    friday: CustomDay | None = None
    saturday: CustomDay | None = None
    sunday: CustomDay | None = None

    def settings(self) -> tuple[weekly.CustomWeekday, ...]:
        return tuple(
            weekly.CustomWeekday(number, day.enabled, _opening(day.start_time, day.end_time))
            for number, name in enumerate(WEEKDAYS)
            if isinstance(day := getattr(self, name), CustomDay)
        )

    @classmethod
    def of(cls, customs: tuple[weekly.CustomWeekday, ...]) -> CustomHours:
        return cls(
            **{
                WEEKDAYS[custom.weekday]: CustomDay(
                    enabled=custom.enabled,
                    start_time=_text(custom.opening.opens),
                    end_time=_text(custom.opening.closes),
                )
                for custom in customs
            }
        )


class Week(SettingsDocument):
    """Services by weekday; none: closed."""

    monday: Services = ()
    tuesday: Services = ()
    wednesday: Services = ()
    thursday: Services = ()
    friday: Services = ()
    saturday: Services = ()
    sunday: Services = ()

    def services(self) -> tuple[tuple[schedule.Opening, ...], ...]:
        days: list[tuple[Service, ...]] = [getattr(self, name) for name in WEEKDAYS]
        return tuple(tuple(service.setting() for service in day) for day in days)


def _nights_end(week: Week) -> Week:
    days = week.services()
    for number, today in enumerate(days):
        tomorrow = days[(number + 1) % 7]
        latest = max((_minutes(service)[1] for service in today), default=0)
        first = min((_minutes(service)[0] for service in tomorrow), default=_DAY)
        if latest > first + _DAY:
            raise ValueError(f"{WEEKDAYS[number]} runs into the day after it")
    return week


class DatedSchedule(SettingsDocument):
    """Sessions are opened one by one."""

    kind: Literal["dated"] = "dated"

    def settings(self) -> schedule.Dated:
        return schedule.Dated()

    @classmethod
    def of(cls, _: schedule.Dated) -> DatedSchedule:
        return cls()


class WeeklySchedule(SettingsDocument):
    """Sessions at an interval, on some weekdays between two times."""

    kind: Literal["weekly"] = "weekly"
    operating_days: Annotated[tuple[Weekday, ...], Field(max_length=7)]
    interval_minutes: Annotated[int, Field(ge=5, le=_DAY)]
    duration_minutes: Annotated[int | None, Field(ge=5, le=_DAY)] = None
    start_time: LocalTime
    end_time: LocalTime
    advance_booking_days: AdvanceDays = 30
    custom_hours_enabled: bool = False
    custom_hours: CustomHours = CustomHours()
    custom_dates: Annotated[
        tuple[CustomDate, ...], Field(max_length=MOST_DATES), AfterValidator(_each_date_once)
    ] = ()
    blocked_dates: BlockedDates = ()

    @field_validator("operating_days")
    @classmethod
    def _each_day_once(cls, days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        if len(set(days)) != len(days):
            raise ValueError("a day is there twice")
        return tuple(sorted(days, key=WEEKDAYS.index))

    @field_validator("end_time")
    @classmethod
    def _room_for_one(cls, end_time: str, info: ValidationInfo) -> str:
        start_time, interval = info.data.get("start_time"), info.data.get("interval_minutes")
        if start_time is None or interval is None:
            return end_time  # wrong itself, and said so
        opens, closes = _minutes(_opening(start_time, end_time))
        lasts = info.data.get("duration_minutes") or interval
        if closes - opens < lasts:
            raise ValueError(f"leaves no room for a session of {lasts} minutes")
        return end_time

    def settings(self) -> weekly.Weekly:
        return weekly.Weekly(
            weekdays=tuple(WEEKDAYS.index(day) for day in self.operating_days),
            opening=_opening(self.start_time, self.end_time),
            interval_minutes=self.interval_minutes,
            duration_minutes=self.duration_minutes,
            advance_booking_days=self.advance_booking_days,
            custom_hours_enabled=self.custom_hours_enabled,
            custom_hours=self.custom_hours.settings(),
            custom_dates=tuple(
                weekly.CustomDate(one.date, _opening(one.start_time, one.end_time))
                for one in self.custom_dates
            ),
            blocked_dates=tuple(one.setting() for one in self.blocked_dates),
        )

    @classmethod
    def of(cls, rule: weekly.Weekly) -> WeeklySchedule:
        return cls.model_construct(
            operating_days=tuple(WEEKDAYS[number] for number in rule.weekdays),
            interval_minutes=rule.interval_minutes,
            duration_minutes=rule.duration_minutes,
            start_time=_text(rule.opening.opens),
            end_time=_text(rule.opening.closes),
            advance_booking_days=rule.advance_booking_days,
            custom_hours_enabled=rule.custom_hours_enabled,
            custom_hours=CustomHours.of(rule.custom_hours),
            custom_dates=tuple(
                CustomDate(
                    date=one.date,
                    start_time=_text(one.opening.opens),
                    end_time=_text(one.opening.closes),
                )
                for one in rule.custom_dates
            ),
            blocked_dates=_blocked(rule.blocked_dates),
        )


class TurnTime(SettingsDocument):
    """How long parties of up to so many stay; null: all larger ones."""

    party_up_to: Annotated[int | None, Field(ge=1, le=1000)]
    minutes: Annotated[int, Field(ge=15, le=_DAY)]


def _by_size(turns: tuple[TurnTime, ...]) -> tuple[TurnTime, ...]:
    sizes = [turn.party_up_to for turn in turns]
    if sizes[-1] is not None or None in sizes[:-1]:
        raise ValueError("the last row, and only that, has party_up_to null: all larger parties")
    limits = [size for size in sizes if size is not None]
    if any(larger <= smaller for smaller, larger in pairwise(limits)):
        raise ValueError("party_up_to must rise from row to row")
    return turns


class HoursSchedule(SettingsDocument):
    """Opening hours; a booking chooses its start within a service."""

    kind: Literal["hours"] = "hours"
    weekly: Annotated[Week, AfterValidator(_nights_end)]
    special: Annotated[
        tuple[SpecialDate, ...], Field(max_length=MOST_DATES), AfterValidator(_each_date_once)
    ] = ()
    blocked_dates: BlockedDates = ()
    advance_booking_days: AdvanceDays = 30
    start_interval_minutes: Annotated[int, Field(ge=5, le=240)] = 15
    turn_minutes: Annotated[
        tuple[TurnTime, ...], Field(min_length=1, max_length=20), AfterValidator(_by_size)
    ] = (
        TurnTime(party_up_to=2, minutes=90),
        TurnTime(party_up_to=4, minutes=105),
        TurnTime(party_up_to=8, minutes=120),
        TurnTime(party_up_to=None, minutes=150),
    )
    last_seating_minutes: Annotated[int, Field(ge=0, le=_DAY)] = 30
    must_end_by_close: bool = False
    closing_minute_bookable: bool = False

    def settings(self) -> hours.Hours:
        return hours.Hours(
            weekly=self.weekly.services(),
            special=tuple(
                hours.SpecialDate(
                    one.date, tuple(service.setting() for service in one.services), one.reason
                )
                for one in self.special
            ),
            blocked_dates=tuple(one.setting() for one in self.blocked_dates),
            advance_booking_days=self.advance_booking_days,
            start_interval_minutes=self.start_interval_minutes,
            turn_minutes=tuple(
                hours.TurnTime(turn.party_up_to, turn.minutes) for turn in self.turn_minutes
            ),
            last_seating_minutes=self.last_seating_minutes,
            must_end_by_close=self.must_end_by_close,
            closing_minute_bookable=self.closing_minute_bookable,
        )

    @classmethod
    def of(cls, rule: hours.Hours) -> HoursSchedule:
        return cls.model_construct(
            weekly=Week(
                **{
                    name: tuple(Service.of(service) for service in services)
                    for name, services in zip(WEEKDAYS, rule.weekly, strict=True)
                }
            ),
            special=tuple(
                SpecialDate(
                    date=one.date,
                    services=tuple(Service.of(service) for service in one.services),
                    reason=one.reason,
                )
                for one in rule.special
            ),
            blocked_dates=_blocked(rule.blocked_dates),
            advance_booking_days=rule.advance_booking_days,
            start_interval_minutes=rule.start_interval_minutes,
            turn_minutes=tuple(
                TurnTime(party_up_to=turn.party_up_to, minutes=turn.minutes)
                for turn in rule.turn_minutes
            ),
            last_seating_minutes=rule.last_seating_minutes,
            must_end_by_close=rule.must_end_by_close,
            closing_minute_bookable=rule.closing_minute_bookable,
        )


def _blocked(dates: tuple[schedule.BlockedDate, ...]) -> tuple[BlockedDate, ...]:
    return tuple(BlockedDate(date=one.date, reason=one.reason) for one in dates)


ScheduleDocument = Annotated[
    DatedSchedule | WeeklySchedule | HoursSchedule, Field(discriminator="kind")
]
SCHEDULE_KINDS = ("dated", "weekly", "hours")
WRITERS: dict[type, Callable[[Any], SettingsDocument]] = {
    schedule.Dated: DatedSchedule.of,
    weekly.Weekly: WeeklySchedule.of,
    hours.Hours: HoursSchedule.of,
}
"""How the document of each kind of schedule is made from the settings."""
