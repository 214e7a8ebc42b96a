"""What rules make of days and sessions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel

from booking.api.views.catalogue import Offering

if TYPE_CHECKING:
    from booking.domain import catalogue
    from booking.usecases.calendar import CalendarDay as FoundDay
    from booking.usecases.keep_in_step import InStep


class ScheduleConflict(BaseModel):
    """A session that stays although the schedule wants it otherwise, and why it stands out."""

    session_id: UUID
    starts_at: dt.datetime
    bookings: int
    reason: str


class _Conflicts(BaseModel):
    schedule_conflicts: list[ScheduleConflict] = []
    schedule_conflicts_total: int = 0


def _conflicts(done: InStep) -> list[ScheduleConflict]:
    return [
        ScheduleConflict(
            session_id=one.session_id,
            starts_at=one.starts_at,
            bookings=one.bookings,
            reason=one.reason.value,
        )
        for one in done.conflicts
    ]


class EditedOffering(Offering, _Conflicts):
    """The offering as it is now, and up to 100 sessions that its schedule now speaks against."""

    @classmethod
    def after(
        cls, offering: catalogue.Offering, venue: catalogue.Venue, done: InStep
    ) -> EditedOffering:
        return cls(
            **Offering.of(offering, venue).model_dump(),
            schedule_conflicts=_conflicts(done),
            schedule_conflicts_total=done.conflicts_total,
        )


class Generated(_Conflicts):
    """How many sessions were made, changed and closed; `through`: the last date that has them."""

    made: int
    changed: int
    closed: int
    through: dt.date | None

    @classmethod
    def of(cls, done: InStep) -> Generated:
        return cls(
            made=done.made,
            changed=done.changed,
            closed=done.closed,
            through=done.through,
            schedule_conflicts=_conflicts(done),
            schedule_conflicts_total=done.conflicts_total,
        )


class OpeningHours(BaseModel):
    """Local times; a closing not after the opening is on the next day."""

    opens: str
    closes: str


class CalendarDay(BaseModel):
    """`state` is open, closed, blocked or custom; `sessions` can be booked now."""

    date: dt.date
    state: str
    reason: str | None
    hours: list[OpeningHours]
    sessions: int

    @classmethod
    def of(cls, found: FoundDay) -> CalendarDay:
        return cls(
            date=found.date,
            state=found.rules.state,
            reason=found.rules.reason,
            hours=[
                OpeningHours(opens=f"{one.opens:%H:%M}", closes=f"{one.closes:%H:%M}")
                for one in found.rules.openings
            ],
            sessions=found.sessions,
        )


class Calendar(BaseModel):
    """Each day from the first to the last asked for."""

    days: list[CalendarDay]
