"""Opening hours: one session for each service, within which each booking has its own start.

Weekly hours, special dates that replace them, blocked dates (HRS-01 to HRS-06). How long a party
stays depends on its size (OPN-01).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, ClassVar

from booking.domain.local_time import moment
from booking.domain.refusals import (
    Closed,
    Fault,
    InThePast,
    InvalidRequest,
    KitchenClosed,
    LastSeating,
    NotAStartTime,
)
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
class TurnTime:
    """How long parties of up to so many stay; None: all larger ones."""

    party_up_to: int | None
    minutes: int


@dataclass(frozen=True, slots=True)
class SpecialDate:
    """Replaces the weekly row of its date completely; without services it is closed."""

    date: date
    services: tuple[Opening, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Seating:
    """A time that the rules allow: the service it belongs to and the booking's own span."""

    service: Span
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours(Schedule):
    """``weekly``: the services of each weekday, Monday first; a day without any is closed.

    Starts lie on a grid of ``start_interval_minutes`` from the opening. The last one is
    ``last_seating_minutes`` before closing; the closing minute itself counts only if
    ``closing_minute_bookable``, and with ``must_end_by_close`` the whole stay must fit (HRS-06).
    """

    weekly: tuple[tuple[Opening, ...], ...]
    special: tuple[SpecialDate, ...] = ()
    blocked_dates: tuple[BlockedDate, ...] = ()
    advance_booking_days: int | None = 30
    start_interval_minutes: int = 15
    turn_minutes: tuple[TurnTime, ...]
    last_seating_minutes: int = 30
    must_end_by_close: bool = False
    closing_minute_bookable: bool = False

    starts_are_chosen: ClassVar[bool] = True

    def day(self, date: date) -> Day:
        """Blocked date, then special date, then the weekly row (HRS-02)."""
        closed = blocked(self.blocked_dates, date)
        if closed is not None:
            return closed
        for special in self.special:
            if special.date == date:
                state = DayState.CUSTOM if special.services else DayState.CLOSED
                return Day(state, special.services, special.reason)
        services = self.weekly[date.weekday()]
        return Day(DayState.OPEN if services else DayState.CLOSED, services)

    def spans(self, date: date, tz: ZoneInfo) -> list[Span]:
        """One session for each service."""
        return openings_of(self, date, tz)

    def makes_sessions(self) -> bool:
        """Always."""
        return True

    def is_ahead(self, session: Span, now: datetime) -> bool:
        """Until it ends: parties come during a service."""
        return session.ends_at > now

    def on_sale(self, session: Span, tz: ZoneInfo) -> Span:
        """The session, but not beyond the closing time of the service it stands for.

        A session keeps its old end for those who have booked late in it; nobody else comes then.
        """
        for service in self.spans(session.starts_at.astimezone(tz).date(), tz):
            if service.starts_at == session.starts_at:
                return Span(session.starts_at, min(session.ends_at, service.ends_at))
        return session

    def furthest_day(self) -> int | None:
        """The setting (SCH-02)."""
        return self.advance_booking_days

    def stay(self, party_size: int) -> timedelta:
        """How long a party has its table (OPN-01)."""
        for turn in self.turn_minutes:
            if turn.party_up_to is None or party_size <= turn.party_up_to:
                return timedelta(minutes=turn.minutes)
        return timedelta(minutes=self.turn_minutes[-1].minutes)

    def starts(self, date: date, party_size: int, tz: ZoneInfo) -> list[Seating]:
        """Every time at which the rules let such a party come in the services of a date."""
        return [
            Seating(service, span)
            for service in self.spans(date, tz)
            for span in self.within(service, party_size)
        ]

    def within(self, session: Span, party_size: int) -> list[Span]:
        """One for each start on the grid, as long as the party stays."""
        interval = timedelta(minutes=self.start_interval_minutes)
        stay = self.stay(party_size)
        spans = []
        starts_at = session.starts_at
        while self._in_service(starts_at, session) and starts_at <= self._last(session, stay):
            spans.append(Span(starts_at, starts_at + stay))
            starts_at += interval
        return spans

    def seating(
        self, date: date, at: time, party_size: int, tz: ZoneInfo, now: datetime
    ) -> Seating:
        """The seating at a local date and time, or the rule that says no (HRS-03 to HRS-05).

        After midnight the date is the new day's, and the service may be the evening's before.

        Raises:
            InThePast, TooFarAhead, Closed, KitchenClosed, NotAStartTime, LastSeating: that rule.
        """
        return self._seating(moment(date, at, tz), party_size, tz, now)

    def _seating(
        self, starts_at: datetime, party_size: int, tz: ZoneInfo, now: datetime
    ) -> Seating:
        date = starts_at.astimezone(tz).date()
        if starts_at <= now:
            raise InThePast(Fault("start_time", "has passed"))
        self.check_advance(now, starts_at, tz, field="date")
        services = self.spans(date - timedelta(days=1), tz) + self.spans(date, tz)
        open_then = [one for one in services if self._in_service(starts_at, one)]
        # Where one service closes as the next opens, the minute is the next one's first.
        for service in reversed(open_then):
            allowed = service is open_then[0] or starts_at <= self._last(
                service, self.stay(party_size)
            )
            if allowed:
                return Seating(service, self._within(service, starts_at, party_size, tz))
        day = self.day(date)
        if not day.openings:
            why = f": {day.reason}" if day.reason else ""
            raise Closed(Fault("date", f"closed on {date.isoformat()}{why}"))
        hours = ", ".join(f"{one.opens:%H:%M} to {one.closes:%H:%M}" for one in day.openings)
        raise KitchenClosed(Fault("start_time", f"the kitchen is closed then; it is open {hours}"))

    def waited_starts(
        self, session: Span, window: Span | None, party_size: int
    ) -> list[datetime | None]:
        """Every start in the window at which the rules let such a party come to the service.

        Raises:
            InvalidRequest: there is none.
        """
        first, last = window or session
        last = min(last, self._last(session, self.stay(party_size)))
        interval = timedelta(minutes=self.start_interval_minutes)
        starts_at, starts = session.starts_at, []
        while starts_at <= last and self._in_service(starts_at, session):
            if starts_at >= first:
                starts.append(starts_at)
            starts_at += interval
        if not starts:
            raise InvalidRequest(Fault("starts_at", "nobody is seated then in this session"))
        return [*starts]

    def check_start(
        self, starts_at: datetime, party_size: int, tz: ZoneInfo, now: datetime
    ) -> None:
        """The rules of ``seating``, for an instant."""
        self._seating(starts_at, party_size, tz, now)

    def booking_span(
        self, session: Span, wanted: datetime | None, party_size: int, tz: ZoneInfo
    ) -> Span:
        """When a booking is: from the start its guests chose, for as long as they stay.

        Raises:
            InvalidRequest: no start was chosen.
            KitchenClosed, NotAStartTime, LastSeating: the rule against that start.
        """
        if wanted is None:
            raise InvalidRequest(Fault("starts_at", "choose a time within the session"))
        session = self.on_sale(session, tz)
        if not self._in_service(wanted, session):
            raise KitchenClosed(Fault("starts_at", "the kitchen is closed then"))
        return self._within(session, wanted, party_size, tz)

    def _in_service(self, starts_at: datetime, service: Span) -> bool:
        if self.closing_minute_bookable and starts_at == service.ends_at:
            return True
        return service.starts_at <= starts_at < service.ends_at

    def _last(self, service: Span, stay: timedelta) -> datetime:
        last = service.ends_at - timedelta(minutes=self.last_seating_minutes)
        return min(last, service.ends_at - stay) if self.must_end_by_close else last

    def _within(self, service: Span, starts_at: datetime, party_size: int, tz: ZoneInfo) -> Span:
        interval = timedelta(minutes=self.start_interval_minutes)
        past = (starts_at - service.starts_at) % interval
        if past:
            earlier, later = starts_at - past, starts_at - past + interval
            near = " or ".join(f"{one.astimezone(tz):%H:%M}" for one in (earlier, later))
            raise NotAStartTime(Fault("start_time", f"tables are given at {near}"))
        stay = self.stay(party_size)
        last = self._last(service, stay)
        if starts_at > last:
            raise LastSeating(
                Fault("start_time", f"the last seating then is at {last.astimezone(tz):%H:%M}")
            )
        return Span(starts_at, starts_at + stay)
