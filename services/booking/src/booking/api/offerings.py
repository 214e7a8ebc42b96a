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
    actor_of,
    org_of,
)
from booking.usecases import browse
from booking.usecases.create_offering import CreateOffering, create_offering
from booking.usecases.edit_offering import EditOffering, edit_offering
from chassis.db import Transaction
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
) -> views.Offering:
    """Edit or archive an offering; bookings already made keep their price and policy."""
    command = EditOffering(
        offering_id=offering_id,
        title=body.title,
        description=body.description,
        status=body.status,
        overrides=body.overrides(),
        actor=actor_of(caller),
    )

    async def work(tx: Transaction) -> views.Offering:
        offering = await edit_offering(tx, command)
        return views.Offering.of(offering, await browse.venue(tx, offering.venue_id))

    return await db.run(org_of(caller, organisation_id), work)
