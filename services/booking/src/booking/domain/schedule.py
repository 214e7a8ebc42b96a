"""When an offering takes place: what every kind of schedule answers.

A schedule has sessions opened by hand, or rules that make them; nothing else needs to know which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from booking.domain.local_time import (
    NoSuchLocalTime,
    Span,
    arrival,
    instant,
    session_span,
    window,
    zone,
)
from booking.domain.refusals import Fault, InvalidRequest, TooFarAhead

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = [
    "FURTHEST_START",
    "HORIZON_DAYS",
    "LONGEST_SESSION",
    "BlockedDate",
    "Dated",
    "Day",
    "DayState",
    "NoSuchLocalTime",
    "Opening",
    "Schedule",
    "Span",
    "arrival",
    "blocked",
    "instant",
    "openings_of",
    "session_span",
    "zone",
]

LONGEST_SESSION = timedelta(hours=48)
FURTHEST_START = timedelta(days=10 * 366)
HORIZON_DAYS = 90
"""How far ahead rules make sessions, at least: at creation and every night alike (SCH-11)."""


class DayState(StrEnum):
    """A day as a calendar colours it (AVL-13). Custom: open, at other hours than usual."""

    OPEN = "open"
    CLOSED = "closed"
    BLOCKED = "blocked"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Opening:
    """From one local time to another; a closing not after the opening is on the next day."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class BlockedDate:
    """A day on which nothing takes place, whatever the other rules say."""

    date: date
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """What the rules say about one date."""

    state: DayState
    openings: tuple[Opening, ...] = ()
    reason: str | None = None


class Schedule:
    """What every schedule answers; as it stands here, for sessions opened by hand."""

    __slots__ = ()

    starts_are_chosen: ClassVar[bool] = False
    """Whether a booking has a start of its own within its session."""

    def day(self, date: date) -> Day:
        """The rules for one date, in their order of precedence (SCH-07, HRS-02)."""
        del date
        return Day(DayState.CLOSED)

    def spans(self, date: date, tz: ZoneInfo) -> list[Span]:
        """The sessions that the rules make on one local date, by start."""
        del date, tz
        return []

    def makes_sessions(self) -> bool:
        """Whether rules make the sessions."""
        return False

    def is_ahead(self, session: Span, now: datetime) -> bool:
        """Whether anybody could still come to a session: before its start, as a rule."""
        return session.starts_at > now

    def on_sale(self, session: Span, tz: ZoneInfo) -> Span:
        """The part of a session in which the rules, as they are now, let bookings start."""
        del tz
        return session

    def furthest_day(self) -> int | None:
        """The last day that may be booked, counted from today = 0; None for no limit (SCH-02)."""
        return None

    def check_advance(
        self, now: datetime, starts_at: datetime, tz: ZoneInfo, *, field: str = "session_id"
    ) -> None:
        """Refuse what starts too many calendar days ahead, by the venue's calendar.

        Raises:
            TooFarAhead: it starts after the last day that may be booked; ``field`` is named.
        """
        days = self.furthest_day()
        if days is None:
            return
        last = now.astimezone(tz).date() + timedelta(days=days)
        if starts_at.astimezone(tz).date() > last:
            raise TooFarAhead(Fault(field, f"may be booked up to {last.isoformat()} now"))

    def waited_starts(
        self, session: Span, window: Span | None, party_size: int
    ) -> list[datetime | None]:
        """The starts that a group in line would come to, soonest first; None: the session's.

        Raises:
            InvalidRequest: it wants to choose, and there is nothing to choose.
        """
        del session, party_size
        if window is not None:
            raise InvalidRequest(Fault("starts_at", "the start of this session is fixed"))
        return [None]

    def booking_span(
        self, session: Span, wanted: datetime | None, party_size: int, tz: ZoneInfo
    ) -> Span:
        """When a booking of a session is: all of the session, where its guests do not choose.

        Raises:
            InvalidRequest: another start than the session's was asked for.
        """
        del party_size, tz
        if wanted is not None and wanted != session.starts_at:
            raise InvalidRequest(Fault("starts_at", "is not the start of the session"))
        return session

    def stay(self, party_size: int) -> timedelta | None:
        """How long a party stays where guests choose their start; None where they do not."""
        del party_size
        return None

    def within(self, session: Span, party_size: int) -> list[Span]:
        """When such a party may come to a session: for all of it, where guests choose no start."""
        del party_size
        return [session]

    def check_start(
        self, starts_at: datetime, party_size: int, tz: ZoneInfo, now: datetime
    ) -> None:
        """Say which rule is the reason that there is no session at a time, if one is.

        Raises:
            InvalidRequest: by the rules, nothing takes place then; the subclass says why.
        """
        del party_size
        self.check_advance(now, starts_at, tz, field="starts_at")

    def horizon(self) -> int:
        """How many days ahead rules make sessions; one more than may be booked after midnight."""
        return max(HORIZON_DAYS, (self.furthest_day() or 0) + 1)


@dataclass(frozen=True, slots=True)
class Dated(Schedule):
    """Sessions are opened one by one, each with its own date: an event, a class."""


def blocked(dates: tuple[BlockedDate, ...], date: date) -> Day | None:
    """The day as blocked, if it is."""
    for one in dates:
        if one.date == date:
            return Day(DayState.BLOCKED, reason=one.reason)
    return None


def openings_of(schedule: Schedule, date: date, tz: ZoneInfo) -> list[Span]:
    """A date's openings as instants, without what still belongs to the day before.

    Hours past midnight may reach into a day with other hours; then the earlier day's count.
    """
    yesterday = date - timedelta(days=1)
    taken_until = max(
        (
            span.ends_at
            for opening in schedule.day(yesterday).openings
            if (span := window(yesterday, opening.opens, opening.closes, tz))
        ),
        default=None,
    )
    openings = []
    for opening in schedule.day(date).openings:
        span = window(date, opening.opens, opening.closes, tz)
        if span is not None and taken_until is not None:
            span = Span(max(span.starts_at, taken_until), span.ends_at)
        if span is not None and span.starts_at < span.ends_at:
            openings.append(span)
    return openings
