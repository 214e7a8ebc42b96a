"""Fixtures for tests on real servers: a fresh migrated database, a fresh broker vhost.

Loaded with ``pytest_plugins = ["chassis.testing"]``. The servers are named by the environment
(``make test`` starts private ones): TEST_POSTGRES_URL, TEST_AMQP_URL, TEST_RABBITMQ_MANAGEMENT_URL.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.resources
import os
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import orjson
import pytest
import pytest_asyncio

from chassis import logging, migrations, pool, provision
from chassis.db import CONNECTION_SETTINGS, Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

PASSWORD = "test"  # noqa: S105 - of throw-away databases on a private server


@pytest.fixture(scope="session", autouse=True)
def _logs_as_services_write_them() -> None:
    """JSON lines on the real standard error, which pytest shows with a failure."""
    logging.configure("test", "test", stream=sys.__stderr__)


_PRODUCTION = dict(CONNECTION_SETTINGS)
_PRODUCTION_WAIT = pool.WAIT
_PATIENT = {
    "lock_timeout": "120s",
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "300s",
}


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """A crowd on a busy machine waits its turn, however long that takes.

    The limits that keep a service answering are times, and no test of a rule may depend on those.
    A test of a limit opens its database with ``production_limits``.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "WAIT", 300.0)
        for name, value in _PATIENT.items():
            patch.setitem(CONNECTION_SETTINGS, name, value)
        yield


@pytest.fixture
def production_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this test opens ends its waits as in production."""
    for name, value in _PRODUCTION.items():
        monkeypatch.setitem(CONNECTION_SETTINGS, name, value)
    monkeypatch.setattr(pool, "WAIT", _PRODUCTION_WAIT)


@dataclass(frozen=True)
class DatabaseUrls:
    """One test database: as the service sees it, as its migrations do, and as a superuser does."""

    url: str
    owner_url: str
    admin_url: str


def environment(name: str) -> str:
    """A test server's address.

    Raises:
        pytest.UsageError: it is not set.
    """
    value = os.environ.get(name)
    if not value:
        raise pytest.UsageError(f"{name} is not set: run the tests with `make test`")
    return value


async def eventually(
    condition: Callable[[], Awaitable[Any] | Any],
    *,
    timeout: float = 90,  # noqa: ASYNC109 - it says what happened, which asyncio.timeout cannot
    what: str = "",
) -> Any:
    """Wait until ``condition`` answers something true, and return it. No test sleeps by guess."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {timeout} s: {what or condition}")
        await asyncio.sleep(0.02)


