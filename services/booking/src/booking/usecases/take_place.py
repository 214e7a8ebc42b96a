"""Take a place for a booking that exists: late money, another time, a place once more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from booking.domain.floor import Around, Floor
from booking.domain.local_time import Span
from booking.domain.refusals import Busy, Refusal, Unknown
from booking.store import for_hold, ledger, upcoming
from booking.usecases.expire_change import expire_lapsed_changes
from booking.usecases.make_way import Way, make_way

if TYPE_CHECKING:
    from datetime import datetime

    from booking.domain.booking import Booking
    from booking.domain.inventory import Inventory
    from booking.store.listings import Listings
    from chassis.db import Transaction

_ATTEMPTS = 8


async def take_place(
    tx: Transaction, wanted: Booking, now: datetime, *, listings: Listings, actor: str
) -> Booking | None:
    """Take the place that ``wanted`` describes by its session, times, party and claim.

    It is taken beside what the booking has, under the version after ``wanted.version``; the old
    place is freed first if the new one may overlap it. Lapsed holds make way. Where the house
    assigns tables it does so anew: the booking may come back with others than it went with.

    Returns:
        The booking with what it has now, or None, with nothing written, if its place is not free.

    Raises:
        Busy: whether it is free is being decided by others right now.
    """
    if not await upcoming.still_offered(tx, wanted.session_id, ()):
        return None
    way = Way()
    for _ in range(_ATTEMPTS):
        floor, inventory = await _look(tx, wanted, listings, way)
        try:
            claim = inventory.again(wanted.claim, wanted.party_size, floor)
        except Refusal as refusal:
            if isinstance(way.refusal(refusal), Busy):
                raise Busy from refusal
            if not await expire_lapsed_changes(tx, wanted.venue_id, now, actor=actor):
                break
            continue
        if claim.displaces:
            claiming = replace(wanted, claim=claim)
            await way.displace(tx, claiming, floor.taken, now, actor=actor)
        elif await ledger.take(tx, wanted, claim):
            return replace(wanted, claim=claim)
        elif not claim.assigned and not await make_way(tx, wanted, now, actor=actor):
            break
    return None


async def _look(
    tx: Transaction, wanted: Booking, listings: Listings, way: Way
) -> tuple[Floor, Inventory]:
    span = Span(wanted.occasion.starts_at, wanted.occasion.ends_at)
    fresh = await for_hold.read(tx, wanted.session_id, (), Around(span))
    if fresh is None or fresh.taken is None:
        raise Unknown
    listing = await listings.at(tx, fresh.session.offering_id, fresh.offering_version)
    floor = Floor(fresh.session, listing.tables, fresh.taken.but(way.undecided))
    return floor, listing.offering.inventory
