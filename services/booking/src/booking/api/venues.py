"""What staff do: organisations, venues and their tables."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from booking.api import bodies, paging, views
from booking.api.callers import (
    CatalogueViewer,
    Creation,
    Editor,
    ForOrganisation,
    IdempotencyKey,
    actor_of,
    org_of,
)
from booking.usecases import browse
from booking.usecases.add_resource import AddResource, add_resource
from booking.usecases.create_organisation import CreateOrganisation, create_organisation
from booking.usecases.create_venue import CreateVenue, create_venue
from booking.usecases.edit_organisation import EditOrganisation, edit_organisation
from booking.usecases.edit_resource import EditResource, edit_resource
from booking.usecases.edit_venue import EditVenue, edit_venue
from chassis.db import Transaction
from chassis.http import DB
from chassis.ids import uuid7
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(
    tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound, Conflict)
)


@router.post("/organisations", status_code=201)
async def post_organisation(
    body: bodies.CreateOrganisation, caller: Editor, db: DB
) -> views.Organisation:
    """Create an organisation. For operators."""
    if caller.kind != "operator":
        raise Forbidden("Only an operator creates organisations.")
    command = CreateOrganisation(**body.model_dump(), actor=actor_of(caller))
    created = await db.run(uuid7(), lambda tx: create_organisation(tx, command))
    return views.Organisation.of(created)


@router.patch("/organisations/{organisation_id}")
async def patch_organisation(
    organisation_id: UUID, body: bodies.EditOrganisation, caller: Editor, db: DB
) -> views.Organisation:
    """Rename, suspend or reactivate an organisation. For operators."""
    if caller.kind != "operator":
        raise Forbidden("Only an operator edits organisations.")
    command = EditOrganisation(name=body.name, status=body.status, actor=actor_of(caller))
    edited = await db.run(organisation_id, lambda tx: edit_organisation(tx, command))
    return views.Organisation.of(edited)


@router.post("/venues", status_code=201)
async def post_venue(
    body: bodies.CreateVenue,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    idempotency_key: IdempotencyKey = None,
) -> views.Venue:
    """Create a venue."""
    command = CreateVenue(**body.model_dump(), actor=actor_of(caller))

    async def work(tx: Transaction) -> dict[str, Any]:
        return views.Venue.of(await create_venue(tx, command)).model_dump(mode="json")

    request = Creation.of(caller, organisation_id, "POST /venues", idempotency_key, body)
    answer = await request.run(db, work)
    return views.Venue.model_validate(answer)


@router.get("/venues")
async def list_venues(
    caller: CatalogueViewer,
    db: DB,
    organisation_id: ForOrganisation = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.Venue]:
    """The organisation's venues."""
    after = paging.after_id(cursor)
    found = await db.run(
        org_of(caller, organisation_id), lambda tx: browse.venues(tx, after=after, limit=limit)
    )
    return views.Page(
        items=[views.Venue.of(venue) for venue in found],
        next_cursor=paging.encode(found[-1].id) if len(found) == limit else None,
    )


@router.get("/venues/{venue_id}")
async def get_venue(
    venue_id: UUID, caller: CatalogueViewer, db: DB, organisation_id: ForOrganisation = None
) -> views.Venue:
    """One venue."""
    org_id = org_of(caller, organisation_id)
    return views.Venue.of(await db.run(org_id, lambda tx: browse.venue(tx, venue_id)))


@router.patch("/venues/{venue_id}")
async def patch_venue(
    venue_id: UUID,
    body: bodies.EditVenue,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
) -> views.Venue:
    """Edit or archive a venue."""
    command = EditVenue(**body.model_dump(), venue_id=venue_id, actor=actor_of(caller))
    edited = await db.run(org_of(caller, organisation_id), lambda tx: edit_venue(tx, command))
    return views.Venue.of(edited)


@router.post("/resources", status_code=201)
async def post_resource(
    body: bodies.AddResource,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    idempotency_key: IdempotencyKey = None,
) -> views.Resource:
    """Add a table to a venue."""
    command = AddResource(**body.model_dump(), actor=actor_of(caller))

    async def work(tx: Transaction) -> dict[str, Any]:
        return views.Resource.of(await add_resource(tx, command)).model_dump(mode="json")

    request = Creation.of(caller, organisation_id, "POST /resources", idempotency_key, body)
    answer = await request.run(db, work)
    return views.Resource.model_validate(answer)


@router.get("/resources")
async def list_resources(
    *,
    venue_id: UUID,
    caller: CatalogueViewer,
    db: DB,
    organisation_id: ForOrganisation = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.Resource]:
    """A venue's tables by number."""
    after = paging.after_number(cursor)
    found = await db.run(
        org_of(caller, organisation_id),
        lambda tx: browse.resources(tx, venue_id, after=after, limit=limit),
    )
    last = found[-1] if len(found) == limit else None
    return views.Page(
        items=[views.Resource.of(resource) for resource in found],
        next_cursor=paging.encode(last.number, last.id) if last else None,
    )


@router.get("/resources/{resource_id}")
async def get_resource(
    resource_id: UUID, caller: CatalogueViewer, db: DB, organisation_id: ForOrganisation = None
) -> views.Resource:
    """One table."""
    org_id = org_of(caller, organisation_id)
    return views.Resource.of(await db.run(org_id, lambda tx: browse.resource(tx, resource_id)))


@router.patch("/resources/{resource_id}")
async def patch_resource(
    resource_id: UUID,
    body: bodies.EditResource,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
) -> views.Resource:
    """Edit or archive a table."""
    command = EditResource(**body.model_dump(), resource_id=resource_id, actor=actor_of(caller))
    edited = await db.run(org_of(caller, organisation_id), lambda tx: edit_resource(tx, command))
    return views.Resource.of(edited)
