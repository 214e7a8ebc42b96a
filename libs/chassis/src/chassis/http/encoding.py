"""Request bodies are JSON in UTF-8 (RFC 8259), and nothing that Python would also take for it."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi.routing import APIRoute, request_response
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _Utf8Request(Request):
    async def json(self) -> Any:
        """The body; UTF-16, UTF-32, a byte order mark, NaN and Infinity are refused.

        Raises:
            ValueError: it is not JSON in UTF-8. FastAPI answers with 400.
        """
        return json.loads(str(await self.body(), "utf-8"), parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def read_as_utf8(route: APIRoute) -> None:
    """Let a route read its body strictly. `request.json()` guesses encodings from the bytes."""
    route.app = request_response(_strictly(route.get_route_handler()))


def _strictly(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        return await handler(_Utf8Request(request.scope, request.receive))

    return handle
