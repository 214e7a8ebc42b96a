"""``Idempotent-Replayed: true`` on answers that were given before, whatever route gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.store import idempotency

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADER = (b"idempotent-replayed", b"true")


class MarkReplays:
    """Pure ASGI middleware: routes need not know whether their answer is an old one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        replay = idempotency.watch()

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start" and replay.happened:
                message["headers"] = [*message.get("headers", ()), _HEADER]
            await send(message)

        await self._app(scope, receive, send_marked)
