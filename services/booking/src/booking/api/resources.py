"""What staff do with tables and the like."""

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
    SeenVersion,
    actor_of,
    org_of,
)
from booking.domain.catalogue import ListingStatus
from booking.usecases import browse
from booking.usecases.add_resource import AddResource, add_resource
from booking.usecases.edit_resource import EditResource, edit_resource
from chassis.db import Database, Transaction
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(
    tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound, Conflict)
)


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
    command = EditResource(**body.sent(), resource_id=resource_id, actor=actor_of(caller))
    return await _edit(db, org_of(caller, organisation_id), command)


@router.delete("/resources/{resource_id}")
async def delete_resource(
    resource_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.Resource:
    """Archive a table: it stays on record, and is no longer shown or sold."""
    command = EditResource(
        resource_id=resource_id,
        status=ListingStatus.ARCHIVED,
        version=version,
        actor=actor_of(caller),
    )
    return await _edit(db, org_of(caller, organisation_id), command)


@router.post("/resources/{resource_id}/restore")
async def restore_resource(
    resource_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.Resource:
    """Take a table out of the archive."""
    command = EditResource(
        resource_id=resource_id,
        status=ListingStatus.ACTIVE,
        version=version,
        actor=actor_of(caller),
    )
    return await _edit(db, org_of(caller, organisation_id), command)


async def _edit(db: Database, org_id: UUID, command: EditResource) -> views.Resource:
    return views.Resource.of(await db.run(org_id, lambda tx: edit_resource(tx, command)))
