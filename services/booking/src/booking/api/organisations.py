"""What staff do with organisations."""

from uuid import UUID

from fastapi import APIRouter

from booking.api import bodies, views
from booking.api.callers import (
    Editor,
    actor_of,
)
from booking.usecases.create_organisation import CreateOrganisation, create_organisation
from booking.usecases.edit_organisation import EditOrganisation, edit_organisation
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
