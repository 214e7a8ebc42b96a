"""A booking's whole path, put together from what each service knows of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from chassis.problems import NotFound, Problem
from gateway.routes import Upstream
from gateway.upstream import Services
from gateway.wire import Answer

if TYPE_CHECKING:
    from chassis.auth import Principal
    from gateway.routes import Match
    from gateway.wire import Request

log = structlog.get_logger(__name__)

_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Asks all services at once; one that takes longer than `within` seconds is named instead."""

    services: Services
    within: float = 3.0

    async def __call__(
        self,
        request: Request,
        match: Match,
        principal: Principal,
        body: bytes | None,  # noqa: ARG002 - the form of a handler
    ) -> Answer:
        """All entries by time, and in `incomplete` the services that are missing from them.

        Raises:
            NotFound: booking knows no such booking of the caller's organisation.
        """
        entries, missing = await self.of(match.upstream_path, request, principal)
        incomplete = [service for service in Upstream if service in missing]
        return Answer.json(orjson.dumps({"entries": entries, "incomplete": incomplete}))

    async def of(
        self, path: str, request: Request, principal: Principal
    ) -> tuple[list[dict[str, Any]], set[Upstream]]:
        """All entries by time, and the services that are missing from them.

        Raises:
            NotFound: booking knows no such booking of the caller's organisation.
        """
        asked = list(Upstream)
        found = await asyncio.gather(
            *(self._entries(service, request, path, principal) for service in asked)
        )
        entries = [entry for part in found if part is not None for entry in part]
        entries.sort(key=lambda entry: (_instant(entry), str(entry.get("service"))))
        return entries, {each for each, part in zip(asked, found, strict=True) if part is None}

    async def _entries(
        self, service: Upstream, request: Request, path: str, principal: Principal
    ) -> list[dict[str, Any]] | None:
        """What one service knows; None when it cannot be asked."""
        try:
            answer = await self.services.call(
                service, "GET", path, principal, request.trail, within=self.within
            )
        except Problem:
            return None
        if answer.status == 404:
            if service is Upstream.BOOKING:
                raise NotFound
            return []
        if answer.status != 200:
            log.error("timeline.refused", service=service.value, status=answer.status)
            return None
        entries: list[dict[str, Any]] = orjson.loads(answer.body)["entries"]
        return entries


def _instant(entry: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(entry["at"])
    except (KeyError, TypeError, ValueError):
        return _BEGINNING
