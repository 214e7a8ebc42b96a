"""Offer what is free to those in line: first come, first served, skipping whom it does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from booking import timers
from booking.domain.catalogue import Listing, Session
from booking.domain.holding import Wish
from booking.domain.inventory import Seats
from booking.domain.local_time import Span, zone
from booking.domain.refusals import (
    AlreadyBooked,
    Busy,
    Full,
    GuestRefused,
    NoTableFree,
    NotOnSale,
    PaymentsOff,
    Refusal,
    SessionClosed,
    SessionStarted,
    Unknown,
)
from booking.domain.waiting import SOURCE, EntryState
from booking.store import for_hold, waitlist
from booking.store.idempotency import Key
from booking.usecases.hold import Held, Hold, hold

if TYPE_CHECKING:
    from booking.domain.waiting import Entry
    from booking.shop import Shop
    from chassis.db import Transaction

ACTOR = "waitlist"
LOOK_AGAIN_AFTER = timedelta(minutes=5)
"""Whatever is freed wakes the line; this is for what nobody could foresee."""

_FIRST = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))

# Nobody in line can be offered anything as long as this is so.
_NOT_NOW = (SessionClosed, SessionStarted, NotOnSale, PaymentsOff, Busy)
# This guest will not be taken: they are out.
_NEVER = (GuestRefused, AlreadyBooked)


async def offer_places(tx: Transaction, session_id: UUID, *, shop: Shop) -> None:
    """Make every offer that can be made now, each a hold like any other (HLD-01).

    One look at a session's line at a time. A group that does not fit into what is free keeps its
    place in the line. Whoever books in the moment between a place being freed and this look is
    ahead of the line, and from the offer on nobody is.
    """
    await waitlist.look_alone(tx, session_id)
    now = await tx.now()
    await waitlist.end(tx, session_id, now)
    room = await _room(tx, session_id, shop)
    free, last = room.free, _FIRST
    while (entry := await waitlist.next_in_line(tx, session_id, now, last)) is not None:
        last = (entry.joined_at, entry.id)
        tables = room.listing.offering.inventory.to_offer(entry.party_size, free)
        if tables is None:
            continue
        try:
            await _offer(tx, entry, tables, room, shop)
        except _NOT_NOW:
            break
        except _NEVER as refusal:
            await waitlist.step(tx, entry, EntryState.REMOVED, actor=ACTOR, reason=refusal.code)
        except Refusal:
            continue
        else:
            free = {one: seats for one, seats in free.items() if one not in tables}
    await _look_again(tx, session_id, now)


@dataclass(frozen=True, slots=True)
class _Room:
    """A session, what it is sold by, and those of its tables that nobody has."""

    session: Session
    listing: Listing
    free: dict[UUID, Seats]


async def _room(tx: Transaction, session_id: UUID, shop: Shop) -> _Room:
    fresh = await for_hold.read(tx, session_id, ())
    if fresh is None:
        raise Unknown
    listing = await shop.listings.at(tx, fresh.session.offering_id, fresh.offering_version)
    return _Room(fresh.session, listing, await waitlist.free_tables(tx, session_id))


async def _offer(
    tx: Transaction, entry: Entry, tables: tuple[UUID, ...], room: _Room, shop: Shop
) -> None:
    """Hold a place for a group, at the first start that it would come to.

    Raises:
        Refusal: it cannot have one now, and nothing was written that matters; see ``hold``.
    """
    now = await tx.now()
    window = None
    if entry.earliest is not None and entry.latest is not None:
        window = Span(entry.earliest, entry.latest)
    schedule, tz = room.listing.offering.schedule, zone(room.listing.venue.timezone)
    session = schedule.on_sale(Span(room.session.starts_at, room.session.ends_at), tz)
    starts = schedule.waited_starts(session, window, entry.party_size)
    full: Full = NoTableFree()
    for start in starts:
        if start is not None and start <= now:
            continue
        try:
            held = await _hold(tx, entry, start, tables, shop)
        except Full as refusal:
            full = refusal
            continue
        await waitlist.step(tx, entry, EntryState.OFFERED, actor=ACTOR, booking_id=held.booking_id)
        return
    raise full


async def _hold(
    tx: Transaction,
    entry: Entry,
    start: datetime | None,
    tables: tuple[UUID, ...],
    shop: Shop,
) -> Held:
    contact = shop.vault.open(entry.sealed_contact, entry.id)
    wish = Wish(
        session_id=entry.session_id,
        start=start,
        party_size=entry.party_size,
        quantities=entry.quantities,
        resource_ids=tables,
        name=entry.name,
        locale=entry.locale,
        arrival_time=None,
        special_requests=None,
        drinks_package=None,
        source=SOURCE,
        minimum_age_attested=True,  # asked when the group joined
    )
    return await hold(
        tx,
        Hold(
            wish=wish,
            email=contact.email,
            phone=contact.phone,
            key=Key(ACTOR, "offer", f"{entry.id}:{entry.version}", entry.id.bytes),
            actor=ACTOR,
            offer=True,
        ),
        listings=shop.listings,
        vault=shop.vault,
        payments_enabled=shop.payments_enabled,
    )


async def _look_again(tx: Transaction, session_id: UUID, now: datetime) -> None:
    ends = await waitlist.next_end(tx, session_id)
    if ends is not None:
        tx.schedule(
            timers.WaitlistDue(session_id=session_id),
            due_at=min(ends, now + LOOK_AGAIN_AFTER),
            key=timers.waitlist_again_key_of(session_id),
        )
