"""Add to a venue's menu: a section, or a dish in one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import ListingStatus
from booking.domain.menus import MenuItem, MenuSection
from booking.domain.refusals import Fault, InvalidRequest, Unknown
from booking.store import audit, menus, venues
from chassis.ids import uuid7

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMenuSection:
    """A part of the menu; the lower ``sort_order`` comes first."""

    venue_id: UUID
    name: str
    description: str | None
    sort_order: int
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMenuItem:
    """A dish; ``price_minor`` in the venue's currency, dates at the venue, both included."""

    section_id: UUID
    name: str
    description: str | None
    price_minor: int
    is_available: bool
    sort_order: int
    dietary: tuple[str, ...]
    allergens: tuple[str, ...]
    available_from: date | None
    available_until: date | None
    actor: str


async def add_menu_section(tx: Transaction, command: AddMenuSection) -> MenuSection:
    """Add it (CAT-21).

    Raises:
        Unknown: there is no such venue.
    """
    venue = await venues.read(tx, command.venue_id)
    if venue is None:
        raise Unknown
    now = await tx.now()
    section = MenuSection(
        id=uuid7(now),
        org_id=venue.org_id,
        venue_id=venue.id,
        name=command.name,
        description=command.description,
        sort_order=command.sort_order,
        status=ListingStatus.ACTIVE,
        version=1,
    )
    await menus.add_section(tx, section, now)
    await audit.note(
        tx,
        "menu_section",
        section.id,
        "menu_section.added",
        actor=command.actor,
        at=now,
        after={"name": section.name},
    )
    return section


async def add_menu_item(tx: Transaction, command: AddMenuItem) -> MenuItem:
    """Add it (CAT-22); the next hold can have it.

    Raises:
        InvalidRequest: no such section, a full one, or dates in the wrong order.
    """
    section = await menus.read_section(tx, command.section_id, lock=True)
    if section is None:
        raise InvalidRequest(Fault("section_id", "is not one of your sections"))
    if await menus.count_items(tx, section.id) >= menus.MOST_ITEMS:
        raise InvalidRequest(Fault("section_id", f"has {menus.MOST_ITEMS} dishes already"))
    check_dates(command.available_from, command.available_until)
    now = await tx.now()
    item = MenuItem(
        id=uuid7(now),
        org_id=section.org_id,
        venue_id=section.venue_id,
        section_id=section.id,
        name=command.name,
        description=command.description,
        price_minor=command.price_minor,
        is_available=command.is_available,
        sort_order=command.sort_order,
        dietary=command.dietary,
        allergens=command.allergens,
        available_from=command.available_from,
        available_until=command.available_until,
        status=ListingStatus.ACTIVE,
        version=1,
    )
    await menus.add_item(tx, item, now)
    await audit.note(
        tx,
        "menu_item",
        item.id,
        "menu_item.added",
        actor=command.actor,
        at=now,
        after={"name": item.name, "price_minor": item.price_minor},
    )
    return item


def check_dates(since: date | None, until: date | None) -> None:
    """Raise InvalidRequest unless the first day is not after the last."""
    if since is not None and until is not None and until < since:
        raise InvalidRequest(Fault("available_until", "is before available_from"))
