"""A request passed on to the service it is for, and the answer passed back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.upstream import Services
from gateway.wire import PASSED_ON, Answer

if TYPE_CHECKING:
    from chassis.auth import Principal
    from gateway.routes import Match
    from gateway.wire import Request

_NAMES: Final = {name: name.decode().title() for name in PASSED_ON}
_LOCATION: Final = b"location"


class Handler(Protocol):
    """What stands behind a line of the route table."""

    async def __call__(
        self, request: Request, match: Match, principal: Principal, body: bytes | None
    ) -> Answer:
        """Answer a request whose caller is known, allowed and within limits."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The plain case: path without its version, chosen headers, our own credentials."""

    services: Services

    async def __call__(
        self, request: Request, match: Match, principal: Principal, body: bytes | None
    ) -> Answer:
        """The service's answer, with its own paths turned into public ones."""
        target = match.upstream_path
        if request.query:
            target = f"{target}?{request.query.decode()}"
        answer = await self.services.call(
            match.route.service,
            match.route.method,
            target,
            principal,
            request.trail,
            headers={
                _NAMES[name]: value.decode("latin-1")
                for name, value in request.headers.items()
                if name in PASSED_ON
            },
            body=body,
            repeatable=match.route.idempotent,
            long=match.route.long,
        )
        for index, (name, value) in enumerate(answer.headers):
            if name == _LOCATION and value.startswith(b"/") and not value.startswith(b"/v1/"):
                answer.headers[index] = (name, b"/v1" + value)
        return answer
