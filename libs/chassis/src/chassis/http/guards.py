"""Who may come in, and with how much: the internal token and the size of a body."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.auth import BadInternalToken, Principal
from chassis.problems import TooLarge

MAX_BODY = 256 * 1024
ALWAYS_OPEN = ("/livez", "/readyz", "/openapi.json", "/webhooks/")


class InternalToken:
    """Puts the verified caller into `request.state.principal`, or refuses with 401.

    `open_paths`: a path that ends in `/` opens everything below it, others open only themselves.
    """

    def __init__(
        self, app: ASGIApp, verify: Callable[[str], Principal], open_paths: tuple[str, ...] = ()
    ) -> None:
        self._app = app
        self._verify = verify
        paths = (*ALWAYS_OPEN, *open_paths)
        self._open = frozenset(path for path in paths if not path.endswith("/"))
        self._open_below = tuple(path for path in paths if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = next(
                (value for name, value in scope["headers"] if name == b"x-internal-token"), None
            )
            if token is not None:
                principal = self._verify(token.decode("latin-1"))
                scope.setdefault("state", {})["principal"] = principal
            elif not self._is_open(scope["path"]):
                raise BadInternalToken
        await self._app(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._open or path.startswith(self._open_below)


class BodyTooLarge(HTTPException):
    """413 in the one form that passes through FastAPI's body reading unchanged."""

    def __init__(self) -> None:
        super().__init__(413)


class BodyLimit:
    """Refuses bodies above `most` bytes, announced or streamed."""

    def __init__(self, app: ASGIApp, most: int = MAX_BODY) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced, chunked = _announced(scope)
        if announced > self._most:
            raise TooLarge(f"A body may have at most {self._most} bytes.")
        if not chunked:
            # The server reads no more than was announced.
            await self._app(scope, receive, send)
            return
        left = self._most

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise BodyTooLarge
            return message

        await self._app(scope, counted, send)


def _announced(scope: Scope) -> tuple[int, bool]:
    """The announced length (0 without one), and whether the body comes in chunks instead."""
    length, chunked = 0, False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"transfer-encoding":
            chunked = True
    return length, chunked
