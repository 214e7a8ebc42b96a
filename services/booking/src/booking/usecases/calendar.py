"""An offering's days, as a calendar colours them (AVL-13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from booking.domain.catalogue import ListingStatus
from booking.domain.local_time import moment, zone
from booking.domain.refusals import Fault, InvalidRequest
from booking.domain.schedule import Day, DayState, Span
from booking.store import calendar as stored
from booking.usecases import browse

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction

MOST_DAYS = 92
USUAL_DAYS = 31
_LAST_DATE = date(9999, 12, 1)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A date, what the rules say of it, and how many of its sessions can be booked now."""

    date: date
    rules: Day
    sessions: int


async def calendar(
    tx: Transaction, offering_id: UUID, *, since: date | None, until: date | None
) -> list[CalendarDay]:
    """The days from ``since`` (default: today) to ``until``, both included, at the venue.

    Where sessions are opened by hand, a day is open when it has one that can be booked.

    Raises:
        Unknown: there is no such offering.
        InvalidRequest: ``until`` lies before ``since``, or more than 92 days are asked for.
    """
    offering, venue = await browse.offering(tx, offering_id)
    now, tz = await tx.now(), zone(venue.timezone)
    today = now.astimezone(tz).date()
    first = since or today
    if not date(1970, 1, 2) <= first <= _LAST_DATE:
        raise InvalidRequest(Fault("from", "must be within the years 1970 to 9999"))
    last = until or first + timedelta(days=USUAL_DAYS - 1)
    if last < first:
        raise InvalidRequest(Fault("to", "must not be before from"))
    if (last - first).days >= MOST_DAYS:
        raise InvalidRequest(Fault("to", f"at most {MOST_DAYS} days at a time"))
    dates = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    midnights = [moment(day, time(), tz) for day in [*dates, last + timedelta(days=1)]]
    counts = await stored.with_places(
        tx,
        offering_id,
        [Span(*bounds) for bounds in pairwise(midnights)],
        now,
        during=offering.schedule.starts_are_chosen,
    )
    furthest = offering.schedule.furthest_day()
    end = None if furthest is None else today + timedelta(days=furthest)
    days = []
    archived = ListingStatus.ARCHIVED in (offering.status, venue.status)
    for day, count in zip(dates, counts, strict=True):
        sessions = 0 if archived or (end is not None and day > end) else count
        rules = offering.schedule.day(day)
        if sessions and rules.state is DayState.CLOSED:
            rules = Day(DayState.OPEN)
        days.append(CalendarDay(day, rules, sessions))
    return days
