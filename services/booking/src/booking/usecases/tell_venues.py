"""Tell the other services of an organisation's venues, as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking import published
from booking.store import organisations, venues

if TYPE_CHECKING:
    from chassis.db import Transaction


async def tell_venues(tx: Transaction) -> None:
    """Each under its next version, so that also those hear it who know the one before (TEN-10)."""
    organisation = await organisations.read(tx, lock=True)
    if organisation is None:
        return
    for venue in await venues.renew_all(tx):
        tx.publish(
            published.venue_changed(organisation, venue), key=str(venue.id), sequence=venue.version
        )
