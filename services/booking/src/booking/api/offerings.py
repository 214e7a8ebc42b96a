"""What staff do with offerings."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from booking.api import bodies, views
from booking.api.callers import (
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
from booking.usecases.create_offering import CreateOffering, create_offering
from booking.usecases.edit_offering import EditOffering, edit_offering
from chassis.db import Database, Transaction
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(
    tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound, Conflict)
)


@router.post("/offerings", status_code=201)
async def post_offering(
    body: bodies.CreateOffering,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    idempotency_key: IdempotencyKey = None,
) -> views.Offering:
    """Create an offering from a preset; send only what differs from it."""
    command = CreateOffering(
        venue_id=body.venue_id,
        preset=body.preset,
        title=body.title,
        description=body.description,
        image_url=body.image_url,
        sort_order=body.sort_order,
        overrides=body.overrides(),
        actor=actor_of(caller),
    )

    async def work(tx: Transaction) -> dict[str, Any]:
        offering = await create_offering(tx, command)
        venue = await browse.venue(tx, offering.venue_id)
        return views.Offering.of(offering, venue).model_dump(mode="json")

    request = Creation.of(caller, organisation_id, "POST /offerings", idempotency_key, body)
    answer = await request.run(db, work)
    return views.Offering.model_validate(answer)


@router.patch("/offerings/{offering_id}")
async def patch_offering(
    offering_id: UUID,
    body: bodies.EditOffering,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
) -> views.EditedOffering:
    """Edit or archive an offering; bookings already made keep their price and policy."""
    command = EditOffering(**body.sent(), offering_id=offering_id, actor=actor_of(caller))
    return await _edit(db, org_of(caller, organisation_id), command)


@router.delete("/offerings/{offering_id}")
async def delete_offering(
    offering_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.Offering:
    """Archive an offering: it stays on record, and is no longer shown or sold."""
    command = EditOffering(
        offering_id=offering_id,
        status=ListingStatus.ARCHIVED,
        version=version,
        actor=actor_of(caller),
    )
    return await _edit(db, org_of(caller, organisation_id), command)


@router.post("/offerings/{offering_id}/restore")
async def restore_offering(
    offering_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.EditedOffering:
    """Take an offering out of the archive."""
    command = EditOffering(
        offering_id=offering_id,
        status=ListingStatus.ACTIVE,
        version=version,
        actor=actor_of(caller),
    )
    return await _edit(db, org_of(caller, organisation_id), command)


async def _edit(db: Database, org_id: UUID, command: EditOffering) -> views.EditedOffering:
    async def work(tx: Transaction) -> views.EditedOffering:
        edited = await edit_offering(tx, command)
        venue = await browse.venue(tx, edited.offering.venue_id)
        return views.EditedOffering.after(edited.offering, venue, edited.sessions)

    return await db.run(org_id, work)
