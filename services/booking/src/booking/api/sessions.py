"""What staff do with sessions."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from booking.api import bodies, paging, views
from booking.api.bodies import Instant
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
from booking.domain.catalogue import SessionStatus
from booking.domain.refusals import Fault, InvalidRequest
from booking.store.sessions import SessionView
from booking.usecases import browse
from booking.usecases.edit_session import EditSession, edit_session
from booking.usecases.open_session import OpenSession, open_session
from chassis.db import Database, Transaction
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
        announcement=body.announcement(),
        actor=actor_of(caller),
    )

    async def work(tx: Transaction) -> dict[str, Any]:
        session = await open_session(tx, command)
        view = SessionView(session, command.announcement, session.capacity)
        return views.Session.of(view).model_dump(mode="json")

    request = Creation.of(caller, organisation_id, "POST /sessions", idempotency_key, body)
    answer = await request.run(db, work)
    return views.Session.model_validate(answer)


@router.get("/sessions")
async def list_sessions_of_offering(
    *,
    offering_id: UUID,
    caller: CatalogueViewer,
    db: DB,
    organisation_id: ForOrganisation = None,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to")] = None,
    status: Annotated[SessionStatus | None, Query(description="Only these")] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.Session]:
    """An offering's sessions by start, whatever their status, past ones too."""
    after = paging.after_instant(cursor)
    found = await db.run(
        org_of(caller, organisation_id),
        lambda tx: browse.sessions_of(
            tx,
            offering_id,
            since=since,
            until=until,
            after=after,
            statuses=list(SessionStatus) if status is None else [status],
            limit=limit,
        ),
    )
    last = found[-1].session if len(found) == limit else None
    return views.Page(
        items=[views.Session.of(view) for view in found],
        next_cursor=paging.encode(last.starts_at, last.id) if last else None,
    )


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
    command = EditSession(**body.sent(), session_id=session_id, actor=actor_of(caller))
    return await _edit(db, org_of(caller, organisation_id), command)


@router.delete("/sessions/{session_id}")
async def delete_session(
    session_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.Session:
    """Archive a session: it stays on record, and is no longer shown or sold."""
    command = EditSession(
        session_id=session_id,
        status=SessionStatus.ARCHIVED,
        version=version,
        actor=actor_of(caller),
    )
    return await _edit(db, org_of(caller, organisation_id), command)


@router.post("/sessions/{session_id}/restore")
async def restore_session(
    session_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.Session:
    """Take a session out of the archive."""
    command = EditSession(
        session_id=session_id, status=SessionStatus.OPEN, version=version, actor=actor_of(caller)
    )
    return await _edit(db, org_of(caller, organisation_id), command)


async def _edit(db: Database, org_id: UUID, command: EditSession) -> views.Session:
    return views.Session.of(await db.run(org_id, lambda tx: edit_session(tx, command)))
