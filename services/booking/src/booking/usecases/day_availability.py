"""What is left of an offering on one local day."""

from dataclasses import dataclass
from datetime import date
from functools import singledispatch
from typing import Any
from uuid import UUID

from booking.domain import periods
from booking.domain.catalogue import Offering, Venue
from booking.domain.inventory import Inventory
from booking.domain.refusals import Fault, InvalidRequest
from booking.domain.schedule import FURTHEST_START, zone
from booking.store import availability
from booking.usecases import browse
from chassis.db import Transaction


@dataclass(frozen=True, slots=True)
class Day:
    """A day at an offering's venue, for a party of so many where the caller said so."""

    offering: Offering
    venue: Venue
    date: date
    span: periods.Span
    party_size: int | None = None


Left = dict[str, Any]
"""What is left, ready to be shown: at least ``sessions``."""


async def day_availability(
    tx: Transaction, offering_id: UUID, day: date, party_size: int | None = None
) -> Left:
    """What is left of each session that begins on that day at the venue (AVL-06, AVL-07).

    Raises:
        Unknown: there is no such offering.
        InvalidRequest: the day is out of reach.
    """
    offering, venue = await browse.offering(tx, offering_id)
    now = await tx.now()
    tz = zone(venue.timezone)
    if not abs(day - now.astimezone(tz).date()) <= FURTHEST_START:
        raise InvalidRequest(Fault("date", "is out of reach"))
    asked = Day(offering, venue, day, periods.days(day, 1, tz), party_size)
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
    found = await availability.of_day(tx, day.offering.id, day.span.since, day.span.until)
    return {"sessions": found}
