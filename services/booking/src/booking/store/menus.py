"""Menus: sections and their dishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, tuple_, update

from booking.domain.catalogue import ListingStatus
from booking.domain.menus import MenuItem, MenuSection
from booking.store import offerings, tables

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Row

    from booking.domain.ordering import MenuChoice
    from chassis.db import Transaction

MOST_ITEMS = 500


async def add_section(tx: Transaction, section: MenuSection, now: datetime) -> None:
    """Write a new section."""
    await tx.core(
        insert(tables.menu_sections).values(
            id=section.id,
            org_id=section.org_id,
            venue_id=section.venue_id,
            created_at=now,
            **_of_section(section),
        )
    )


async def save_section(tx: Transaction, section: MenuSection) -> None:
    """Write everything that may be edited; the next hold sees it."""
    table = tables.menu_sections
    await tx.core(update(table).values(**_of_section(section)).where(table.c.id == section.id))
    await offerings.renew(tx, section.venue_id)


async def read_section(
    tx: Transaction, section_id: UUID, *, lock: bool = False
) -> MenuSection | None:
    """A section of this organisation."""
    query = select(tables.menu_sections).where(tables.menu_sections.c.id == section_id)
    row = (await tx.core(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else section_of(row)


async def page_of_sections(
    tx: Transaction, venue_id: UUID, *, after: tuple[int, UUID] | None, limit: int
) -> list[MenuSection]:
    """A venue's sections by sort order."""
    table = tables.menu_sections
    query = (
        select(table)
        .where(table.c.venue_id == venue_id)
        .order_by(table.c.sort_order, table.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(table.c.sort_order, table.c.id) > after)
    return [section_of(row) for row in await tx.core(query)]


async def active_sections(
    tx: Transaction, venue_id: UUID, wanted: Collection[UUID]
) -> frozenset[UUID]:
    """Those of ``wanted`` that are active sections of this venue."""
    table = tables.menu_sections
    query = select(table.c.id).where(
        table.c.id.in_(wanted),
        table.c.venue_id == venue_id,
        table.c.status == ListingStatus.ACTIVE,
    )
    return frozenset((await tx.core(query)).scalars())


async def count_items(tx: Transaction, section_id: UUID) -> int:
    """How many dishes a section has, archived ones too."""
    table = tables.menu_items
    query = select(func.count()).where(table.c.section_id == section_id)
    return int((await tx.core(query)).scalar_one())


async def add_item(tx: Transaction, item: MenuItem, now: datetime) -> None:
    """Write a new dish; the next hold sees it."""
    await tx.core(
        insert(tables.menu_items).values(
            id=item.id,
            org_id=item.org_id,
            venue_id=item.venue_id,
            created_at=now,
            **_of_item(item),
        )
    )
    await offerings.renew(tx, item.venue_id)


async def save_item(tx: Transaction, item: MenuItem) -> None:
    """Write everything that may be edited; the next hold sees it."""
    table = tables.menu_items
    await tx.core(update(table).values(**_of_item(item)).where(table.c.id == item.id))
    await offerings.renew(tx, item.venue_id)


async def read_item(tx: Transaction, item_id: UUID, *, lock: bool = False) -> MenuItem | None:
    """A dish of this organisation."""
    query = select(tables.menu_items).where(tables.menu_items.c.id == item_id)
    row = (await tx.core(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else item_of(row)


async def page_of_items(
    tx: Transaction, section_id: UUID, *, after: tuple[int, UUID] | None, limit: int
) -> list[MenuItem]:
    """A section's dishes by sort order, archived ones too."""
    table = tables.menu_items
    query = (
        select(table)
        .where(table.c.section_id == section_id)
        .order_by(table.c.sort_order, table.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(table.c.sort_order, table.c.id) > after)
    return [item_of(row) for row in await tx.core(query)]


async def of_choice(tx: Transaction, choice: MenuChoice | None) -> dict[UUID, MenuItem]:
    """The dishes of an offering's sections in the menu's order; no query where it has none."""
    if choice is None:
        return {}
    items, sections = tables.menu_items, tables.menu_sections
    rows = await tx.core(
        select(items)
        .join(sections, sections.c.id == items.c.section_id)
        .where(
            items.c.section_id.in_(choice.section_ids),
            items.c.status == ListingStatus.ACTIVE,
            sections.c.status == ListingStatus.ACTIVE,
        )
        .order_by(sections.c.sort_order, sections.c.id, items.c.sort_order, items.c.id)
        .limit(MOST_ITEMS * len(choice.section_ids))
    )
    return {row.id: item_of(row) for row in rows}


def _of_section(section: MenuSection) -> dict[str, Any]:
    return {
        "name": section.name,
        "description": section.description,
        "sort_order": section.sort_order,
        "status": section.status,
        "version": section.version,
    }


def _of_item(item: MenuItem) -> dict[str, Any]:
    return {
        "section_id": item.section_id,
        "name": item.name,
        "description": item.description,
        "price_minor": item.price_minor,
        "is_available": item.is_available,
        "sort_order": item.sort_order,
        "dietary": list(item.dietary),
        "allergens": list(item.allergens),
        "available_from": item.available_from,
        "available_until": item.available_until,
        "status": item.status,
        "version": item.version,
    }


def section_of(row: Row[Any]) -> MenuSection:
    """The section in a row of its table."""
    return MenuSection(
        id=row.id,
        org_id=row.org_id,
        venue_id=row.venue_id,
        name=row.name,
        description=row.description,
        sort_order=row.sort_order,
        status=ListingStatus(row.status),
        version=row.version,
    )


def item_of(row: Row[Any]) -> MenuItem:
    """The dish in a row of its table."""
    return MenuItem(
        id=row.id,
        org_id=row.org_id,
        venue_id=row.venue_id,
        section_id=row.section_id,
        name=row.name,
        description=row.description,
        price_minor=row.price_minor,
        is_available=row.is_available,
        sort_order=row.sort_order,
        dietary=tuple(row.dietary),
        allergens=tuple(row.allergens),
        available_from=row.available_from,
        available_until=row.available_until,
        status=ListingStatus(row.status),
        version=row.version,
    )
