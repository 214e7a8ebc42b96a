"""Reschedule: the same booking, at another time, with other people, or at another table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published, timers
from booking.domain.booking import Booking
from booking.domain.floor import Around, without
from booking.domain.holding import LocalStart, Wish, decide, span_of
from booking.domain.making import Making
from booking.domain.money import Money
from booking.domain.moving import (
    Change,
    ChangeState,
    Place,
    check_may_move,
    difference,
    is_there,
    moved,
    place_in,
)
from booking.domain.refusals import AlreadyBooked, Fault, InvalidRequest, PaymentsOff, Unknown
from booking.store import audit, bookings, changes, for_hold, ledger, orders, sessions
from booking.usecases.expire_change import end_change
from booking.usecases.find_codes import codes_of
from booking.usecases.look import look
from booking.usecases.make_way import make_way
from booking.usecases.move import facts_of, move, place_taken
from booking.usecases.take_place import take_place
from chassis.ids import uuid7

if TYPE_CHECKING:
    from booking.domain.catalogue import Listing
    from booking.shop import Shop
    from booking.store.listings import Listings
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Reschedule:
    """What should be different; None leaves it as it is. ``manage_epoch``: None for staff.

    ``resource_ids`` empty: the same tables, where guests choose them.
    """

    booking_id: UUID
    session_id: UUID | None = None
    start: datetime | LocalStart | None = None
    party_size: int | None = None
    quantities: Mapping[str, int] | None = None
    resource_ids: tuple[UUID, ...] = ()
    arrival_time: time | None = None
    actor: str
    reason: str | None = None
    manage_epoch: int | None = None

    @property
    def by_staff(self) -> bool:
        return self.manage_epoch is None


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """The booking as it is now, the change that was made or is pending, and what goes back."""

    booking: Booking
    change: Change
    refund: Money


async def reschedule(tx: Transaction, command: Reschedule, *, shop: Shop) -> Rescheduled:
    """Move the booking at once, or hold the new place until the difference is paid (RSC-03).

    The price is today's, for the same quantities and dishes, with the same codes. The new place is
    taken before the old one is given up, whichever of the two it is.

    Raises:
        Unknown: no such booking or session, or the guest's token was revoked.
        CannotReschedule, ChangePending: see ``check_may_move``.
        InvalidRequest, NotOnSale, SessionClosed, SessionStarted: see ``decide``; staff gave no
            reason; another offering; or the booking is there already.
        CapacityExceeded, ResourceTaken: somebody else has the place; the booking stays.
        AlreadyBooked: each guest has one place there, and this guest has one already.
        PaymentsOff: it costs more, and payments are switched off.
    """
    if command.by_staff and not (command.reason or "").strip():
        raise InvalidRequest(Fault("reason", "staff must give one"))
    booking = await bookings.lock(tx, command.booking_id)
    if booking is None or command.manage_epoch not in (None, booking.manage_epoch):
        raise Unknown
    now = await tx.now()
    booking = await _without_lapsed_change(tx, booking, now)
    check_may_move(booking, now, by_staff=command.by_staff)
    place = await _place(tx, booking, command, shop, now)
    if is_there(booking, place):
        raise InvalidRequest(Fault("session_id", "the booking is there already"))
    if await changes.guest_has_another(tx, booking, place):
        raise AlreadyBooked
    due = difference(booking, place).due
    change = Change(
        id=uuid7(now),
        booking_id=booking.id,
        state=ChangeState.PENDING if due.amount_minor else ChangeState.DONE,
        by_guest=not command.by_staff,
        ledger_version=booking.version + 1,
        due=due,
        expires_at=_hold_ends(booking, place, now) if due.amount_minor else None,
        place=place,
    )
    if not due.amount_minor:
        await changes.add(tx, change, booking, now)
        done = await move(
            tx,
            booking,
            change,
            now,
            vault=shop.vault,
            listings=shop.listings,
            actor=command.actor,
            reason=command.reason,
        )
        refund = Money(done.returned_minor - booking.returned_minor, due.currency)
        return Rescheduled(done, change, refund)
    if not shop.payments_enabled:
        raise PaymentsOff
    return await _hold(tx, booking, change, command, shop=shop)


async def _without_lapsed_change(tx: Transaction, booking: Booking, now: datetime) -> Booking:
    if booking.change_id is None:
        return booking
    change = await changes.read(tx, booking.change_id, booking.id)
    if change is None or not change.has_lapsed(now):
        return booking
    return await end_change(tx, booking, ChangeState.EXPIRED, now, actor="reschedule")


async def _place(
    tx: Transaction, booking: Booking, command: Reschedule, shop: Shop, now: datetime
) -> Place:
    """What a new booking of this guest would be given there, under the same rules as any other."""
    session_id = await _target(tx, booking, command, shop.listings)
    await sessions.lock_all(tx, {booking.session_id, session_id})
    asked = command.resource_ids or booking.claim.resource_ids
    fresh = await for_hold.read(tx, session_id, asked)
    if fresh is None:
        raise Unknown
    offering_id = fresh.session.offering_id
    listing = await shop.listings.at(tx, offering_id, fresh.offering_version)
    if offering_id != booking.offering_id and (
        not command.by_staff or listing.venue.id != booking.venue_id
    ):
        raise InvalidRequest(Fault("session_id", "is a session of another offering"))
    changed_people = command.party_size is not None or command.quantities is not None
    wish = Wish(
        session_id=session_id,
        start=command.start or kept_start(booking, listing, session_id),
        party_size=command.party_size if changed_people else booking.party_size,
        quantities=(command.quantities or {}) if changed_people else booking.quantities,
        resource_ids=command.resource_ids or listing.offering.inventory.kept(booking.claim),
        name=booking.name,
        locale=booking.locale,
        arrival_time=command.arrival_time,
        special_requests=booking.special_requests,
        drinks_package=booking.drinks_package,
        source=booking.source,
        items=tuple(dish.choice for dish in await orders.of_booking(tx, booking)),
        minimum_age_attested=True,  # asked when it was booked
        making=Making(by_staff=command.by_staff, at_venue=booking.is_paid_at_venue),
    )
    span, session, taken = span_of(wish, listing, fresh.session, now), fresh.session, None
    if listing.offering.inventory.assigns_tables:
        # As it will be when the old place is given up. If it has to be held beside that, or the
        # house has changed when it is, the tables are chosen once more.
        seen = await for_hold.read(tx, session_id, (), Around(span))
        if seen is None or seen.taken is None:
            raise Unknown
        session, taken = without(booking, seen.session, seen.taken)
    candidate = decide(
        wish,
        listing,
        session,
        fresh.offered,
        span=span,
        taken=taken,
        booking_id=booking.id,
        reference=booking.reference,
        sealed_contact=booking.sealed_contact,
        payments_enabled=True,
        now=now,
        codes=await codes_of(tx, booking),
    )
    return place_in(candidate, booking)


async def _target(
    tx: Transaction, booking: Booking, command: Reschedule, listings: Listings
) -> UUID:
    """The session to move to: the one named, the one at the wished time, or its own."""
    if command.session_id is not None or command.start is None:
        return command.session_id or booking.session_id
    changed_people = command.party_size is not None or command.quantities is not None
    wish = Wish(
        offering_id=booking.offering_id,
        start=command.start,
        party_size=command.party_size if changed_people else booking.party_size,
        quantities=(command.quantities or {}) if changed_people else booking.quantities,
        resource_ids=(),
        name=booking.name,
        locale=booking.locale,
        arrival_time=None,
        special_requests=None,
        drinks_package=None,
        source=booking.source,
    )
    return (await look(tx, wish, listings)).fresh.session.id


def kept_start(booking: Booking, listing: Listing, session_id: UUID) -> datetime | None:
    """The start of a booking that stays in its session, where guests choose their starts."""
    stays = listing.offering.schedule.starts_are_chosen and session_id == booking.session_id
    return booking.occasion.starts_at if stays else None


async def _hold_beside(
    tx: Transaction, booking: Booking, change: Change, now: datetime, listings: Listings
) -> Place:
    """Hold the change's place beside the booking's own; the place with what is held of it.

    Raises:
        CapacityExceeded, ResourceTaken: somebody else has it.
    """
    place = change.place
    wanted = moved(booking, place, by_guest=change.by_guest)
    if place.claim.assigned:
        beside = replace(wanted, version=booking.version)
        placed = await take_place(tx, beside, now, listings=listings, actor="reschedule")
        if placed is not None:
            return replace(place, claim=placed.claim)
    elif await ledger.hold_beside(tx, booking, place) or (
        await make_way(tx, wanted, now, actor="reschedule")
        and await ledger.hold_beside(tx, booking, place)
    ):
        return place
    raise place_taken(place)


def _hold_ends(booking: Booking, place: Place, now: datetime) -> datetime:
    method = next(iter(place.payment_methods), None)
    starts_at = min(booking.occasion.starts_at, place.occasion.starts_at)
    return place.policy.change_ends(now, method, starts_at)


async def _hold(
    tx: Transaction,
    booking: Booking,
    change: Change,
    command: Reschedule,
    *,
    shop: Shop,
) -> Rescheduled:
    """Hold the new place beside the old one, and ask for the difference."""
    now = await tx.now()
    place = await _hold_beside(tx, booking, change, now, shop.listings)
    change = replace(change, place=place)
    await changes.add(tx, change, booking, now)
    await changes.point_to(tx, booking, change.id)
    held = replace(booking, version=booking.version + 1, change_id=change.id)
    await audit.note(
        tx,
        "booking",
        booking.id,
        "booking.change_held",
        actor=command.actor,
        reason=command.reason,
        at=now,
        before=facts_of(booking),
        after={
            **facts_of(place),
            "change_id": change.id,
            "amount_due": change.due.amount_minor,
            "expires_at": change.expires_at,
        },
    )
    assert change.expires_at is not None  # noqa: S101 - it is pending
    tx.schedule(
        timers.ChangeDue(booking_id=booking.id, change_id=change.id),
        due_at=change.expires_at,
        key=timers.change_key_of(change.id),
    )
    vault = shop.vault
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    tx.publish(
        published.change_held(held, change, change.expires_at, contact),
        key=str(held.id),
        sequence=held.version,
    )
    return Rescheduled(held, change, Money(0, change.due.currency))
