"""What is left of an offering on one local day."""

from dataclasses import dataclass
from datetime import date, time
from functools import singledispatch
from typing import Any
from uuid import UUID

from booking.domain import periods
from booking.domain.catalogue import Listing
from booking.domain.free_times import Start, reason_of
from booking.domain.inventory import Inventory, Seated
from booking.domain.refusals import Fault, InvalidRequest, Refusal
from booking.domain.schedule import FURTHEST_START, zone
from booking.store import availability
from booking.store.listings import Listings
from booking.usecases.find_times import Times, find_times
from chassis.db import Transaction


@dataclass(frozen=True, slots=True)
class Day:
    """A day at an offering's venue, for a party of so many at a time, where the caller said so."""

    listing: Listing
    date: date
    span: periods.Span
    party_size: int | None = None
    at: time | None = None


Left = dict[str, Any]
"""What is left, ready to be shown: at least ``sessions``."""


async def day_availability(
    tx: Transaction,
    offering_id: UUID,
    day: date,
    party_size: int | None = None,
    at: time | None = None,
    *,
    listings: Listings,
) -> Left:
    """What is left of each session that begins on that day at the venue (AVL-06, AVL-07).

    Where guests choose their start: every start of the day, and what is near if ``at`` is not free.

    Raises:
        Unknown: there is no such offering.
        InvalidRequest: the day is out of reach, or the party's size is missing where it matters.
    """
    listing = await listings.current(tx, offering_id)
    offering, venue = listing.offering, listing.venue
    now = await tx.now()
    tz = zone(venue.timezone)
    if not abs(day - now.astimezone(tz).date()) <= FURTHEST_START:
        raise InvalidRequest(Fault("date", "is out of reach"))
    asked = Day(listing, day, periods.days(day, 1, tz), party_size, at)
    return {
        "offering_id": str(offering.id),
        "date": day,
        "timezone": venue.timezone,
        **await left(offering.inventory, tx, asked),
    }


@singledispatch
async def left(inventory: Inventory, tx: Transaction, day: Day) -> Left:
    """What an inventory has left on a day; kinds that sell parts of sessions register theirs."""
    del inventory
    found = await availability.of_day(tx, day.listing.offering.id, day.span.since, day.span.until)
    return {"sessions": found}


@left.register
async def _(inventory: Seated, tx: Transaction, day: Day) -> Left:
    del inventory
    times = await find_times(tx, day.listing, day.date, day.party_size, day.at)
    return {"sessions": [], "party_size": day.party_size, **_times(times, day.listing)}


def _times(times: Times, listing: Listing) -> Left:
    tz = zone(listing.venue.timezone)

    def shown(start: Start) -> dict[str, Any]:
        local = start.span.starts_at.astimezone(tz)
        return {
            "session_id": str(start.session_id),
            "date": local.date(),
            "time": f"{local:%H:%M}",
            "starts_at": start.span.starts_at,
            "ends_at": start.span.ends_at,
            "available": start.free,
            "reason": start.reason,
        }

    found: Left = {
        "starts": [shown(start) for start in times.starts],
        "closed": None if times.closed is None else _told(times.closed),
    }
    if (wanted := times.wanted) is None:
        return found
    near = wanted.alternatives
    found["wanted"] = {
        "starts_at": wanted.starts_at,
        "available": wanted.refusal is None,
        **(_told(wanted.refusal) if wanted.refusal else {"reason": None, "message": None}),
        "before": [shown(start) for start in near.before] if near else [],
        "after": [shown(start) for start in near.after] if near else [],
        "other_days": [shown(start) for start in near.other_days] if near else [],
    }
    return found


def _told(refusal: Refusal) -> dict[str, str]:
    return {"reason": reason_of(refusal), "message": str(refusal)}
