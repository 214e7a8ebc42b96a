"""Look at the session that a guest wishes for, and at what stands in the way there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from booking.domain.catalogue import Listing
from booking.domain.floor import Around
from booking.domain.holding import party_of, span_of, start_of
from booking.domain.local_time import Span, zone
from booking.domain.refusals import Busy, Fault, InvalidRequest, Refusal, SessionClosed, Unknown
from booking.store import for_hold
from booking.store.for_hold import At, ForHold

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from booking.domain.holding import Wish
    from booking.store.listings import Listings
    from chassis.db import Transaction

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """A session as it is now, and the booking's own span in it."""

    listing: Listing
    fresh: ForHold
    span: Span


async def look(tx: Transaction, wish: Wish, listings: Listings) -> Seen:
    """Find the session and read what a decision needs, in one round trip when nothing has changed.

    What has to be read where tables are assigned depends on how long the party stays, and so on
    the settings: those known to this process are tried first, and read again if they are old.

    Raises:
        Unknown: there is no such session.
        InvalidRequest, SessionClosed: nothing takes place at the wished time.
        NotOnSale, SessionStarted: see ``span_of``.
    """
    listing = await _known(tx, wish, listings)
    around = None if listing is None else _expected(wish, listing)
    for _ in range(_ATTEMPTS):
        target = _target(wish, listing)
        fresh = await for_hold.read(tx, target, wish.resource_ids, around)
        if fresh is None:
            raise await _nothing_then(tx, wish, listing)
        offering_id = fresh.session.offering_id
        listing = await listings.at(tx, offering_id, fresh.offering_version)
        if wish.offering_id not in (None, offering_id):
            raise InvalidRequest(Fault("session_id", "is not a session of this offering"))
        span = span_of(wish, listing, fresh.session, await tx.now())
        needed = _around(span, listing)
        if around == needed or needed is None:
            return Seen(listing, fresh, span)
        around = needed
    raise Busy


async def _known(tx: Transaction, wish: Wish, listings: Listings) -> Listing | None:
    if wish.offering_id is None:
        return None
    return listings.known(wish.offering_id) or await listings.at(tx, wish.offering_id, 0)


def _around(span: Span, listing: Listing) -> Around | None:
    """What has to be known of the floor where the house assigns tables."""
    interval = listing.offering.inventory.pacing_interval
    return None if interval is None else Around(span, interval)


def _expected(wish: Wish, listing: Listing) -> Around | None:
    if not listing.offering.inventory.assigns_tables:
        return None
    try:
        starts_at = start_of(wish, listing)
        stay = listing.offering.schedule.stay(party_of(wish, listing))
    except Refusal:
        return None  # by settings that may be out of date
    if starts_at is None or stay is None:
        return None
    return _around(Span(starts_at, starts_at + stay), listing)


def _target(wish: Wish, listing: Listing | None) -> UUID | At:
    if wish.session_id is not None:
        return wish.session_id
    starts_at: datetime | None = None if listing is None else start_of(wish, listing)
    if wish.offering_id is None or starts_at is None:
        raise InvalidRequest(Fault("session_id", "name a session, or an offering and a time"))
    return At(wish.offering_id, starts_at)


async def _nothing_then(tx: Transaction, wish: Wish, listing: Listing | None) -> Refusal:
    """Why there is no session: by the rules if they have a reason, else it is not on sale."""
    starts_at = None if listing is None else start_of(wish, listing)
    if wish.session_id is not None or listing is None or starts_at is None:
        return Unknown()
    try:
        listing.offering.schedule.check_start(
            starts_at, party_of(wish, listing), zone(listing.venue.timezone), await tx.now()
        )
    except Refusal as reason:
        return reason
    return SessionClosed()
