"""What became of a visit stands: charge the fee of a no-show, or let the saved card go (OPN-06)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking import published, timers
from booking.domain.guarantee import Next, fee_of, looks_at, next_of
from booking.domain.lifecycle import OCCUPYING
from booking.store import audit, bookings, no_show_fees

if TYPE_CHECKING:
    from uuid import UUID

    from booking.domain.booking import Booking
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction


def watch_guarantee(tx: Transaction, booking: Booking) -> None:
    """Set the timer of a booking's guarantee, if it has one, to what its state says."""
    if booking.policy.no_show is not None:
        tx.schedule(
            timers.GuaranteeDue(booking_id=booking.id),
            due_at=looks_at(booking),
            key=timers.guarantee_key_of(booking.id),
        )


def release_card(tx: Transaction, booking: Booking) -> None:
    """Tell that nothing will be charged to the saved card any more."""
    tx.publish(published.guarantee_released(booking), key=str(booking.id), sequence=booking.version)


async def settle_guarantee(tx: Transaction, booking_id: UUID, *, vault: ContactVault) -> None:
    """The guarantee's timer rang: its booking's state decides.

    A no-show is charged only now, when staff can no longer take it back, and once.
    """
    booking = await bookings.lock(tx, booking_id)
    if booking is None or booking.policy.no_show is None or booking.status not in OCCUPYING:
        return
    now = await tx.now()
    match next_of(booking, now):
        case Next.CHARGE:
            await _charge(tx, booking, vault)
        case Next.RELEASE:
            release_card(tx, booking)
        case _:
            watch_guarantee(tx, booking)


async def _charge(tx: Transaction, booking: Booking, vault: ContactVault) -> None:
    now = await tx.now()
    fee = fee_of(booking, now)
    if fee is None or not await no_show_fees.add(tx, booking.id, fee, now):
        return
    await audit.note(
        tx,
        "booking",
        booking.id,
        "booking.no_show_fee_due",
        actor="timer",
        at=now,
        after={"fee": fee.amount.amount_minor, "currency": fee.amount.currency},
    )
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    tx.publish(
        published.no_show_fee_due(booking, fee, contact),
        key=str(booking.id),
        sequence=booking.version,
    )
