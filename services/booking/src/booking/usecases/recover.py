"""What staff do about a booking that was paid but got no place (FBK-03, FBK-04)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published
from booking.domain.lifecycle import Verb, after
from booking.domain.recovery import RefundState
from booking.domain.refusals import (
    AlreadyBooked,
    CannotRecover,
    CapacityExceeded,
    CodeGone,
    RefundUnderWay,
    ResourceTaken,
    SessionStarted,
    Unknown,
)
from booking.store import audit, bookings, failures
from booking.usecases.make_way import make_way_for_guest
from booking.usecases.take_codes_again import use_again
from booking.usecases.take_place import take_place

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.store.contacts import ContactVault
    from booking.store.failures import Failure
    from booking.store.listings import Listings
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover:
    """Who does it, and why."""

    booking_id: UUID
    actor: str
    reason: str | None = None


async def failed_bookings(tx: Transaction, *, after: UUID | None, limit: int) -> list[Failure]:
    """Paid bookings without a place, the newest first."""
    return await failures.page(tx, after, limit)


async def retry_refund(tx: Transaction, command: Recover) -> None:
    """Ask for the refund once more; payments makes it only if all earlier ones failed.

    Raises:
        Unknown: there is no such booking.
        CannotRecover: it has a place, or its refund did not fail.
    """
    booking, failure = await _lock(tx, command.booking_id)
    if failure.refund_state is not RefundState.FAILED or failure.payment_id is None:
        raise CannotRecover
    await audit.note(
        tx,
        "booking",
        booking.id,
        failures.REFUND_RETRIED,
        actor=command.actor,
        at=await tx.now(),
        reason=command.reason,
        after={"payment_id": str(failure.payment_id)},
    )
    tx.publish(
        published.refund_due(
            booking,
            failure.payment_id,
            booking.paid - booking.refunded,
            "unfulfillable",
            retry=True,
        ),
        key=str(booking.id),
        sequence=booking.version,
    )


async def rebook(
    tx: Transaction, command: Recover, *, vault: ContactVault, listings: Listings
) -> Booking:
    """Give the guest the place after all, if it is free and all of the money is still here.

    The refund of such a booking is asked for at once, so it must have failed first: else the guest
    would have the place and the money.

    Raises:
        Unknown: there is no such booking.
        CannotRecover: it has a place, or money went back already.
        RefundUnderWay: the refund may still succeed.
        SessionStarted: it is too late.
        CapacityExceeded, ResourceTaken: the place is not free.
        CodeGone: the promo code or the gift card of its price is not to be had any more.
        AlreadyBooked: each guest has one place there, and this guest has another by now.
    """
    booking, failure = await _lock(tx, command.booking_id)
    now = await tx.now()
    if failure.refunded.amount_minor > 0:
        raise CannotRecover
    if failure.refund_state is not RefundState.FAILED:
        raise RefundUnderWay
    if now >= booking.occasion.starts_at:
        raise SessionStarted
    hashes = vault.hashes(vault.open(booking.sealed_contact, booking.id))
    if not await make_way_for_guest(tx, booking, hashes, now, actor="recovery"):
        raise AlreadyBooked
    if not await use_again(tx, booking, actor=command.actor):
        raise CodeGone
    placed = await take_place(tx, booking, now, listings=listings, actor="recovery")
    if placed is None:
        raise ResourceTaken if booking.claim.resource_ids else CapacityExceeded
    confirmed = replace(
        placed,
        status=after(Verb.REBOOK, booking.status),
        version=booking.version + 1,
        confirmed_at=now,
    )
    await bookings.save(
        tx, booking, confirmed, "booking.rebooked", actor=command.actor, reason=command.reason
    )
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    resources = await bookings.resources_of(tx, confirmed.claim.resource_ids)
    tx.publish(
        published.confirmed(confirmed, now, contact, resources),
        key=str(confirmed.id),
        sequence=confirmed.version,
    )
    return confirmed


async def _lock(tx: Transaction, booking_id: UUID) -> tuple[Booking, Failure]:
    booking = await bookings.lock(tx, booking_id)
    if booking is None:
        raise Unknown
    failure = await failures.of(tx, booking_id)
    if failure is None:
        raise CannotRecover
    return booking, failure
