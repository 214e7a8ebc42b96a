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
    SeenVersion,
    actor_of,
    org_of,
)
from booking.domain.catalogue import ListingStatus
from booking.usecases import browse
from booking.usecases.create_venue import CreateVenue, create_venue
from booking.usecases.edit_venue import EditVenue, edit_venue
from booking.usecases.rotate_embed_key import rotate_embed_key
from chassis.db import Database, Transaction
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
    command = CreateVenue(**body.settings(), actor=actor_of(caller))

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


@router.get("/venues/{venue_id}/offerings")
async def list_venue_offerings(
    *,
    venue_id: UUID,
    caller: CatalogueViewer,
    db: DB,
    organisation_id: ForOrganisation = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.Offering]:
    """All that a venue offers, archived offerings among it."""
    after = paging.after_number(cursor)
    venue, found = await db.run(
        org_of(caller, organisation_id),
        lambda tx: browse.offerings_of(tx, venue_id, after=after, limit=limit),
    )
    last = found[-1] if len(found) == limit else None
    return views.Page(
        items=[views.Offering.of(offering, venue) for offering in found],
        next_cursor=paging.encode(last.sort_order, last.id) if last else None,
    )


@router.patch("/venues/{venue_id}")
async def patch_venue(
    venue_id: UUID,
    body: bodies.EditVenue,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
) -> views.Venue:
    """Edit or archive a venue."""
    command = EditVenue(**body.sent(), venue_id=venue_id, actor=actor_of(caller))
    return await _edit(db, org_of(caller, organisation_id), command)


@router.post("/venues/{venue_id}/embed-key")
async def post_embed_key(
    venue_id: UUID, caller: Editor, db: DB, organisation_id: ForOrganisation = None
) -> views.Venue:
    """Give a venue another embed key; the present one stops working at once."""
    actor = actor_of(caller)
    venue = await db.run(
        org_of(caller, organisation_id), lambda tx: rotate_embed_key(tx, venue_id, actor=actor)
    )
    return views.Venue.of(venue)


@router.delete("/venues/{venue_id}")
async def delete_venue(
    venue_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.Venue:
    """Archive a venue: it stays on record, and is no longer shown or sold."""
    command = EditVenue(
        venue_id=venue_id, status=ListingStatus.ARCHIVED, version=version, actor=actor_of(caller)
    )
    return await _edit(db, org_of(caller, organisation_id), command)


@router.post("/venues/{venue_id}/restore")
async def restore_venue(
    venue_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.Venue:
    """Take a venue out of the archive."""
    command = EditVenue(
        venue_id=venue_id, status=ListingStatus.ACTIVE, version=version, actor=actor_of(caller)
    )
    return await _edit(db, org_of(caller, organisation_id), command)


async def _edit(db: Database, org_id: UUID, command: EditVenue) -> views.Venue:
    return views.Venue.of(await db.run(org_id, lambda tx: edit_venue(tx, command)))
