"""Probes: `/livez` says that the process runs, `/readyz` that it can work, `/metrics` how it does.

A check is a coroutine that raises when its dependency is not there.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chassis.metrics import REGISTRY
from chassis.service import Service

Check = Callable[[], Awaitable[None]]
Probe = Callable[[Request], Awaitable[Response]]

log = structlog.get_logger(__name__)

CHECK_SECONDS = 2.0
# However many probes and curious strangers ask, dependencies are asked once a second.
REMEMBER_SECONDS = 1.0


class Readiness:
    """Runs the checks together, each bounded to 2 s, and remembers the outcome for a second."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._draining = False
        self._lock = asyncio.Lock()
        self._known: tuple[float, dict[str, str]] = (float("-inf"), {})

    @classmethod
    def of(cls, service: Service) -> "Readiness":
        """The checks of an API process: its database and what the service adds.

        Not the broker: requests are answered while it is down.
        """
        checks: dict[str, Check] = dict(service.ready)
        if service.db is not None:
            checks["database"] = service.db.ping
        return cls(checks)

    def add(self, name: str, check: Check) -> None:
        """One more check."""
        self._checks[name] = check

    def drain(self) -> None:
        """From now on not ready: the process is going away."""
        self._draining = True

    async def failures(self) -> dict[str, str]:
        """What is not ready, by name; empty when all is well."""
        if self._draining:
            return {"process": "draining"}
        async with self._lock:
            if time.monotonic() - self._known[0] > REMEMBER_SECONDS:
                found = await asyncio.gather(*(self._run(name) for name in self._checks))
                self._known = (time.monotonic(), {name: why for name, why in found if why})
            return self._known[1]

    async def _run(self, name: str) -> tuple[str, str]:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._checks[name]()
        except Exception as error:  # noqa: BLE001  # whatever it is, we are not ready
            log.warning("health.not_ready", check=name, reason=type(error).__name__)
            # The kind only: probes are open, and messages may name hosts.
            return name, type(error).__name__
        return name, ""


def probes(readiness: Readiness) -> dict[str, Probe]:
    """The two probes, by path."""

    async def livez(_: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    async def readyz(_: Request) -> Response:
        failures = await readiness.failures()
        body = {"status": "unavailable" if failures else "ok", "failing": failures}
        return Response(orjson.dumps(body), 503 if failures else 200, media_type="application/json")

    return {"/livez": livez, "/readyz": readyz}


def internal_app(readiness: Readiness) -> Starlette:
    """The application on the internal port: probes and metrics."""

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    endpoints: dict[str, Probe] = {**probes(readiness), "/metrics": metrics}
    return Starlette(routes=[Route(path, probe) for path, probe in endpoints.items()])
