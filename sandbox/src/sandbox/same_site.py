"""A browser on this machine reaches loopback addresses for any web page it shows."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


async def same_site(
    request: Request, following: Callable[[Request], Awaitable[Response]]
) -> Response:
    """HTTP middleware: refuses what another site's page asks for with 403."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return JSONResponse({"detail": "cross-site request refused"}, status_code=403)
    return await following(request)
