"""What anybody may see: organisations, what is on offer, and what is left of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from booking.api import paging, views
from booking.api.bodies import Instant
from booking.api.callers import ShopPart
from booking.usecases import browse
from chassis.http import DB
from chassis.problems import NotFound, responses

router = APIRouter(tags=["catalogue"], responses=responses(NotFound))

SlugQuery = Annotated[str, Query(min_length=1, max_length=63, pattern=r"^[a-z0-9-]+$")]


@router.get("/organisations/{slug}")
async def get_organisation(slug: str, db: DB, shop: ShopPart) -> views.Organisation:
    """An organisation by its slug."""
    org_id = await shop.tenants.of_slug(slug)
    return views.Organisation.of(await db.run(org_id, browse.organisation))


@router.get("/offerings")
async def list_offerings(
    organisation: SlugQuery,
    db: DB,
    shop: ShopPart,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.Offering]:
    """What an organisation offers."""
    after = paging.after_id(cursor)
    org_id = await shop.tenants.of_slug(organisation)
    found = await db.run(org_id, lambda tx: browse.offerings(tx, after=after, limit=limit))
    return views.Page(
        items=[views.Offering.of(offering, venue) for offering, venue in found],
        next_cursor=paging.encode(found[-1][0].id) if len(found) == limit else None,
    )


@router.get("/offerings/{offering_id}")
async def get_offering(offering_id: UUID, db: DB, shop: ShopPart) -> views.Offering:
    """One offering."""
    org_id = await shop.tenants.of_offering(offering_id)
    return views.Offering.of(*await db.run(org_id, lambda tx: browse.offering(tx, offering_id)))


@router.get("/offerings/{offering_id}/sessions")
async def list_sessions(
    *,
    offering_id: UUID,
    db: DB,
    shop: ShopPart,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to")] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.Session]:
    """Open sessions that have not started, with what is left of each."""
    after = paging.after_instant(cursor)
    org_id = await shop.tenants.of_offering(offering_id)
    found = await db.run(
        org_id,
        lambda tx: browse.future_sessions(
            tx, offering_id, since=since, until=until, after=after, limit=limit
        ),
    )
    last = found[-1].session if len(found) == limit else None
    return views.Page(
        items=[views.Session.of(view) for view in found],
        next_cursor=paging.encode(last.starts_at, last.id) if last else None,
    )
