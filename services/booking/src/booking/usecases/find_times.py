"""Find free times: all starts of a day for a party, and what is near when the wanted one is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from booking.domain import free_times
from booking.domain.free_times import Alternatives, Start
from booking.domain.inventory import LARGEST_PARTY
from booking.domain.local_time import Span, moment, zone
from booking.domain.periods import midnight
from booking.domain.refusals import Closed, Fault, InvalidRequest, Refusal, SessionClosed
from booking.store import diary

if TYPE_CHECKING:
    from booking.domain.catalogue import Listing
    from booking.domain.free_times import Diary
    from chassis.db import Transaction

DAYS_AFTER = 7
"""How many days after a full one are looked through for another."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wanted time: ``refusal`` None when it is free; else what is near."""

    starts_at: datetime
    refusal: Refusal | None
    alternatives: Alternatives | None


@dataclass(frozen=True, slots=True)
class Times:
    """The starts of a day; ``closed``: the rule by which there are none."""

    starts: list[Start]
    closed: Refusal | None
    wanted: Wanted | None


async def find_times(
    tx: Transaction, listing: Listing, day: date, party_size: int | None, at: time | None
) -> Times:
    """All starts of a local day with the rule against each that is not free (AVL-07, AVL-14).

    One bounded read of the day; another of the next seven days when a wanted time is not free.

    Raises:
        InvalidRequest: the party's size is missing, or is not taken here.
    """
    if party_size is None or not 1 <= party_size <= LARGEST_PARTY:
        raise InvalidRequest(Fault("party_size", "say how many people come"))
    now = await tx.now()
    tz = zone(listing.venue.timezone)
    found = await diary.read(tx, listing.offering, _days(listing, day, 1))
    starts = free_times.starts_on(listing, found, day, party_size, now)
    closed = None if starts else _why_closed(listing, day, now)
    if at is None:
        return Times(starts, closed, None)
    instant = moment(day, at, tz)
    exact = [start for start in starts if start.span.starts_at == instant]
    refusal = exact[0].refusal if exact else _why_none(listing, day, at, party_size, now)
    if refusal is None:
        return Times(starts, closed, Wanted(instant, None, None))
    following = await diary.read(
        tx, listing.offering, _days(listing, day + timedelta(days=1), DAYS_AFTER)
    )
    others = _on_other_days(listing, following, day, at, party_size, now)
    return Times(starts, closed, Wanted(instant, refusal, free_times.near(instant, starts, others)))


def _days(listing: Listing, first: date, count: int) -> Span:
    tz = zone(listing.venue.timezone)
    return Span(midnight(first, tz), midnight(first + timedelta(days=count), tz))


def _why_closed(listing: Listing, day: date, now: datetime) -> Refusal:
    """Which rule says that nobody comes on a day; if none does, nothing is on sale then."""
    schedule, tz = listing.offering.schedule, zone(listing.venue.timezone)
    try:
        schedule.check_advance(now, midnight(day, tz), tz, field="date")
    except Refusal as refusal:
        return refusal
    rules = schedule.day(day)
    if not rules.openings:
        why = f": {rules.reason}" if rules.reason else ""
        return Closed(Fault("date", f"closed on {day.isoformat()}{why}"))
    return SessionClosed()


def _why_none(listing: Listing, day: date, at: time, party_size: int, now: datetime) -> Refusal:
    """Which rule says that nobody comes then; if none does, it is not on sale."""
    tz = zone(listing.venue.timezone)
    try:
        listing.offering.schedule.check_start(moment(day, at, tz), party_size, tz, now)
    except Refusal as refusal:
        return refusal
    return SessionClosed()


def _on_other_days(  # noqa: PLR0917 - all of it decides
    listing: Listing, following: Diary, day: date, at: time, party_size: int, now: datetime
) -> list[Start]:
    tz = zone(listing.venue.timezone)
    found = []
    for ahead in range(1, DAYS_AFTER + 1):
        other = day + timedelta(days=ahead)
        starts = free_times.starts_on(listing, following, other, party_size, now)
        if (best := free_times.nearest(starts, moment(other, at, tz))) is not None:
            found.append(best)
        if len(found) == free_times.MOST_ALTERNATIVES:
            break
    return found
