"""What a venue can show a bank: the dispute, the booking, its path and what the guest was told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from chassis.problems import NotFound, Problem, Unavailable
from gateway.routes import Upstream
from gateway.timeline import Timeline
from gateway.upstream import Services
from gateway.wire import Answer

if TYPE_CHECKING:
    from chassis.auth import Principal
    from gateway.routes import Match
    from gateway.wire import Request

log = structlog.get_logger(__name__)


class NoSuchDispute(NotFound):
    """The dispute is unknown, or another organisation's."""

    code = "DISPUTE_NOT_FOUND"
    title = "There is no such dispute"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Asks payments which booking it is about, and then all services at once about that."""

    services: Services
    timeline: Timeline

    async def __call__(
        self,
        request: Request,
        match: Match,
        principal: Principal,
        body: bytes | None,  # noqa: ARG002 - the form of a handler
    ) -> Answer:
        """The bundle; `incomplete` names the services whose part of it is missing.

        What the venue itself was told is no evidence, so it is left out.

        Raises:
            NoSuchDispute: payments knows no such dispute of the caller's organisation.
            Unavailable: payments cannot be asked.
        """
        path = match.upstream_path.removesuffix("/evidence")
        dispute = await self._part(Upstream.PAYMENTS, request, path, principal)
        if dispute is None:
            raise Unavailable("The dispute cannot be read now.", retry_after=2)
        about = f"/bookings/{dispute['booking_id']}"
        booking, sent, (entries, missing) = await asyncio.gather(
            self._part(Upstream.BOOKING, request, about, principal),
            self._part(Upstream.NOTIFICATIONS, request, f"{about}/messages", principal),
            self.timeline.of(f"{about}/timeline", request, principal),
        )
        parts = {Upstream.BOOKING: booking, Upstream.NOTIFICATIONS: sent}
        missing |= {service for service, part in parts.items() if part is None}
        bundle: dict[str, Any] = {
            "dispute": dispute,
            "booking": booking,
            "timeline": entries,
            "messages": [one for one in (sent or {}).get("items", []) if one.get("to") != "venue"],
            "incomplete": sorted(missing),
        }
        return Answer.json(orjson.dumps(bundle))

    async def _part(
        self, service: Upstream, request: Request, path: str, principal: Principal
    ) -> dict[str, Any] | None:
        """What one service answers; None when it cannot be asked."""
        try:
            answer = await self.services.call(
                service, "GET", path, principal, request.trail, within=self.timeline.within
            )
        except Problem:
            return None
        if answer.status == 404 and service is Upstream.PAYMENTS:
            raise NoSuchDispute
        if answer.status != 200:
            log.error("evidence.refused", service=service.value, status=answer.status)
            return None
        found: dict[str, Any] = orjson.loads(answer.body)
        return found
