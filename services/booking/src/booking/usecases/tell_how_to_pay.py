"""Tell the guest where to send what they pay by hand (PAY-32, PAY-34)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking import published
from booking.domain.transfers import purpose_of
from booking.store import bookings, changes

if TYPE_CHECKING:
    from booking.domain.transfers import Transfer
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction


async def tell_how_to_pay(tx: Transaction, transfer: Transfer, *, vault: ContactVault) -> None:
    """Tell it with the deadline, if there is still time: nobody is asked for money in vain."""
    booking = await bookings.lock(tx, transfer.booking_id)
    if booking is None:
        return
    change = None
    if transfer.change_id is not None:
        if booking.change_id != transfer.change_id:
            return
        change = await changes.read(tx, transfer.change_id, booking.id)
    purpose = purpose_of(booking, change, await tx.now())
    if purpose is None:
        return
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    tx.publish(
        published.transfer_awaited(booking, transfer, purpose, contact),
        key=str(booking.id),
        sequence=booking.version,
    )
