"""The menu of an offering on a day, and the parts of a venue's menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.refusals import Unknown
from booking.domain.schedule import zone
from booking.store import menus, offerings, venues

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from booking.domain.catalogue import Venue
    from booking.domain.menus import MenuItem, MenuSection
    from chassis.db import Transaction


async def menu_of(
    tx: Transaction, offering_id: UUID, day: date | None
) -> tuple[Venue, date, list[MenuItem]]:
    """What can be had on a day at the venue (today, if none is named), in the menu's order.

    Nothing where the offering has no menu (CAT-21).

    Raises:
        Unknown: there is no such offering.
    """
    offering = await offerings.read(tx, offering_id)
    venue = None if offering is None else await venues.read(tx, offering.venue_id)
    if offering is None or venue is None:
        raise Unknown
    wanted = day or (await tx.now()).astimezone(zone(venue.timezone)).date()
    items = await menus.of_choice(tx, offering.pricing.menu)
    return venue, wanted, [item for item in items.values() if item.is_offered(wanted)]


async def sections(
    tx: Transaction, venue_id: UUID, *, after: tuple[int, UUID] | None, limit: int
) -> list[MenuSection]:
    """A venue's sections by sort order; raises Unknown when there is no such venue."""
    if await venues.read(tx, venue_id) is None:
        raise Unknown
    return await menus.page_of_sections(tx, venue_id, after=after, limit=limit)


async def items(
    tx: Transaction, section_id: UUID, *, after: tuple[int, UUID] | None, limit: int
) -> list[MenuItem]:
    """A section's dishes by sort order; raises Unknown when there is no such section."""
    if await menus.read_section(tx, section_id) is None:
        raise Unknown
    return await menus.page_of_items(tx, section_id, after=after, limit=limit)


async def item(tx: Transaction, item_id: UUID) -> MenuItem:
    """Raises Unknown when the organisation has no such dish."""
    found = await menus.read_item(tx, item_id)
    if found is None:
        raise Unknown
    return found
