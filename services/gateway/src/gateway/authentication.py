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

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.routes import Callers, Match, Route
    from gateway.wire import Request, Trail

GUEST: Final = Principal(kind="guest", id="guest")
_WRONG_KIND: Final = {
    "key": "This takes an operator's key.",
    "operator": "An operator acts for no organisation: this takes a key of the organisation.",
}
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

    async def identify(
        self,
        request: Request,
        match: Match,
        before_asking: Callable[[], Awaitable[None]],
    ) -> Principal:
        """The caller, by what they show; whether they may is the next question.

        A key that is shown is checked even where a guest would do: a wrong one is never taken for
        a guest. A manage token counts only where the line takes one.

        Raises:
            Unauthenticated: what was shown is not valid, or nothing was and guests are not let in.
            NotFound: the manage token is for another booking, or another place in line.
            Unavailable: the key cannot be checked now.
        """
        callers = match.route.callers
        authorization = request.headers.get(b"authorization")
        if authorization is not None:
            return await self._key(authorization, request.trail, before_asking)
        if request.manage_token is not None and "manage" in callers:
            return self._holder(request.manage_token, match.held)
        if "guest" in callers:
            return GUEST
        raise Unauthenticated(_what_is_taken(callers), headers=_CHALLENGE)

    async def _key(
        self, authorization: bytes, trail: Trail, before_asking: Callable[[], Awaitable[None]]
    ) -> Principal:
        scheme, _, key = authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise WrongScheme(headers=_CHALLENGE)
        return await self.keys.principal(key.strip(), trail, before_asking)

    def _holder(self, token: str, held: str | None) -> Principal:
        claims = self.manage_tokens.verify(token, datetime.now(UTC))
        if held is None or claims.booking_id != UUID(held):
            raise NotFound
        return holder(claims.org_id, claims.booking_id, claims.epoch)


def admit(principal: Principal, route: Route) -> None:
    """Let the caller take this line of the table.

    Raises:
        Forbidden: the line is not for this kind of caller, or the key lacks its permission.
    """
    if principal.kind not in route.callers:
        raise Forbidden(_WRONG_KIND.get(principal.kind))
    if (
        route.permission is not None
        and principal.kind == "key"
        and not principal.has(route.permission)
    ):
        raise PermissionMissing(f"This takes {route.permission}.")


def holder(org_id: UUID, booking_id: UUID, epoch: int) -> Principal:
    """The holder of a manage token that was verified."""
    return Principal(
        kind="manage", id=str(booking_id), org_id=org_id, booking_id=booking_id, epoch=epoch
    )


def _what_is_taken(callers: Callers) -> str:
    if "manage" in callers:
        return "This takes a manage token or an API key."
    return "This takes an API key."
