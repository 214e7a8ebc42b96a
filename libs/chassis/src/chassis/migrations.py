"""Alembic without ceremony: each service's versions folder, run as the owner role."""

from __future__ import annotations

import importlib.resources
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from sqlalchemy import NullPool, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from alembic.operations import Operations
    from sqlalchemy import Connection, MetaData

__all__ = [
    "ResolutionError",
    "change_messaging_schema",
    "create_messaging_schema",
    "differences",
    "tenant_table",
    "upgrade",
]


def folder_of(service: str) -> Path:
    """Where a service keeps its migrations: ``services/<service>/migrations``."""
    spec = importlib.util.find_spec(service)
    if spec is None or spec.origin is None:
        raise LookupError(f"no service named {service} is installed")
    return Path(spec.origin).parents[2] / "migrations"


def _config(service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder_of(service)))
    config.set_main_option("path_separator", "os")
    return config


async def upgrade(service: str, url: str, target: str = "head") -> None:
    """Bring a service's database to its newest schema. Running it again changes nothing.

    Args:
        service: the service's package name.
        url: a URL of the owner role.
        target: an Alembic revision, ``head`` by default.

    Raises:
        OSError, asyncpg.PostgresError: the database is unreachable.
    """
    config = _config(service)
    script = ScriptDirectory.from_config(config)

    def run(connection: Connection) -> None:
        # One migrator at a time, however many copies start together.
        connection.execute(text("SELECT pg_advisory_xact_lock(7201)"))
        with EnvironmentContext(
            config,
            script,
            fn=lambda revision, _: script._upgrade_revs(target, revision),  # noqa: SLF001
        ) as environment:
            environment.configure(connection=connection, transactional_ddl=True)
            environment.run_migrations()

    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


async def differences(url: str, metadata: MetaData) -> list[object]:
    """What Alembic would still have to change to make the database equal to the models."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - only tests need it

    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(
                lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
            )
    finally:
        await engine.dispose()


def create_messaging_schema(op: Operations, service: str) -> None:
    """Create the messaging schema, owned by the service role (first migration of every service)."""
    op.execute(f"CREATE SCHEMA messaging AUTHORIZATION {service}")
    _run_as(op, service, "schema.sql")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {service}")


def change_messaging_schema(op: Operations, service: str, number: int) -> None:
    """Make one later change of the messaging schema: ``chassis/messaging/schema-<number>.sql``.

    Each service does so in a migration of its own, so that its database changes with its release.
    """
    _run_as(op, service, f"schema-{number}.sql")


def _run_as(op: Operations, service: str, file: str) -> None:
    ddl = importlib.resources.files("chassis.messaging").joinpath(file).read_text()
    op.execute(f"SET LOCAL ROLE {service}")
    for statement in _statements(ddl):
        op.execute(text(statement.replace(":", r"\:")))
    op.execute("RESET ROLE")


def tenant_table(op: Operations, table: str, service: str, *, column: str = "org_id") -> None:
    """Grant a business table to the service role and hide other organisations' rows from it."""
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {service}")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    tenant = "nullif(current_setting('app.org_id', true), '')::uuid"
    op.execute(
        f"CREATE POLICY tenant ON {table} USING ({column} = {tenant}) "
        f"WITH CHECK ({column} = {tenant})"
    )


def _statements(ddl: str) -> list[str]:
    lines = [line for line in ddl.splitlines() if not line.lstrip().startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";\n") if part.strip()]


async def reachable(url: str) -> bool:
    """Whether a connection can be opened at all."""
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True
