"""What anybody may see: organisations, what is on offer, and what is left of it."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from booking.api import paging, views
from booking.api.bodies import Instant
from booking.api.callers import ShopPart
from booking.domain.catalogue import Offering
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
    after = paging.after_number(cursor)
    org_id = await shop.tenants.of_slug(organisation)
    found = await db.run(org_id, lambda tx: browse.offerings(tx, after=after, limit=limit))
    return views.Page(
        items=[views.Offering.of(offering, venue) for offering, venue in found],
        next_cursor=_after([offering for offering, _ in found], limit),
    )


@router.get("/venues/by-key/{embed_key}")
async def get_embedded_venue(
    embed_key: str, db: DB, shop: ShopPart, limit: paging.Limit = 50, cursor: paging.Cursor = None
) -> views.EmbeddedVenue:
    """A venue by its embed key, with what is on sale there."""
    after = paging.after_number(cursor)
    org_id = await shop.tenants.of_embed_key(embed_key)
    venue, offerings = await db.run(
        org_id, lambda tx: browse.embedded_venue(tx, embed_key, after=after, limit=limit)
    )
    return views.EmbeddedVenue.of(venue, offerings, _after(offerings, limit))


def _after(page: Sequence[Offering], limit: int) -> str | None:
    return paging.encode(page[-1].sort_order, page[-1].id) if len(page) == limit else None


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
) -> views.Page[views.SessionOnSale]:
    """Open sessions that have not started, with what is left of each."""
    after = paging.after_instant(cursor)
    org_id = await shop.tenants.of_offering(offering_id)
    found = await db.run(
        org_id,
        lambda tx: browse.future_sessions(
            tx, offering_id, since=since, until=until, after=after, limit=limit
        ),
    )
    last = found.sessions[-1].session if len(found.sessions) == limit else None
    price = found.offering.price(found.venue.currency)
    return views.Page(
        items=[views.SessionOnSale.at(view, found.venue, price) for view in found.sessions],
        next_cursor=paging.encode(last.starts_at, last.id) if last else None,
    )
