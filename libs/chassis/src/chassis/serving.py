"""Serving an ASGI application until told to stop, and then finishing what is in flight."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import structlog
import uvicorn
from starlette.types import ASGIApp

log = structlog.get_logger(__name__)

# Longer than clients of ours keep an idle connection, so that it is never we who close it first.
KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048


class CannotListen(Exception):  # told to a person as it is
    """The address is taken, or not ours to listen on."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        CannotListen: with the address and the reason.
    """
    try:
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=_BACKLOG,
        )
    except OSError as error:
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror}") from error


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: a process has one, for all its parts."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGIApp,
    at: socket.socket,
    stop: asyncio.Event,
    *,
    drain_seconds: int,
    protocol: Callable[..., asyncio.Protocol] | None = None,
) -> None:
    """Serve until `stop`; then close idle connections, answer what has begun, and return.

    Requests still running after `drain_seconds` are cancelled. `protocol` makes the protocol of
    each connection, in place of uvicorn's own.
    """
    server = _Server(
        uvicorn.Config(
            app,
            # uvicorn asks for a class and only ever calls it.
            http=cast("type[asyncio.Protocol]", protocol) if protocol else "httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # Whom to believe about the client's address is the gateway's decision.
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=drain_seconds,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[at]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await serving
