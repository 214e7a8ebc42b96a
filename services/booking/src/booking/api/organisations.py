"""What staff do with organisations."""

from uuid import UUID

from fastapi import APIRouter

from booking.api import bodies, views
from booking.api.callers import Editor, actor_of, org_of
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
) -> views.OrganisationSettings:
    """Create an organisation. For operators."""
    if caller.kind != "operator":
        raise Forbidden("Only an operator creates organisations.")
    command = CreateOrganisation(**body.model_dump(), actor=actor_of(caller))
    created = await db.run(uuid7(), lambda tx: create_organisation(tx, command))
    return views.OrganisationSettings.of(created)


@router.patch("/organisations/{organisation_id}")
async def patch_organisation(
    organisation_id: UUID, body: bodies.EditOrganisation, caller: Editor, db: DB
) -> views.OrganisationSettings:
    """Change an organisation's settings; operators also suspend, close or reactivate it."""
    org_id = org_of(caller, organisation_id)
    if "status" in body.model_fields_set and caller.kind != "operator":
        raise Forbidden("Only an operator changes an organisation's status.")
    command = EditOrganisation(**body.sent(), actor=actor_of(caller))
    edited = await db.run(org_id, lambda tx: edit_organisation(tx, command))
    return views.OrganisationSettings.of(edited)
