"""What staff do with sessions."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from booking.api import bodies, views
from booking.api.callers import (
    CatalogueViewer,
    Creation,
    Editor,
    ForOrganisation,
    IdempotencyKey,
    actor_of,
    org_of,
)
from booking.domain.catalogue import Session
from booking.domain.refusals import Fault, InvalidRequest
from booking.store.sessions import SessionView
from booking.usecases import browse
from booking.usecases.edit_session import EditSession, edit_session
from booking.usecases.open_session import OpenSession, open_session
from chassis.db import Transaction
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(
    tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound, Conflict)
)


@router.post("/sessions", status_code=201)
async def post_session(
    body: bodies.OpenSession,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    idempotency_key: IdempotencyKey = None,
) -> views.Session:
    """Open a session for sale."""
    when = body.when()
    if when is None:
        raise InvalidRequest(Fault("starts_at", "say when it takes place"))
    command = OpenSession(
        offering_id=body.offering_id,
        when=when,
        title=body.title,
        capacity=body.capacity,
        resource_ids=body.resource_ids,
        actor=actor_of(caller),
    )

    async def work(tx: Transaction) -> dict[str, Any]:
        return _session(await open_session(tx, command)).model_dump(mode="json")

    request = Creation.of(caller, organisation_id, "POST /sessions", idempotency_key, body)
    answer = await request.run(db, work)
    return views.Session.model_validate(answer)


@router.get("/sessions/{session_id}")
async def get_session(
    session_id: UUID, caller: CatalogueViewer, db: DB, organisation_id: ForOrganisation = None
) -> views.Session:
    """One session, whether or not it is on sale."""
    org_id = org_of(caller, organisation_id)
    return views.Session.of(await db.run(org_id, lambda tx: browse.session(tx, session_id)))


@router.patch("/sessions/{session_id}")
async def patch_session(
    session_id: UUID,
    body: bodies.EditSession,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
) -> views.Session:
    """Edit a session, close its sale or open it again."""
    command = EditSession(
        session_id=session_id,
        title=body.title,
        when=body.when(),
        capacity=body.capacity,
        status=body.status,
        actor=actor_of(caller),
    )
    edited = await db.run(org_of(caller, organisation_id), lambda tx: edit_session(tx, command))
    return _session(edited)


def _session(session: Session) -> views.Session:
    remaining = None if session.capacity is None else session.capacity - session.taken
    return views.Session.of(SessionView(session, remaining))
