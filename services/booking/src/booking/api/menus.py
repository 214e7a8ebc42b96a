"""Menus: what anybody sees of them, what staff keep, and what the kitchen cooks."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from booking.api import bodies, paging, views
from booking.api.callers import (
    CatalogueViewer,
    Creation,
    Editor,
    ForOrganisation,
    IdempotencyKey,
    SeenVersion,
    ShopPart,
    actor_of,
    org_of,
)
from booking.domain.catalogue import ListingStatus
from booking.usecases import read_menu
from booking.usecases.add_menu import AddMenuItem, AddMenuSection, add_menu_item, add_menu_section
from booking.usecases.edit_menu import (
    EditMenuItem,
    EditMenuSection,
    edit_menu_item,
    edit_menu_section,
)
from chassis.db import Transaction
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(
    tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound, Conflict)
)


@router.get("/offerings/{offering_id}/menu", tags=["catalogue"])
async def get_menu(
    offering_id: UUID,
    db: DB,
    shop: ShopPart,
    date: Annotated[dt.date | None, Query(description="At the venue; today if left out")] = None,
) -> views.Menu:
    """What can be ordered on a day, in the menu's order."""
    org_id = await shop.tenants.of_offering(offering_id)
    found = await db.run(org_id, lambda tx: read_menu.menu_of(tx, offering_id, date))
    return views.Menu.of(*found)


@router.post("/venues/{venue_id}/menu-sections", status_code=201)
async def post_menu_section(
    *,
    venue_id: UUID,
    body: bodies.AddMenuSection,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    idempotency_key: IdempotencyKey = None,
) -> views.MenuSection:
    """Add a section to a venue's menu."""
    command = AddMenuSection(**body.model_dump(), venue_id=venue_id, actor=actor_of(caller))

    async def work(tx: Transaction) -> dict[str, Any]:
        return views.MenuSection.of(await add_menu_section(tx, command)).model_dump(mode="json")

    route = f"POST /venues/{venue_id}/menu-sections"
    request = Creation.of(caller, organisation_id, route, idempotency_key, body)
    return views.MenuSection.model_validate(await request.run(db, work))


@router.get("/venues/{venue_id}/menu-sections")
async def list_menu_sections(
    *,
    venue_id: UUID,
    caller: CatalogueViewer,
    db: DB,
    organisation_id: ForOrganisation = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.MenuSection]:
    """The sections of a venue's menu in their order, archived ones too."""
    after = paging.after_number(cursor)
    found = await db.run(
        org_of(caller, organisation_id),
        lambda tx: read_menu.sections(tx, venue_id, after=after, limit=limit),
    )
    last = found[-1] if len(found) == limit else None
    return views.Page(
        items=[views.MenuSection.of(section) for section in found],
        next_cursor=paging.encode(last.sort_order, last.id) if last else None,
    )


@router.patch("/menu-sections/{section_id}")
async def patch_menu_section(
    section_id: UUID,
    body: bodies.EditMenuSection,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
) -> views.MenuSection:
    """Edit or archive a section; archived, none of its dishes can be had."""
    command = EditMenuSection(**body.sent(), section_id=section_id, actor=actor_of(caller))
    org_id = org_of(caller, organisation_id)
    return views.MenuSection.of(await db.run(org_id, lambda tx: edit_menu_section(tx, command)))


@router.delete("/menu-sections/{section_id}")
async def delete_menu_section(
    section_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.MenuSection:
    """Archive a section: it stays on record."""
    command = EditMenuSection(
        section_id=section_id,
        status=ListingStatus.ARCHIVED,
        version=version,
        actor=actor_of(caller),
    )
    org_id = org_of(caller, organisation_id)
    return views.MenuSection.of(await db.run(org_id, lambda tx: edit_menu_section(tx, command)))


@router.post("/menu-sections/{section_id}/items", status_code=201)
async def post_menu_item(
    *,
    section_id: UUID,
    body: bodies.AddMenuItem,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    idempotency_key: IdempotencyKey = None,
) -> views.MenuItem:
    """Add a dish to a section."""
    command = AddMenuItem(**body.model_dump(), section_id=section_id, actor=actor_of(caller))

    async def work(tx: Transaction) -> dict[str, Any]:
        return views.MenuItem.of(await add_menu_item(tx, command)).model_dump(mode="json")

    route = f"POST /menu-sections/{section_id}/items"
    request = Creation.of(caller, organisation_id, route, idempotency_key, body)
    return views.MenuItem.model_validate(await request.run(db, work))


@router.get("/menu-sections/{section_id}/items")
async def list_menu_items(
    *,
    section_id: UUID,
    caller: CatalogueViewer,
    db: DB,
    organisation_id: ForOrganisation = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.MenuItem]:
    """The dishes of a section in their order, archived ones too."""
    after = paging.after_number(cursor)
    found = await db.run(
        org_of(caller, organisation_id),
        lambda tx: read_menu.items(tx, section_id, after=after, limit=limit),
    )
    last = found[-1] if len(found) == limit else None
    return views.Page(
        items=[views.MenuItem.of(item) for item in found],
        next_cursor=paging.encode(last.sort_order, last.id) if last else None,
    )


@router.get("/menu-items/{item_id}")
async def get_menu_item(
    item_id: UUID, caller: CatalogueViewer, db: DB, organisation_id: ForOrganisation = None
) -> views.MenuItem:
    """One dish."""
    org_id = org_of(caller, organisation_id)
    return views.MenuItem.of(await db.run(org_id, lambda tx: read_menu.item(tx, item_id)))


@router.patch("/menu-items/{item_id}")
async def patch_menu_item(
    item_id: UUID,
    body: bodies.EditMenuItem,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
) -> views.MenuItem:
    """Edit or archive a dish; orders already made keep its name and price."""
    command = EditMenuItem(**body.sent(), item_id=item_id, actor=actor_of(caller))
    org_id = org_of(caller, organisation_id)
    return views.MenuItem.of(await db.run(org_id, lambda tx: edit_menu_item(tx, command)))


@router.delete("/menu-items/{item_id}")
async def delete_menu_item(
    item_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.MenuItem:
    """Archive a dish: it stays on record, and can no longer be ordered."""
    command = EditMenuItem(
        item_id=item_id, status=ListingStatus.ARCHIVED, version=version, actor=actor_of(caller)
    )
    org_id = org_of(caller, organisation_id)
    return views.MenuItem.of(await db.run(org_id, lambda tx: edit_menu_item(tx, command)))
