"""Edit a menu, or archive parts of it; orders already made keep their dishes and prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking.domain.catalogue import ListingStatus
from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.refusals import Fault, InvalidRequest, Unknown
from booking.store import audit, menus
from booking.usecases.add_menu import check_dates

if TYPE_CHECKING:
    from booking.domain.menus import MenuItem, MenuSection
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditMenuSection:
    """What to change; None clears a field that may be empty."""

    section_id: UUID
    actor: str
    name: str | Unset = UNSET
    description: str | Unset | None = UNSET
    sort_order: int | Unset = UNSET
    status: ListingStatus | Unset = UNSET
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditMenuItem:
    """What to change; None clears a field that may be empty.."""

    item_id: UUID
    actor: str
    section_id: UUID | Unset = UNSET
    name: str | Unset = UNSET
    description: str | Unset | None = UNSET
    price_minor: int | Unset = UNSET
    is_available: bool | Unset = UNSET
    sort_order: int | Unset = UNSET
    dietary: tuple[str, ...] | Unset = UNSET
    allergens: tuple[str, ...] | Unset = UNSET
    available_from: date | Unset | None = UNSET
    available_until: date | Unset | None = UNSET
    status: ListingStatus | Unset = UNSET
    version: int | None = None


async def edit_menu_section(tx: Transaction, command: EditMenuSection) -> MenuSection:
    """Change it; archived, none of its dishes can be had.

    Raises:
        Unknown: there is no such section.
        StaleVersion: it was changed since the caller read it.
    """
    before = await menus.read_section(tx, command.section_id, lock=True)
    if before is None:
        raise Unknown
    check_version(command.version, before.version)
    after = replace(
        before,
        name=keep(command.name, before.name),
        description=keep(command.description, before.description),
        sort_order=keep(command.sort_order, before.sort_order),
        status=keep(command.status, before.status),
    )
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    await menus.save_section(tx, after)
    old, new = audit.differing(_of_section(before), _of_section(after))
    await audit.note(
        tx,
        "menu_section",
        after.id,
        "menu_section.edited",
        actor=command.actor,
        at=await tx.now(),
        before=old,
        after=new,
    )
    return after


async def edit_menu_item(tx: Transaction, command: EditMenuItem) -> MenuItem:
    """Change it; the next hold sees the change, orders already made do not (F-37).

    Raises:
        Unknown: there is no such dish.
        StaleVersion: it was changed since the caller read it.
        InvalidRequest: dates in the wrong order, or another venue's section.
    """
    before = await menus.read_item(tx, command.item_id, lock=True)
    if before is None:
        raise Unknown
    check_version(command.version, before.version)
    after = replace(
        before,
        section_id=keep(command.section_id, before.section_id),
        name=keep(command.name, before.name),
        description=keep(command.description, before.description),
        price_minor=keep(command.price_minor, before.price_minor),
        is_available=keep(command.is_available, before.is_available),
        sort_order=keep(command.sort_order, before.sort_order),
        dietary=keep(command.dietary, before.dietary),
        allergens=keep(command.allergens, before.allergens),
        available_from=keep(command.available_from, before.available_from),
        available_until=keep(command.available_until, before.available_until),
        status=keep(command.status, before.status),
    )
    if after == before:
        return before
    check_dates(after.available_from, after.available_until)
    if after.section_id != before.section_id:
        await _check_section(tx, after)
    after = replace(after, version=before.version + 1)
    await menus.save_item(tx, after)
    old, new = audit.differing(_of_item(before), _of_item(after))
    await audit.note(
        tx,
        "menu_item",
        after.id,
        "menu_item.edited",
        actor=command.actor,
        at=await tx.now(),
        before=old,
        after=new,
    )
    return after


async def _check_section(tx: Transaction, item: MenuItem) -> None:
    section = await menus.read_section(tx, item.section_id)
    if section is None or section.venue_id != item.venue_id:
        raise InvalidRequest(Fault("section_id", "is not a section of this venue's menu"))


def _of_section(section: MenuSection) -> dict[str, Any]:
    return {
        "name": section.name,
        "description": section.description,
        "sort_order": section.sort_order,
        "status": section.status,
    }


def _of_item(item: MenuItem) -> dict[str, Any]:
    return {
        "section_id": str(item.section_id),
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
    }
