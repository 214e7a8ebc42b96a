"""What a route may ask for. All are coroutines: FastAPI runs plain functions in a thread."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends
from starlette.requests import Request

from chassis.auth import Principal
from chassis.db import Database
from chassis.problems import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from chassis.service import Service

P = TypeVar("P")


async def database(request: Request) -> Database:
    """The service's database."""
    service: Service = request.app.state.service
    if service.db is None:
        raise RuntimeError(f"{service.name} has no database")
    return service.db


async def principal(request: Request) -> Principal:
    """The verified caller.

    Raises:
        Unauthenticated: on a path that is served without an internal token.
    """
    found: Principal | None = getattr(request.state, "principal", None)
    if found is None:
        raise Unauthenticated
    return found


DB = Annotated[Database, Depends(database)]
Caller = Annotated[Principal, Depends(principal)]


def require(*permissions: str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency that lets callers pass who have one of the permissions, and returns them.

    Usage: `caller: Annotated[Principal, Depends(require("bookings:view"))]`.

    Raises (when the request comes):
        Unauthenticated: a guest; 401, since credentials might help.
        Forbidden: anyone else without the permission.
    """

    async def check(request: Request) -> Principal:
        caller = await principal(request)
        if any(caller.has(permission) for permission in permissions):
            return caller
        if caller.kind == "guest":
            raise Unauthenticated
        raise Forbidden(f"This needs the permission {' or '.join(permissions)}.")

    return check


def part(kind: type[P]) -> Callable[[Request], Awaitable[P]]:
    """A dependency that finds the service's own part of this type (see `Service.parts`)."""

    async def find(request: Request) -> P:
        service: Service = request.app.state.service
        for candidate in service.parts:
            if isinstance(candidate, kind):
                return candidate
        raise RuntimeError(f"{service.name} has no part of type {kind.__name__}")

    return find
