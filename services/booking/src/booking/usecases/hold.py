"""Hold a place: the guest has it until an exact instant, or for good when nothing is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking import published, timers
from booking.domain.guest import Contact, normal_email
from booking.domain.holding import Wish, decide, dishes_of
from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.money import Money
from booking.domain.reference import new_reference
from booking.domain.refusals import (
    AlreadyBooked,
    Busy,
    CapacityExceeded,
    Full,
    IdempotencyInProgress,
    Refusal,
    ResourceTaken,
    Unknown,
)
from booking.domain.schedule import zone
from booking.domain.waiting import as_offer
from booking.phones import normal_phone
from booking.store import bookings, holding, idempotency, orders, sessions
from booking.store.holding import Outcome
from booking.usecases.expire_change import expire_lapsed_changes
from booking.usecases.find_codes import find_codes, spend
from booking.usecases.look import look
from booking.usecases.make_way import Way, make_way, make_way_for_guest
from chassis.ids import uuid7

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.domain.catalogue import Listing
    from booking.store.contacts import ContactVault
    from booking.store.listings import Listings
    from chassis.db import Transaction

_ATTEMPTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A guest's wish, how to reach them, and what makes the request the same if it comes again.

    ``email`` and ``phone`` as the guest typed them. ``offer``: the guest did not ask just now, but
    was in line for it.
    """

    wish: Wish
    email: str
    phone: str | None
    key: idempotency.Key
    actor: str
    offer: bool = False

    def made(self, booking: Booking, now: datetime) -> Booking:
        """The booking as it is made: at once, or offered."""
        return as_offer(booking, now) if self.offer else booking


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The answer to a hold; stored, so that the same request gets the same answer."""

    booking_id: UUID
    reference: str
    status: Status
    payment_status: PaymentStatus
    total: Money
    due_now: Money
    expires_at: datetime | None
    manage_epoch: int
    manage_expires_at: datetime


async def hold(
    tx: Transaction,
    command: Hold,
    *,
    listings: Listings,
    vault: ContactVault,
    payments_enabled: bool,
) -> Held:
    """Take the place if it is free (HLD-01, INV-01, INV-02), expiring lapsed holds in its way.

    Raises:
        Unknown: there is no such session.
        InvalidRequest, NotOnSale, SessionClosed, SessionStarted, PaymentsOff: see ``span_of`` and
            ``decide``.
        PromoRefused, GiftCardRefused: see ``find_codes``.
        CapacityExceeded, ResourceTaken: somebody else has the place.
        AlreadyBooked, TooManyUnpaid, TooManyByHand, GuestRefused: this guest may not have it.
        IdempotencyKeyReused, IdempotencyInProgress: see the ``Idempotency-Key`` header.
        Busy: the place was locked by others for more than 2 s.
    """
    wish, key = command.wish, command.key
    way = Way()
    for _ in range(_ATTEMPTS):
        try:
            seen = await look(tx, wish, listings)
            now = await tx.now()
            listing, fresh = seen.listing, seen.fresh
            taken = fresh.taken and fresh.taken.but(way.undecided)
            booking_id = uuid7(now)
            contact = _contact(command, listing.organisation.default_country)
            hashes = vault.hashes(contact)
            codes = await find_codes(tx, wish, hashes=hashes, vault=vault, now=now)
            year = now.astimezone(zone(listing.venue.timezone)).year
            booking = decide(
                wish,
                listing,
                fresh.session,
                fresh.offered,
                span=seen.span,
                taken=taken,
                booking_id=booking_id,
                reference=new_reference(listing.organisation.reference_template, year),
                sealed_contact=vault.seal(contact, booking_id),
                payments_enabled=payments_enabled,
                now=now,
                codes=codes,
            )
        except Unknown:
            raise
        except Refusal as refusal:
            # A house is not full of changes whose time is over.
            if isinstance(refusal, Full) and await expire_lapsed_changes(
                tx, listing.venue.id, now, actor="hold"
            ):
                continue
            # The same request may have succeeded before the session closed, filled or started.
            return await _answer_given_before(
                tx, key, await tx.now(), otherwise=way.refusal(refusal)
            )
        if booking.claim.displaces and taken is not None:
            await way.displace(tx, booking, taken, now, actor="hold")
            continue
        booking = command.made(booking, now)
        held = _held_of(booking)
        outcome = await holding.take(
            tx,
            booking,
            session_version=fresh.session.version,
            hashes=hashes,
            key=key,
            answer=_answer_of(held),
            actor=command.actor,
            making=wish.making,
        )
        if outcome is Outcome.BOOKED:
            await _order(tx, booking, wish, listing)
            await spend(tx, codes, booking, hashes=hashes, actor=command.actor)
            await _announce(tx, booking, vault.for_bus(booking.name, contact), command)
            return held
        if outcome is Outcome.ANSWERED_BEFORE:
            return await _answer_given_before(tx, key, now, otherwise=IdempotencyInProgress())
        await holding.undo(tx, booking, key)
        if outcome is Outcome.NO_PLACE:
            await _make_way(tx, booking, fresh.session.version, now)
        elif not await make_way_for_guest(tx, booking, hashes, now, actor="hold"):
            raise AlreadyBooked
    raise Busy


def _contact(command: Hold, country: str) -> Contact:
    phone = None if command.phone is None else normal_phone(command.phone, country)
    return Contact(email=normal_email(command.email), phone=phone)


async def _answer_given_before(
    tx: Transaction, key: idempotency.Key, now: datetime, *, otherwise: Refusal
) -> Held:
    answer = await idempotency.find(tx, key, now)
    if answer is None:
        raise otherwise
    return _held_from(answer)


async def _make_way(tx: Transaction, wanted: Booking, session_version: int, now: datetime) -> None:
    """Expire lapsed holds on the wanted place, or find another reason to try once more.

    There is one when the session was edited since it was read: then the decision is out of date. A
    house that assigns tables looks again, now that nobody else can take any in this session.

    Raises:
        CapacityExceeded, ResourceTaken: there is none; somebody else has the place.
    """
    if wanted.claim.assigned or await make_way(tx, wanted, now, actor="hold"):
        return
    view = await sessions.read(tx, wanted.session_id)
    if view is None or view.session.version == session_version:
        raise ResourceTaken if wanted.claim.resource_ids else CapacityExceeded


async def _order(tx: Transaction, booking: Booking, wish: Wish, listing: Listing) -> None:
    if wish.items:
        dishes = dishes_of(
            wish.items,
            listing,
            party_size=booking.party_size,
            starts_at=booking.occasion.starts_at,
            now=booking.created_at,
        )
        await orders.add(tx, booking, dishes)


async def _announce(tx: Transaction, booking: Booking, contact: str, command: Hold) -> None:
    if booking.expires_at is not None:
        received_by = command.actor if command.wish.making.received else None
        tx.publish(
            published.held(booking, booking.expires_at, contact, received_by=received_by),
            key=str(booking.id),
            sequence=booking.version,
        )
        if command.offer:
            tx.publish(
                published.offered(booking, booking.expires_at, contact),
                key=str(booking.id),
                sequence=booking.version,
            )
        tx.schedule(
            timers.HoldDue(booking_id=booking.id),
            due_at=booking.expires_at,
            key=timers.key_of(booking.id),
        )
        return
    resources = await bookings.resources_of(tx, booking.claim.resource_ids)
    tx.publish(
        published.confirmed(booking, booking.created_at, contact, resources),
        key=str(booking.id),
        sequence=booking.version,
    )


def _held_of(booking: Booking) -> Held:
    return Held(
        booking_id=booking.id,
        reference=booking.reference,
        status=booking.status,
        payment_status=booking.payment_status,
        total=booking.quote.total,
        due_now=booking.quote.due_now,
        expires_at=booking.expires_at,
        manage_epoch=booking.manage_epoch,
        manage_expires_at=booking.occasion.manage_expires_at,
    )


def _answer_of(held: Held) -> dict[str, Any]:
    return {
        "booking_id": held.booking_id,
        "reference": held.reference,
        "status": held.status,
        "payment_status": held.payment_status,
        "currency": held.total.currency,
        "total": held.total.amount_minor,
        "due_now": held.due_now.amount_minor,
        "expires_at": held.expires_at,
        "manage_epoch": held.manage_epoch,
        "manage_expires_at": held.manage_expires_at,
    }


def _held_from(answer: dict[str, Any]) -> Held:
    expires_at = answer["expires_at"]
    return Held(
        booking_id=UUID(answer["booking_id"]),
        reference=answer["reference"],
        status=Status(answer["status"]),
        payment_status=PaymentStatus(answer["payment_status"]),
        total=Money(answer["total"], answer["currency"]),
        due_now=Money(answer["due_now"], answer["currency"]),
        expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
        manage_epoch=answer["manage_epoch"],
        manage_expires_at=datetime.fromisoformat(answer["manage_expires_at"]),
    )
