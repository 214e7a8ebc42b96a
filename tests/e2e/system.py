"""A running system as tests see it: its addresses, its clock, its tables, and its parts to break.

`StackSystem` runs processes of the virtual environment on servers of their own,
`containers.ContainerSystem` the images, and `GivenSystem` takes one that runs already.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from chassis import clock
from contracts.registry import contract
from devstack.stack import Overrides, Stack

from .calls import until

SERVICES = ("booking", "payments", "customers", "notifications")


@dataclass(frozen=True)
class Endpoints:
    """Where everything answers, from the point of view of the tests."""

    gateway: str
    stripe: str
    paypal: str
    swish: str
    mailbox: str
    webhooks: str  # the payments service itself, for provider events
    webhooks_for_sandbox: str  # the same, from where the sandbox stands
    databases: Mapping[str, str]  # address of the service's own role
    superuser: Mapping[str, str]  # the same databases without row-level security
    amqp: str
    operator_key: str
    platform_key: str  # publishable, of the platform's own account at Stripe
    demo: Mapping[str, Any]  # organisations by slug

    @classmethod
    def of(cls, known: Mapping[str, Any]) -> Self:
        """From the content of `endpoints.json`."""
        addresses = known.get("databases", {})
        return cls(
            gateway=known["gateway"],
            stripe=known["sandbox"]["stripe"],
            paypal=known["sandbox"]["paypal"],
            swish=known["sandbox"]["swish"],
            mailbox=known["sandbox"]["mailbox"],
            webhooks=known.get("services", {}).get("payments", {}).get("http", known["webhooks"]),
            webhooks_for_sandbox=known["webhooks"],
            databases={service: addresses[service]["url"] for service in addresses},
            superuser={service: _database(known["postgres"], service) for service in addresses},
            amqp=known.get("rabbitmq", {}).get("amqp", ""),
            operator_key=known["keys"]["operator"],
            platform_key=known.get("stripe", {}).get("publishable_key", "pk_test_unknown"),
            demo=known["demo"]["organisations"],
        )


def _database(superuser: str, name: str) -> str:
    return urlunsplit(urlsplit(superuser)._replace(path=f"/{name}"))


@dataclass(frozen=True)
class Finished:
    """A command that ran to its end; `output` is both streams."""

    code: int
    output: str


class System(Protocol):
    """A whole system.

    Parts are named as `devstack` names processes (`booking`, or `booking-api` and
    `booking-worker-2` where the plan says so; `gateway`, `sandbox-stripe`, `sandbox-paypal`, `sandbox-swish`,
    `sandbox-mailbox`), and the two servers `postgres` and `rabbitmq`. Calls block until what they say has happened.
    """

    @property
    def endpoints(self) -> Endpoints: ...

    def close(self) -> None:
        """End everything that was started for the tests, and its data."""

    def parts(self) -> Sequence[str]:
        """Every part by name, running or not."""

    def start(self, part: str, env: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """Start a part that does not run, `env` added this time only; with `wait` until ready."""

    def stop(self, part: str) -> None:
        """SIGTERM, and wait until it has drained and ended."""

    def kill(self, part: str) -> None:
        """SIGKILL, as a crash would."""

    def wait_exit(self, part: str, seconds: float = 120) -> int | None:
        """Wait until a part ends by itself; its return code, -9 = SIGKILL.

        Raises:
            TimeoutError: it still runs.
        """

    def log(self, part: str) -> str:
        """The end of a part's log."""

    def run(self, service: str, *arguments: str, env: Mapping[str, str | None]) -> Finished:
        """`python -m service arguments` in the service's environment, to its end.

        `env` changes that environment; None takes a variable away. A command that has not ended
        after 120 s fails the test.
        """