def _at(url: str, *, user: str | None = None, database: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{user}:{PASSWORD}@{host}" if user else parts.netloc
    return urlunsplit((parts.scheme, netloc, f"/{database}", "", ""))


def _fingerprint(service: str) -> str:
    digest = hashlib.sha256()
    messaging = importlib.resources.files("chassis.messaging")
    for name in sorted(one.name for one in messaging.iterdir() if one.name.endswith(".sql")):
        digest.update(messaging.joinpath(name).read_bytes())
    for file in sorted(migrations.folder_of(service).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


async def _template(service: str, server: str) -> str:
    """The migrated database that test databases are cloned from, made once per schema."""
    name = f"template_{service}_{_fingerprint(service)}"
    admin = await asyncpg.connect(server)
    try:
        await admin.execute("SELECT pg_advisory_lock(7202)")
        if await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            return name
        for statement in provision.roles(service, password=PASSWORD, owner_password=PASSWORD):
            await admin.execute(statement)
        building = f"{name}_building"
        await admin.execute(f'DROP DATABASE IF EXISTS "{building}" WITH (FORCE)')
        for statement in provision.database(service, building):
            await admin.execute(statement)
        await migrations.upgrade(service, _at(server, user=f"{service}_owner", database=building))
        await admin.execute(f'ALTER DATABASE "{building}" RENAME TO "{name}"')
    finally:
        await admin.close()
    return name


@asynccontextmanager
async def database_of(service: str) -> AsyncIterator[DatabaseUrls]:
    """A fresh, migrated database of one service; dropped on leaving."""
    server = environment("TEST_POSTGRES_URL")
    template = await _template(service, server)
    name = f"test_{service}_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(server)
    try:
        await admin.execute("SELECT pg_advisory_lock(7202)")
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER {service}_owner')
        await admin.execute("SELECT pg_advisory_unlock(7202)")
        try:
            yield DatabaseUrls(
                url=_at(server, user=service, database=name),
                owner_url=_at(server, user=f"{service}_owner", database=name),
                admin_url=_at(server, database=name),
            )
        finally:
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fresh_database() -> AsyncIterator[Callable[[str], Awaitable[DatabaseUrls]]]:
    """Makes fresh databases of named services, all dropped at the end of a test module."""
    opened = []

    async def make(service: str) -> DatabaseUrls:
        manager = database_of(service)
        opened.append(manager)
        return await manager.__aenter__()

    yield make
    for manager in opened:
        await manager.__aexit__(None, None, None)


@asynccontextmanager
async def connected(urls: DatabaseUrls, *, pool_size: int = 5) -> AsyncIterator[Database]:
    """A ``Database`` on a test database; closed on leaving."""
    db = Database(urls.url, pool_size=pool_size, application_name="test")
    try:
        yield db
    finally:
        await db.close()


class Management:
    """The broker's management API, as far as tests need it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._base = f"{parts.scheme}://{parts.hostname}:{parts.port}/api"
        credentials = f"{parts.username}:{parts.password}".encode()
        self._authorization = f"Basic {b64encode(credentials).decode()}"
        self.user = parts.username or ""

    def call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the address is the test server's
            self._base + path,
            method=method,
            data=None if body is None else orjson.dumps(body),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
            content = response.read()
        return orjson.loads(content) if content else None

    def create_vhost(self, name: str) -> None:
        """A vhost with this system's topology, for one test."""
        from contracts import topology  # noqa: PLC0415 - only where a broker is used

        quoted = quote(name, safe="")
        self.call("PUT", f"/vhosts/{quoted}", {})
        self.call(
            "PUT",
            f"/permissions/{quoted}/{self.user}",
            {"configure": ".*", "write": ".*", "read": ".*"},
        )
        definitions = topology.definitions(name)
        for part in ("vhosts", "users", "permissions"):
            definitions.pop(part, None)
        for part in ("queues", "exchanges", "bindings", "policies"):
            for item in definitions.get(part, []):
                item.pop("vhost", None)
        self.call("POST", f"/definitions/{quoted}", definitions)

    def delete_vhost(self, name: str) -> None:
        self.call("DELETE", f"/vhosts/{quote(name, safe='')}")


@dataclass(frozen=True)
class Vhost:
    """A broker vhost of one test: its name and the AMQP address that reaches it."""

    name: str
    amqp_url: str
    management: Management

    def connections(self) -> list[dict[str, Any]]:
        """Client connections to this vhost, as far as the broker lists them yet."""
        found: list[dict[str, Any]] = self.management.call(
            "GET", f"/vhosts/{self.name}/connections"
        )
        return found

    def queues(self, prefix: str) -> set[str]:
        """Names of this vhost's queues that begin so."""
        found = self.management.call("GET", f"/queues/{self.name}")
        return {queue["name"] for queue in found if queue["name"].startswith(prefix)}

    def cut_connections(self) -> int:
        """Close every client connection to this vhost, as a failing network would; how many."""
        cut = 0
        for connection in self.connections():
            try:
                self.management.call("DELETE", f"/connections/{quote(connection['name'], safe='')}")
                cut += 1
            except urllib.error.HTTPError as error:
                if error.code != 404:  # it went by itself
                    raise
        return cut


@pytest.fixture
def vhost() -> Iterator[Vhost]:
    """A fresh vhost with exchange, queues, bindings and policies; deleted afterwards."""
    management = Management(environment("TEST_RABBITMQ_MANAGEMENT_URL"))
    name = f"test-{uuid4().hex[:12]}"
    management.create_vhost(name)
    url = environment("TEST_AMQP_URL").rstrip("/")
    yield Vhost(name, f"{url}/{name}", management)
    management.delete_vhost(name)
