"""Join the line for a session that has no place for the group now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published, timers
from booking.domain.booking import Occasion
from booking.domain.catalogue import check_on_sale
from booking.domain.guest import Contact, Name, normal_email
from booking.domain.local_time import Span, zone
from booking.domain.refusals import Fault, InvalidRequest, Unknown
from booking.domain.waiting import Entry, EntryState
from booking.phones import normal_phone
from booking.store import for_hold, waitlist
from chassis.ids import uuid7

if TYPE_CHECKING:
    from datetime import datetime

    from booking.domain.catalogue import Listing, Session
    from booking.shop import Shop
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinWaitlist:
    """Who would come, and how to reach them; ``email`` and ``phone`` as typed.

    ``window``: the first and the last start that would do, where guests choose; None: any.
    """

    session_id: UUID
    party_size: int | None
    quantities: Mapping[str, int]
    name: Name
    email: str
    phone: str | None
    locale: str | None
    minimum_age_attested: bool = False
    window: Span | None = None
    actor: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The group in line, and its place in it."""

    entry: Entry
    position: int


async def join_waitlist(tx: Transaction, command: JoinWaitlist, *, shop: Shop) -> Joined:
    """Put the group at the end of the line, and look at once whether there is a place for it.

    Raises:
        Unknown: there is no such session.
        NotOnSale, SessionClosed, SessionStarted: no booking may be made here.
        InvalidRequest: the offering takes no such party, or the session could never hold it.
        GuestRefused, WaitlistFull, AlreadyWaiting, Busy: see ``waitlist.join``.
    """
    fresh = await for_hold.read(tx, command.session_id, ())
    if fresh is None:
        raise Unknown
    now = await tx.now()
    session = fresh.session
    listing = await shop.listings.at(tx, session.offering_id, fresh.offering_version)
    listing.offering.policy.check_age(attested=command.minimum_age_attested)
    party_size = listing.offering.pricing.party_of(command.party_size, command.quantities)
    until = _last_start(listing, session, command.window, party_size)
    check_on_sale(listing, session, now, until)
    units = await _units(tx, listing, session, party_size)
    phone = command.phone
    if phone is not None:
        phone = normal_phone(phone, listing.organisation.default_country)
    contact = Contact(email=normal_email(command.email), phone=phone)
    entry_id = uuid7(now)
    entry = Entry(
        id=entry_id,
        org_id=session.org_id,
        venue_id=session.venue_id,
        offering_id=session.offering_id,
        session_id=session.id,
        state=EntryState.WAITING,
        version=1,
        party_size=party_size,
        quantities=command.quantities,
        units=units,
        name=command.name,
        sealed_contact=shop.vault.seal(contact, entry_id),
        locale=command.locale or listing.venue.locale,
        earliest=command.window.starts_at if command.window else None,
        latest=command.window.ends_at if command.window else None,
        until=until,
        booking_id=None,
        joined_at=now,
    )
    await waitlist.join(tx, entry, shop.vault.hashes(contact), actor=command.actor)
    timers.wake_waitlists(tx, [session.id], now)
    occasion = Occasion(
        title=session.title,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        timezone=listing.venue.timezone,
        venue_name=listing.venue.name,
        offering_kind=listing.offering.preset.value,
    )
    tx.publish(
        published.waitlisted(entry, occasion, shop.vault.for_bus(entry.name, contact)),
        key=str(entry.id),
        sequence=entry.version,
    )
    return Joined(entry, await waitlist.position(tx, entry))


def _last_start(
    listing: Listing, session: Session, window: Span | None, party_size: int
) -> datetime:
    schedule, tz = listing.offering.schedule, zone(listing.venue.timezone)
    span = schedule.on_sale(Span(session.starts_at, session.ends_at), tz)
    starts = schedule.waited_starts(span, window, party_size)
    return starts[-1] or session.starts_at


async def _units(tx: Transaction, listing: Listing, session: Session, party_size: int) -> int:
    """What the group waits for, if the session could ever give it."""
    inventory = listing.offering.inventory
    units = inventory.waits_for(party_size)
    if session.capacity is not None and units > session.capacity:
        raise InvalidRequest(Fault("party_size", "is more than this session holds"))
    if inventory.to_offer(party_size, await waitlist.tables_of(tx, session.id)) is None:
        raise InvalidRequest(Fault("party_size", "no table of this session is for so many"))
    return units
