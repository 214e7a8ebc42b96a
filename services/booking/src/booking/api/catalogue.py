"""What staff do: organisations, venues, offerings, resources and sessions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from booking.api import bodies, paging, views
from booking.api.callers import (
    CatalogueViewer,
    Editor,
    ForOrganisation,
    IdempotencyKey,
    actor_of,
    optional_key,
    org_of,
)
from booking.domain.catalogue import Session
from booking.domain.refusals import Fault, InvalidRequest
from booking.store.idempotency import Key
from booking.store.sessions import SessionView
from booking.usecases import browse
from booking.usecases.add_resource import AddResource, add_resource
from booking.usecases.create_offering import CreateOffering, create_offering
from booking.usecases.create_organisation import CreateOrganisation, create_organisation
from booking.usecases.create_venue import CreateVenue, create_venue
from booking.usecases.edit_offering import EditOffering, edit_offering
from booking.usecases.edit_organisation import EditOrganisation, edit_organisation
from booking.usecases.edit_resource import EditResource, edit_resource
from booking.usecases.edit_session import EditSession, edit_session
from booking.usecases.edit_venue import EditVenue, edit_venue
from booking.usecases.once import once
from booking.usecases.open_session import OpenSession, open_session
from chassis.auth import Principal
from chassis.db import Database, Transaction
from chassis.http import DB, Body
from chassis.ids import uuid7
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(
    tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound, Conflict)
)


@dataclass(frozen=True, slots=True)
class _Request:
    """One request to create something, and what makes it the same if it comes again."""

    org_id: UUID
    key: Key | None

    @classmethod
    def of(
        cls, caller: Principal, named: UUID | None, route: str, header: str | None, body: Body
    ) -> "_Request":
        return cls(org_of(caller, named), optional_key(caller, route, header, body))

    async def run(
        self, db: Database, work: Callable[[Transaction], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        return await db.run(self.org_id, lambda tx: once(tx, self.key, lambda: work(tx)))


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

    request = _Request.of(caller, organisation_id, "POST /venues", idempotency_key, body)
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

    request = _Request.of(caller, organisation_id, "POST /offerings", idempotency_key, body)
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

    request = _Request.of(caller, organisation_id, "POST /resources", idempotency_key, body)
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

    request = _Request.of(caller, organisation_id, "POST /sessions", idempotency_key, body)
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
