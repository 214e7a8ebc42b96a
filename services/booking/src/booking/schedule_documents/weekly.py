"""The document of a weekly rule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from booking.domain import weekly
from booking.domain.schedule import HORIZON_DAYS
from booking.schedule_documents.parts import (
    DAY,
    MOST_DATES,
    WEEKDAYS,
    AdvanceDays,
    BlockedDates,
    LocalTime,
    OnDate,
    Weekday,
    blocked_documents,
    each_date_once,
    minutes_of,
    opening,
    text_of,
)
from booking.settings_document import SettingsDocument

MOST_SESSIONS = 30_000
"""How many sessions a rule may make, which takes a few seconds."""


class CustomDay(SettingsDocument):
    """Other hours on one weekday."""

    enabled: bool = True
    start_time: LocalTime
    end_time: LocalTime


class CustomDate(OnDate):
    """Other hours on one date."""

    start_time: LocalTime
    end_time: LocalTime


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
            weekly.CustomWeekday(number, day.enabled, opening(day.start_time, day.end_time))
            for number, name in enumerate(WEEKDAYS)
            if isinstance(day := getattr(self, name), CustomDay)
        )

    @classmethod
    def of(cls, customs: tuple[weekly.CustomWeekday, ...]) -> CustomHours:
        return cls(
            **{
                WEEKDAYS[custom.weekday]: CustomDay(
                    enabled=custom.enabled,
                    start_time=text_of(custom.opening.opens),
                    end_time=text_of(custom.opening.closes),
                )
                for custom in customs
            }
        )


class WeeklySchedule(SettingsDocument):
    """Sessions at an interval, on some weekdays between two times."""

    kind: Literal["weekly"] = "weekly"
    operating_days: Annotated[tuple[Weekday, ...], Field(max_length=7)]
    interval_minutes: Annotated[int, Field(ge=5, le=DAY)]
    duration_minutes: Annotated[int | None, Field(ge=5, le=DAY)] = None
    start_time: LocalTime
    end_time: LocalTime
    custom_hours_enabled: bool = False
    custom_hours: CustomHours = CustomHours()
    custom_dates: Annotated[
        tuple[CustomDate, ...], Field(max_length=MOST_DATES), AfterValidator(each_date_once)
    ] = ()
    blocked_dates: BlockedDates = ()
    advance_booking_days: AdvanceDays = 30

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
        opens, closes = minutes_of(opening(start_time, end_time))
        lasts = info.data.get("duration_minutes") or interval
        if closes - opens < lasts:
            raise ValueError(f"leaves no room for a session of {lasts} minutes")
        return end_time

    @field_validator("advance_booking_days")
    @classmethod
    def _not_too_many(cls, days: int | None, info: ValidationInfo) -> int | None:
        start_time, end_time = info.data.get("start_time"), info.data.get("end_time")
        interval = info.data.get("interval_minutes")
        if days is None or interval is None or start_time is None or end_time is None:
            return days
        hours = [opening(start_time, end_time)]
        hours += [
            custom.opening for custom in info.data.get("custom_hours", CustomHours()).settings()
        ]
        hours += [opening(d.start_time, d.end_time) for d in info.data.get("custom_dates", ())]
        longest = max(closes - opens for opens, closes in map(minutes_of, hours))
        most = MOST_SESSIONS // (longest // interval + 1)
        if days > max(most, HORIZON_DAYS):
            raise ValueError(f"at most {most}, with a session every {interval} minutes")
        return days

    def settings(self) -> weekly.Weekly:
        return weekly.Weekly(
            weekdays=tuple(WEEKDAYS.index(day) for day in self.operating_days),
            opening=opening(self.start_time, self.end_time),
            interval_minutes=self.interval_minutes,
            duration_minutes=self.duration_minutes,
            advance_booking_days=self.advance_booking_days,
            custom_hours_enabled=self.custom_hours_enabled,
            custom_hours=self.custom_hours.settings(),
            custom_dates=tuple(
                weekly.CustomDate(one.date, opening(one.start_time, one.end_time))
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
            start_time=text_of(rule.opening.opens),
            end_time=text_of(rule.opening.closes),
            advance_booking_days=rule.advance_booking_days,
            custom_hours_enabled=rule.custom_hours_enabled,
            custom_hours=CustomHours.of(rule.custom_hours),
            custom_dates=tuple(
                CustomDate(
                    date=one.date,
                    start_time=text_of(one.opening.opens),
                    end_time=text_of(one.opening.closes),
                )
                for one in rule.custom_dates
            ),
            blocked_dates=blocked_documents(rule.blocked_dates),
        )
