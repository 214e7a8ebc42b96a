"""What a service is made of: the value its composition root builds and each role runs."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from fastapi import APIRouter, FastAPI

    from chassis.db import Database
    from chassis.intents import Executor
    from chassis.messaging import Handlers
    from chassis.settings import ProcessSettings

Hook = Callable[[], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Service:
    """A service, assembled but not started.

    `parts` are things of the service's own that its routers reach through `chassis.http.part`.
    `open_paths` are path prefixes served without an internal token; `internal_tokens=False` (the
    gateway, which checks callers itself) turns the check off. `extend` gets the finished
    application, for what routers cannot say. `jobs` run in the worker until cancelled.
    `on_start` runs before the first request or message, `on_stop` after the last, in order.
    `ready` are further readiness checks by name; they raise when not ready. `openapi=False` leaves
    the path `/openapi.json` to the service itself. `protocol` makes each connection's protocol, for
    a service that strangers can reach.
    """

    name: str
    settings: "ProcessSettings"
    db: "Database | None" = None
    routers: "Sequence[APIRouter]" = ()
    handlers: "Handlers | None" = None
    executors: "Mapping[str, Executor]" = field(default_factory=dict)
    jobs: Sequence[Hook] = ()
    on_start: Sequence[Hook] = ()
    on_stop: Sequence[Hook] = ()
    parts: Sequence[object] = ()
    open_paths: Sequence[str] = ()
    internal_tokens: bool = True
    ready: Mapping[str, Hook] = field(default_factory=dict)
    openapi: bool = True
    extend: "Callable[[FastAPI], None] | None" = None
    protocol: "Callable[..., asyncio.Protocol] | None" = None
