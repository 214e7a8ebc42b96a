"""What both parties need of a web server: one socket, one uvicorn, and a line that says where."""

import logging
import socket
from typing import Any

import structlog
import uvicorn


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # From here on a client waits instead of being refused, so the address may be announced.
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def address(scheme: str, listener: socket.socket) -> str:
    """The listener as an address a client on this machine can use."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def log_as_json() -> None:
    """One JSON object a line on standard output, as the services log."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )


def _not_cut_short_on_purpose(record: logging.LogRecord) -> bool:
    """A fault may end an answer half-way; that is no news."""
    return "returned without completing response" not in record.getMessage()


def run(app: Any, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=3,
        # Long, as with the real ones: a client on a busy machine may find its connection closed.
        timeout_keep_alive=75,
    )
    logging.getLogger("uvicorn.error").addFilter(_not_cut_short_on_purpose)
    uvicorn.Server(config).run(sockets=[listener])
