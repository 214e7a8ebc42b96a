"""Accept an offer for which nothing is due: one that costs something is taken by paying."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published, timers
from booking.domain.lifecycle import Status, Verb, after
from booking.domain.refusals import Unknown
from booking.domain.waiting import SOURCE, check_acceptable
from booking.store import bookings

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """``manage_epoch``: of the guest's token; None for staff."""

    booking_id: UUID
    actor: str
    manage_epoch: int | None = None


async def accept(tx: Transaction, command: Accept, *, vault: ContactVault) -> Booking:
    """Confirm the offer (HLD-01: exact to the instant). Again changes nothing.

    Raises:
        Unknown: there is no such booking, or the guest's token was revoked.
        OfferEnded: its time is over. CannotAccept: it is no offer, or something is due.
    """
    booking = await bookings.lock(tx, command.booking_id)
    if booking is None or command.manage_epoch not in (None, booking.manage_epoch):
        raise Unknown
    if booking.status is Status.CONFIRMED and booking.source == SOURCE:
        return booking
    now = await tx.now()
    check_acceptable(booking, now)
    confirmed = replace(
        booking,
        status=after(Verb.CONFIRM, booking.status),
        version=booking.version + 1,
        confirmed_at=now,
    )
    await bookings.save(tx, booking, confirmed, "booking.accepted", actor=command.actor)
    tx.unschedule(timers.key_of(booking.id))
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    resources = await bookings.resources_of(tx, booking.claim.resource_ids)
    tx.publish(
        published.confirmed(confirmed, now, contact, resources),
        key=str(confirmed.id),
        sequence=confirmed.version,
    )
    return confirmed
