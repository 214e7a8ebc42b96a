"""Revoke every link to a booking that was given out so far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published
from booking.domain.refusals import Unknown
from booking.store import bookings, details

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeLinks:
    """Which booking's links, and why."""

    booking_id: UUID
    actor: str
    reason: str | None = None


async def revoke_links(tx: Transaction, command: RevokeLinks, *, vault: ContactVault) -> Booking:
    """Raise the booking's epoch: older links open nothing, later ones carry the new one (F-41).

    Raises:
        Unknown: there is no such booking.
    """
    before = await bookings.lock(tx, command.booking_id)
    if before is None:
        raise Unknown
    after = replace(before, version=before.version + 1, manage_epoch=before.manage_epoch + 1)
    await details.save(
        tx,
        before,
        after,
        "booking.links_revoked",
        actor=command.actor,
        reason=command.reason,
        change=(
            {"manage_epoch": before.manage_epoch},
            {"manage_epoch": after.manage_epoch},
        ),
    )
    contact = vault.for_bus(after.name, vault.open(after.sealed_contact, after.id))
    tx.publish(published.details_changed(after, contact), key=str(after.id), sequence=after.version)
    return after
