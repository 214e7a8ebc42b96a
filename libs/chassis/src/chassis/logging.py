"""Logs: one JSON object per line on standard output, with ids to join them and no personal data.

Ids of the request or message at hand come from context: bind them with
`structlog.contextvars.bound_contextvars(request_id=..., message_id=...)`.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from chassis import telemetry
from chassis.redaction import REDACTED, clean, describe, forbidden

_SAFE_AS_THEY_ARE: Final = frozenset({"timestamp", "level", "logger", "service", "role"})
# Chatty at INFO, and nothing in it that our own lines do not say.
_QUIET = ("aio_pika", "aiormq", "asyncio", "uvicorn", "uvicorn.error", "alembic", "httpx", "stripe")


def configure(service: str, role: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs of this process, our own and libraries', to `stream` (stdout) as JSON lines."""
    out = stream or sys.stdout
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Origin(service, role),
        add_trace,
        add_exception,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    _access.out = out if root.level <= logging.INFO else None
    _access.origin = {"level": "info", "service": service, "role": role}


class _Access:
    """Where access lines go, and what is the same in all of them."""

    def __init__(self) -> None:
        self.out: TextIO | None = None
        self.origin: dict[str, str] = {}


_access = _Access()


def access(fields: Mapping[str, str | float | None]) -> None:
    """Write the one line that every request leaves.

    Straight to the stream: through all processors it would cost more than the rest of the edge.
    The caller answers for the fields holding ids and numbers only.
    """
    if _access.out is None:
        return
    line = orjson.dumps(
        {
            "event": "http.request",
            "timestamp": datetime.now(UTC),
            **_access.origin,
            **fields,
        },
        option=orjson.OPT_UTC_Z,
    )
    _access.out.write(line.decode() + "\n")
    _access.out.flush()


class _Origin:
    """Says which service and role a line comes from."""

    def __init__(self, service: str, role: str) -> None:
        self._service = service
        self._role = role

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = self._service
        event["role"] = self._role
        return event


def add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add the current trace id, when there is one."""
    if (trace_id := telemetry.trace_id()) is not None:
        event.setdefault("trace_id", trace_id)
    return event


def add_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace `exc_info` with the exception's types, scrubbed messages and frames."""
    given = event.pop("exc_info", None)
    error = given
    if given is True:
        error = sys.exc_info()[1]
    elif isinstance(given, tuple):
        error = given[1]
    if isinstance(error, BaseException):
        event["exception"] = describe(error)
    return event


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace whatever looks personal or secret, by key and by shape."""
    for key, value in event.items():
        if key in _SAFE_AS_THEY_ARE:
            continue
        if forbidden(key):
            event[key] = REDACTED
        elif value.__class__ is not int:
            event[key] = clean(value)
    return event


def _json(event: Mapping[str, Any], **_: object) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
