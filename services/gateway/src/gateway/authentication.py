"""Who is asking, and may they: from credentials to a principal (AUT-10, AUT-11, F-41)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from chassis.auth import Principal
from chassis.manage_token import ManageTokens
from chassis.problems import Forbidden, NotFound, Unauthenticated
from gateway.keys import ApiKeys
from gateway.routes import Caller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.routes import Match
    from gateway.upstream import Trail
    from gateway.wire import Request

GUEST: Final = Principal(kind="guest", id="guest")
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


class WrongScheme(Unauthenticated):
    """An `Authorization` header that holds no API key of ours."""

    code = "API_KEY_INVALID"
    title = "The Authorization header must read: Bearer hf_..."


class PermissionMissing(Forbidden):
    """The key is valid, but it lacks the permission this takes."""

    code = "PERMISSION_MISSING"
    title = "The API key lacks a permission"


@dataclass(frozen=True, slots=True)
class Authentication:
    """Checks credentials against a line of the route table."""

    keys: ApiKeys
    manage_tokens: ManageTokens

    async def principal(
        self,
        request: Request,
        match: Match,
        trail: Trail,
        before_asking: Callable[[], Awaitable[None]],
    ) -> Principal:
        """The caller, who may take this line of the table.

        A key that is shown is checked even where a guest would do: a wrong one is never taken for
        a guest. A manage token counts only where the line takes one.

        Raises:
            Unauthenticated: nothing valid was shown, and the line takes no guests.
            Forbidden: the caller is known, but not allowed.
            NotFound: the manage token is for another booking.
            Unavailable: the key cannot be checked now.
        """
        route = match.route
        authorization = request.headers.get(b"authorization")
        if authorization is not None:
            principal = await self._key(authorization, trail, before_asking)
        elif request.manage_token is not None and Caller.MANAGE in route.callers:
            return self._holder(request.manage_token, match.parameters.get("booking_id"))
        elif Caller.GUEST in route.callers:
            return GUEST
        else:
            raise Unauthenticated(_what_is_taken(route.callers), headers=_CHALLENGE)
        if principal.kind not in route.callers:
            raise Forbidden
        if route.permission is not None and not principal.has(route.permission):
            raise PermissionMissing(f"This takes {route.permission}.")
        return principal

    async def _key(
        self, authorization: bytes, trail: Trail, before_asking: Callable[[], Awaitable[None]]
    ) -> Principal:
        scheme, _, key = authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise WrongScheme(headers=_CHALLENGE)
        return await self.keys.principal(key.strip(), trail, before_asking)

    def _holder(self, token: str, booking_id: str | None) -> Principal:
        claims = self.manage_tokens.verify(token, datetime.now(UTC))
        if booking_id is None or claims.booking_id != UUID(booking_id):
            raise NotFound
        return holder(claims.org_id, claims.booking_id, claims.epoch)


def holder(org_id: UUID, booking_id: UUID, epoch: int) -> Principal:
    """The holder of a manage token that was verified."""
    return Principal(
        kind="manage", id=str(booking_id), org_id=org_id, booking_id=booking_id, epoch=epoch
    )


def _what_is_taken(callers: frozenset[Caller]) -> str:
    if Caller.MANAGE in callers:
        return "This takes a manage token or an API key."
    return "This takes an API key."