class StackSystem:
    """Processes on this machine, under one directory; `plan` and `overrides` as `Stack` takes."""

    def __init__(
        self,
        run_dir: Path,
        *,
        plan: Mapping[str, int] | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        self.stack = Stack(run_dir, "test", plan=plan, env_overrides=overrides)
        try:
            self.stack.start()
            self.stack.seed()
        except BaseException:
            self.stack.stop()
            raise
        self._endpoints = Endpoints.of(self.stack.endpoints)

    @property
    def endpoints(self) -> Endpoints:
        return self._endpoints

    def close(self) -> None:
        self.stack.stop()

    def parts(self) -> Sequence[str]:
        return [*self.stack.processes, "postgres", "rabbitmq"]

    def start(self, part: str, env: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        if part == "postgres":
            self.stack.start_postgres()
        elif part == "rabbitmq":
            self.stack.start_broker()
        else:
            self.stack.process(part).start(env, wait=wait)

    def stop(self, part: str) -> None:
        if part == "postgres":
            self.stack.stop_postgres()
        elif part == "rabbitmq":
            self.stack.stop_broker()
        else:
            self.stack.process(part).stop()

    def kill(self, part: str) -> None:
        if part == "postgres":
            self.stack.kill_postgres()
        elif part == "rabbitmq":
            self.stack.kill_broker()
        else:
            self.stack.process(part).kill9()

    def wait_exit(self, part: str, seconds: float = 120) -> int | None:
        return self.stack.process(part).wait_exit(seconds)

    def log(self, part: str) -> str:
        return self.stack.process(part).log

    def run(self, service: str, *arguments: str, env: Mapping[str, str | None]) -> Finished:
        unit = next(unit for unit in self.stack.units if unit.package == service)
        settings: dict[str, str | None] = {**self.stack.wiring.env(unit), **env}
        done = subprocess.run(
            [sys.executable, "-m", service, *arguments],
            env={name: value for name, value in settings.items() if value is not None},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Finished(done.returncode, done.stdout + done.stderr)


class GivenSystem:
    """A system somebody else started, known by its `endpoints.json`: nothing of it is broken."""

    def __init__(self, file: Path) -> None:
        self._endpoints = Endpoints.of(json.loads(file.read_text()))

    @property
    def endpoints(self) -> Endpoints:
        return self._endpoints

    def close(self) -> None:
        """It is not ours to end."""

    def parts(self) -> Sequence[str]:
        return ()

    def start(self, part: str, env: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        _not_ours()

    def stop(self, part: str) -> None:
        _not_ours()

    def kill(self, part: str) -> None:
        _not_ours()

    def wait_exit(self, part: str, seconds: float = 120) -> int | None:
        _not_ours()

    def log(self, part: str) -> str:
        _not_ours()

    def run(self, service: str, *arguments: str, env: Mapping[str, str | None]) -> Finished:
        _not_ours()


def _not_ours() -> Any:
    pytest.skip("needs a system of its own, whose processes it may end")


class Clock:
    """The time of the whole system: the databases' clock and the offset tests add to it."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._databases = endpoints.databases

    async def advance(self, duration: timedelta) -> None:
        """Move every service's time forward; workers run what became due.

        Booking's last: nothing is between its new time and the request that is about it.
        """
        for service in (*(each for each in SERVICES if each != "booking"), "booking"):
            async with _connected(self._databases, service) as driver:
                await clock.advance(driver, duration.total_seconds(), environment="test")

    async def now(self) -> datetime:
        """The time as booking has it."""
        async with _connected(self._databases, "booking") as driver:
            now: datetime = await driver.fetchval("SELECT messaging.now()")
        return now.astimezone(UTC)

    async def advance_to(self, instant: datetime) -> None:
        """Move time forward to an instant that is still to come."""
        left = instant - await self.now()
        assert left > timedelta(0), f"{instant} has passed"
        await self.advance(left)


class Tables:
    """The services' tables, all tenants, for counting what must not be there."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._databases = endpoints.superuser

    async def value(self, service: str, query: str, *arguments: object) -> Any:
        """The first column of the first row."""
        async with _connected(self._databases, service) as driver:
            return await driver.fetchval(query, *arguments)

    async def quiet(self, booking_id: str | None = None) -> bool:
        """Whether nothing is under way: no call, no message, nothing unread of what was told.

        What was told about one booking, or about all there is. Timers that are not due yet don't
        count. A message in the broker or in a worker's hands is in no outbox, so what counts is
        that each of its consumers has noted it.
        """
        told = await self._told(booking_id)
        for consumer in SERVICES:
            wanted = {message for message, kind in told if consumer in contract(kind).consumers}
            if await self.value(consumer, _READ, wanted) < len(wanted):
                return False
        for service in SERVICES:
            if await self.value(service, _UNDER_WAY):
                return False
        return told == await self._told(booking_id)

    async def at_rest(self, *, seconds: float = 120) -> None:
        """Wait until nothing is under way anywhere."""
        await until("the system at rest", self.quiet, seconds=seconds)

    async def _told(self, booking_id: str | None) -> set[tuple[Any, str]]:
        """Message id and type of everything that was published."""
        return {
            (row["message_id"], row["type"])
            for service in SERVICES
            for row in await self.rows(service, _TOLD, booking_id)
        }

    async def rows(self, service: str, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Every row."""
        async with _connected(self._databases, service) as driver:
            return [dict(row) for row in await driver.fetch(query, *arguments)]


_UNDER_WAY = """
    SELECT EXISTS (SELECT FROM messaging.intents WHERE state = 'pending')
        OR EXISTS (SELECT FROM messaging.outbox
                   WHERE due_at IS NULL OR due_at <= messaging.now() OR attempt > 0)
"""
_TOLD = """
    SELECT type, message_id FROM messaging.archive WHERE $1::text IS NULL OR ordering_key = $1
"""
_READ = "SELECT count(*) FROM messaging.inbox WHERE message_id = ANY($1)"


@contextlib.asynccontextmanager
async def _connected(databases: Mapping[str, str], service: str) -> AsyncIterator[Any]:
    if service not in databases:
        pytest.skip("needs the addresses of the databases")
    address = databases[service]

    async def connect() -> asyncpg.Connection | None:
        try:
            return await asyncpg.connect(address, timeout=60)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            return None  # a test has broken the server, and it will be back

    driver = await until("a connection to the database", connect)
    try:
        yield driver
    finally:
        await driver.close()
