"""What staff do with venues."""

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
from booking.usecases.create_venue import CreateVenue, create_venue
from booking.usecases.edit_venue import EditVenue, edit_venue
from chassis.db import Transaction
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(
    tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound, Conflict)
)


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
