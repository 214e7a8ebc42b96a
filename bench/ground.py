"""PostgreSQL and RabbitMQ of the bench's own, as durable as in production."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from chassis import migrations, provision
from chassis.testing import Management
from devstack import sql
from devstack.keys import load
from devstack.progress import Say
from devstack.servers import Servers, Tuning, find_servers
from devstack.stack import forget

_PASSWORD = "bench"  # noqa: S105 - of throw-away databases on a private server


@dataclass(frozen=True)
class Ground:
    """The servers, started, without any service of ours."""

    servers: Servers

    @property
    def pids(self) -> dict[str, int]:
        """Root processes of both servers, as `postgres` and `rabbitmq`."""
        return {name: pid for name, pid in self.servers.pids().items() if name != "epmd"}

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """A fresh database with booking's schema, of roles of its own; its address."""
        admin = self.servers.postgres_url
        present = {row[0] for row in sql.fetch(admin, "SELECT rolname FROM pg_roles")}
        if "booking" not in present:
            sql.execute(
                admin, *provision.roles("booking", password=_PASSWORD, owner_password=_PASSWORD)
            )
        sql.execute(admin, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        sql.execute(admin, *provision.database("booking", name))
        superuser = _at(admin, database=name)
        asyncio.run(migrations.upgrade("booking", superuser))
        try:
            yield superuser
        finally:
            sql.execute(admin, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextmanager
    def vhost(self, name: str) -> Iterator[str]:
        """A fresh vhost with the system's topology; its AMQP address."""
        management = Management(self.servers.management)
        management.create_vhost(name)
        try:
            yield self.servers.amqp.rstrip("/") + "/" + quote(name, safe="")
        finally:
            management.delete_vhost(name)


@contextmanager
def ground(run_dir: Path, say: Say) -> Iterator[Ground]:
    """Start both servers; end and forget them on leaving."""
    run_dir.mkdir(parents=True, exist_ok=True)
    servers = find_servers(run_dir, load(run_dir), Tuning(max_connections=200, durable=True), say)
    say(f"starting PostgreSQL and RabbitMQ ({servers.kind})")
    try:
        servers.start_broker()
        servers.start_postgres()
        yield Ground(servers)
    finally:
        servers.discard()
        forget(run_dir)


def _at(url: str, *, database: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{database}", "", ""))
