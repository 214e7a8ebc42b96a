"""What is left of a session: the busiest read of all, so nothing stands between it and the board.

The gateway counts callers; a request costs no tenant look-up, no transaction and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from booking.api import views
from booking.domain.refusals import Unknown
from booking.store.board import Board, Shown
from chassis.http import part
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


router = APIRouter(tags=["catalogue"], responses=responses(NotFound), route_class=FromTheBoard)


@router.get(
    "/sessions/{session_id}/availability",
    response_model=views.Availability,
    responses={304: {"description": "Still as the `If-None-Match` says"}},
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
