"""What is left of a session: the busiest read of all, so nothing stands between it and the board.

The gateway counts callers; a request costs no tenant look-up, no transaction and no model.
"""

from collections.abc import Callable, Coroutine
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from booking.api import views
from booking.api.bodies.fields import LocalTime, time_of
from booking.api.callers import ShopPart
from booking.domain.inventory import LARGEST_PARTY
from booking.domain.refusals import Unknown
from booking.store.board import Board, Shown
from booking.usecases.day_availability import day_availability
from chassis.http import DB, part
from chassis.problems import NotFound, responses

_board = part(Board)
# May be kept, but must be asked about every time (GTW-04): an ETag makes that cheap.
_HEADERS = {"cache-control": "no-cache"}


async def _answer(request: Request) -> Response:
    try:
        session_id = UUID(request.path_params["session_id"])
    except ValueError:
        raise Unknown from None
    shown = await (await _board(request)).of(session_id)
    return reply(request, shown)


class FromTheBoard(APIRoute):
    """Documented like any route, but answered without FastAPI's reading and validating."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return _answer


board_router = APIRouter(
    tags=["catalogue"], responses=responses(NotFound), route_class=FromTheBoard
)
router = APIRouter(tags=["catalogue"], responses=responses(NotFound))
_STILL: dict[int | str, dict[str, Any]] = {
    304: {"description": "Still as the `If-None-Match` says"}
}


@board_router.get(
    "/sessions/{session_id}/availability", response_model=views.Availability, responses=_STILL
)
async def get_availability(session_id: UUID) -> None:
    """What is left of a session at this moment. Strong `ETag`; nothing of who has it (F-41)."""
    del session_id  # _answer() reads it from the address; this describes the route


def reply(request: Request, shown: Shown) -> Response:
    """What is shown, or 304 when the caller has exactly that."""
    headers = {**_HEADERS, "etag": shown.etag}
    asked = request.headers.get("if-none-match")
    if asked is not None and has(asked, shown.etag):
        return Response(status_code=304, headers=headers)
    return Response(shown.body, 200, headers, "application/json")


def has(asked: str, etag: str) -> bool:
    """Whether an ``If-None-Match`` names the tag; weak tags count here (RFC 9110, 13.1.2)."""
    return asked.strip() == "*" or any(
        tag.strip().removeprefix("W/") == etag for tag in asked.split(",")
    )


@router.get(
    "/offerings/{offering_id}/availability",
    response_model=views.DayAvailability,
    responses=_STILL,
)
async def get_day_availability(
    *,
    request: Request,
    offering_id: UUID,
    day: Annotated[date, Query(alias="date", description="A day at the venue: YYYY-MM-DD")],
    party_size: Annotated[
        int | None, Query(ge=1, le=LARGEST_PARTY, description="Needed where tables are assigned")
    ] = None,
    at: Annotated[
        LocalTime | None,
        Query(alias="time", description="A wanted start: what is near, if it is not free"),
    ] = None,
    db: DB,
    shop: ShopPart,
) -> Response:
    """What is left on one day at the venue: of its sessions, or at each start guests may choose."""
    org_id = await shop.tenants.of_offering(offering_id)
    wanted = None if at is None else time_of(at)
    found = await db.run(
        org_id,
        lambda tx: day_availability(
            tx, offering_id, day, party_size, wanted, listings=shop.listings
        ),
    )
    return reply(request, Shown.of(found))
