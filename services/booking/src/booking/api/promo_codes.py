"""What staff do with promo codes."""

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
from booking.store import promos
from booking.usecases.create_promo import CreatePromo, create_promo
from booking.usecases.edit_promo import EditPromo, edit_promo
from booking.usecases.read_codes import read_promo
from chassis.db import Transaction
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(
    tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound, Conflict)
)


@router.post("/promo-codes", status_code=201)
async def post_promo_code(
    body: bodies.CreatePromo,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    idempotency_key: IdempotencyKey = None,
) -> views.PromoCode:
    """Make a code that takes a percentage or an amount off."""
    request = Creation.of(caller, organisation_id, "POST /promo-codes", idempotency_key, body)
    command = CreatePromo(**body.model_dump(), org_id=request.org_id, actor=actor_of(caller))

    async def work(tx: Transaction) -> dict[str, Any]:
        return views.PromoCode.of(await create_promo(tx, command)).model_dump(mode="json")

    return views.PromoCode.model_validate(await request.run(db, work))


@router.get("/promo-codes")
async def list_promo_codes(
    *,
    caller: CatalogueViewer,
    db: DB,
    organisation_id: ForOrganisation = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.PromoCode]:
    """All codes in the order of their making, archived ones too."""
    after = paging.after_id(cursor)
    found = await db.run(
        org_of(caller, organisation_id), lambda tx: promos.page(tx, after=after, limit=limit)
    )
    return views.Page(
        items=[views.PromoCode.of(promo) for promo in found],
        next_cursor=paging.encode(found[-1].id) if len(found) == limit else None,
    )


@router.get("/promo-codes/{promo_id}")
async def get_promo_code(
    promo_id: UUID, caller: CatalogueViewer, db: DB, organisation_id: ForOrganisation = None
) -> views.PromoCode:
    """One code, with how many bookings have it."""
    org_id = org_of(caller, organisation_id)
    return views.PromoCode.of(await db.run(org_id, lambda tx: read_promo(tx, promo_id)))


@router.patch("/promo-codes/{promo_id}")
async def patch_promo_code(
    promo_id: UUID,
    body: bodies.EditPromo,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
) -> views.PromoCode:
    """Edit or archive a code; bookings that have it keep it."""
    command = EditPromo(**body.sent(), promo_id=promo_id, actor=actor_of(caller))
    org_id = org_of(caller, organisation_id)
    return views.PromoCode.of(await db.run(org_id, lambda tx: edit_promo(tx, command)))


@router.delete("/promo-codes/{promo_id}")
async def delete_promo_code(
    promo_id: UUID,
    caller: Editor,
    db: DB,
    organisation_id: ForOrganisation = None,
    version: SeenVersion = None,
) -> views.PromoCode:
    """Archive a code: it stays on record, and nobody can use it any more."""
    command = EditPromo(
        promo_id=promo_id, status=ListingStatus.ARCHIVED, version=version, actor=actor_of(caller)
    )
    org_id = org_of(caller, organisation_id)
    return views.PromoCode.of(await db.run(org_id, lambda tx: edit_promo(tx, command)))
