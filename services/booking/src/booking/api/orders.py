"""What bookings order from the menu, and what the kitchen makes of it."""

from uuid import UUID

from fastapi import APIRouter

from booking.api import paging, views
from booking.api.bodies import ChangeOrder
from booking.api.callers import (
    ShopPart,
    Viewer,
    actor_of,
    check_guest_or,
    org_of,
    org_of_booking,
)
from booking.usecases.change_order import ChangeOrder as ChangeBookingOrder
from booking.usecases.change_order import change_order
from booking.usecases.kitchen import kitchen
from chassis.http import DB, Caller
from chassis.problems import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, responses

router = APIRouter(tags=["bookings"])


@router.patch(
    "/bookings/{booking_id}/order",
    responses=responses(NotFound, Unauthenticated, Forbidden, Conflict, Invalid),
)
async def patch_order(
    booking_id: UUID, body: ChangeOrder, caller: Caller, db: DB, shop: ShopPart
) -> views.Order:
    """Change the dishes or the allergies, until the cut-off, where the difference is no payment."""
    check_guest_or(caller, "bookings:edit")
    command = ChangeBookingOrder(
        booking_id=booking_id,
        items=None if body.items is None else tuple(item.choice() for item in body.items),
        allergies=body.allergies,
        actor=actor_of(caller),
        version=body.version,
        manage_epoch=caller.epoch,
    )
    booking, dishes = await db.run(
        org_of_booking(caller, booking_id),
        lambda tx: change_order(tx, command, listings=shop.listings),
    )
    return views.Order.of(booking, dishes)


@router.get(
    "/sessions/{session_id}/kitchen", responses=responses(NotFound, Unauthenticated, Forbidden)
)
async def get_kitchen(
    *,
    session_id: UUID,
    caller: Viewer,
    db: DB,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Kitchen:
    """The prep list: totals per dish, and each party's dishes and allergies."""
    after = paging.after_instant(cursor)
    prep = await db.run(
        org_of(caller), lambda tx: kitchen(tx, session_id, after=after, limit=limit)
    )
    last = prep.tickets[-1] if len(prep.tickets) == limit else None
    return views.Kitchen.of(prep, paging.encode(last.starts_at, last.booking_id) if last else None)
