"""The document of opening hours."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from booking.domain import hours, schedule
from booking.schedule_documents.parts import (
    DAY,
    MOST_DATES,
    WEEKDAYS,
    AdvanceDays,
    BlockedDates,
    LocalTime,
    OnDate,
    Reason,
    blocked_documents,
    each_date_once,
    minutes_of,
    opening,
    text_of,
)
from booking.settings_document import SettingsDocument

MOST_SERVICES = 6


class Service(SettingsDocument):
    """Open from one time to another; a closing not after the opening is after midnight."""

    opens: LocalTime
    closes: LocalTime

    def setting(self) -> schedule.Opening:
        return opening(self.opens, self.closes)

    @classmethod
    def of(cls, opening: schedule.Opening) -> Service:
        return cls(opens=text_of(opening.opens), closes=text_of(opening.closes))


def _apart(services: tuple[Service, ...]) -> tuple[Service, ...]:
    spans = sorted(minutes_of(service.setting()) for service in services)
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise ValueError("two services overlap")
    return tuple(sorted(services, key=lambda service: service.opens))


Services = Annotated[tuple[Service, ...], Field(max_length=MOST_SERVICES), AfterValidator(_apart)]


class SpecialDate(OnDate):
    """Replaces the weekly row of its date; no services: closed."""

    services: Services
    reason: Reason | None = None


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
        latest = max((minutes_of(service)[1] for service in today), default=0)
        first = min((minutes_of(service)[0] for service in tomorrow), default=DAY)
        if latest > first + DAY:
            raise ValueError(f"{WEEKDAYS[number]} runs into the day after it")
    return week


class TurnTime(SettingsDocument):
    """How long parties of up to so many stay; null: all larger ones."""

    party_up_to: Annotated[int | None, Field(ge=1, le=1000)]
    minutes: Annotated[int, Field(ge=15, le=DAY)]


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
        tuple[SpecialDate, ...], Field(max_length=MOST_DATES), AfterValidator(each_date_once)
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
    last_seating_minutes: Annotated[int, Field(ge=0, le=DAY)] = 30
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
            blocked_dates=blocked_documents(rule.blocked_dates),
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
