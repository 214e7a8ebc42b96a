"""The front desk: bookings listed, searched, counted and taken along."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse

from booking.api import exporting, paging, views
from booking.api.callers import ShopPart, Viewer, org_of
from booking.api.filters import BookingsFilter
from booking.shop import Shop
from booking.store.front_desk import After, Listed, Wanted
from booking.usecases import figures
from booking.usecases.list_bookings import list_bookings, looking_for, upcoming
from chassis.auth import Principal
from chassis.db import Database, Transaction
from chassis.http import DB, json_reply, part
from chassis.problems import Forbidden, Unauthenticated, Unavailable, responses

router = APIRouter(tags=["front desk"], responses=responses(Unauthenticated, Forbidden))

_BATCH = 500
_WRITERS = {"csv": exporting.as_csv, "json": exporting.as_json}


@router.get("/bookings", response_model=views.Page[views.BookingRow])
async def get_bookings(
    *,
    caller: Viewer,
    db: DB,
    shop: ShopPart,
    asked: BookingsFilter,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> Response:
    """Bookings that match everything asked for, by when they begin."""
    after = paging.after_instant(cursor)
    found = await db.run(
        org_of(caller),
        lambda tx: _page(tx, asked.wanted, asked.search, shop, after=after, limit=limit),
    )
    return _reply(found, limit, partial(_row, caller, shop))


@router.get("/bookings/upcoming", response_model=views.Page[views.BookingRow])
async def get_upcoming(
    *,
    caller: Viewer,
    db: DB,
    shop: ShopPart,
    venue_id: UUID | None = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> Response:
    """Confirmed bookings that are still to come, the next one first."""
    after = paging.after_instant(cursor)
    found = await db.run(
        org_of(caller), lambda tx: upcoming(tx, venue_id, after=after, limit=limit)
    )
    return _reply(found, limit, partial(_row, caller, shop))


@router.get("/bookings/trend")
async def get_trend(
    caller: Viewer,
    db: DB,
    days: Annotated[int, Query(ge=1, le=90)] = 7,
    by: Annotated[
        Literal["made", "taking_place"], Query(description="Which day a booking belongs to")
    ] = "made",
    venue_id: UUID | None = None,
) -> views.Trend:
    """Bookings per day at the venue, today last."""
    instant: Literal["created_at", "starts_at"] = "created_at" if by == "made" else "starts_at"
    found = await db.run(org_of(caller), lambda tx: figures.trend(tx, days, instant, venue_id))
    return views.Trend(days=[views.TrendEntry.on(day) for day in found])


@router.get("/dashboard")
async def get_dashboard(caller: Viewer, db: DB, venue_id: UUID | None = None) -> views.Dashboard:
    """Today, this week and this month: bookings, guests, and what was paid less refunds."""
    found = await db.run(org_of(caller), lambda tx: figures.dashboard(tx, venue_id))
    return views.Dashboard.of(found)


@router.get(
    "/bookings/export",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Every row of the list, as CSV or as a JSON array",
            "content": {"text/csv": {}, "application/json": {}},
        },
        **responses(Unavailable),
    },
)
async def export_bookings(
    *,
    caller: Viewer,
    db: DB,
    shop: ShopPart,
    asked: BookingsFilter,
    exports: Annotated[exporting.Exports, Depends(part(exporting.Exports))],
    wanted_format: Annotated[Literal["csv", "json"], Query(alias="format")] = "csv",
) -> Response:
    """The list as a file, streamed; the same filters give the same rows in the same order."""
    exports.begin()
    try:
        org_id = org_of(caller)
        wanted = await db.run(
            org_id, lambda tx: looking_for(tx, asked.wanted, asked.search, shop.vault)
        )
        # The first page before the answer begins: what goes wrong there can still be told.
        first = await _batch(db, org_id, wanted, None)
    except BaseException:
        exports.end()
        raise
    pages = _pages(db, org_id, wanted, first, partial(_row, caller, shop))
    return exporting.Download(
        _WRITERS[wanted_format](pages),
        f"bookings-{datetime.now(UTC):%Y-%m-%d}.{wanted_format}",
        exporting.MEDIA_TYPES[wanted_format],
        exports,
    )


async def _page(
    tx: Transaction,
    wanted: Wanted,
    search: str | None,
    shop: Shop,
    *,
    after: After | None,
    limit: int,
) -> list[Listed]:
    meant = await looking_for(tx, wanted, search, shop.vault)
    return await list_bookings(tx, meant, after=after, limit=limit)


async def _batch(db: Database, org_id: UUID, wanted: Wanted, after: After | None) -> list[Listed]:
    return await db.run(org_id, lambda tx: list_bookings(tx, wanted, after=after, limit=_BATCH))


async def _pages(
    db: Database,
    org_id: UUID,
    wanted: Wanted,
    first: list[Listed],
    row: Callable[[Listed], dict[str, Any]],
) -> AsyncIterator[list[dict[str, Any]]]:
    """Page after page, each a transaction of its own: a slow reader holds no connection."""
    page = first
    while page:
        yield [row(listed) for listed in page]
        if len(page) < _BATCH:
            return
        page = await _batch(db, org_id, wanted, (page[-1].starts_at, page[-1].id))


def _row(caller: Principal, shop: Shop, listed: Listed) -> dict[str, Any]:
    """A line; how to reach the guest is for those who may see customers."""
    seen = caller.has("customers:view")
    return views.booking_row(
        listed, shop.vault.open(listed.sealed_contact, listed.id) if seen else None
    )


def _reply(found: list[Listed], limit: int, row: Callable[[Listed], dict[str, Any]]) -> Response:
    last = found[-1] if len(found) == limit else None
    return json_reply(
        {
            "items": [row(listed) for listed in found],
            "next_cursor": paging.encode(last.starts_at, last.id) if last else None,
        }
    )
