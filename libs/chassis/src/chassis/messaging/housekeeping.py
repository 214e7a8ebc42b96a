"""Partitions of inbox and archive ahead of time, dropped after 30 days; and the lag figures."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog

from chassis import metrics
from chassis.db import is_outage
from chassis.ids import uuid7_floor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chassis.db import Database, Transaction

log = structlog.get_logger(__name__)

AHEAD = 8  # days of partitions made in advance
RETENTION = 30  # days
_HOURLY = 3600.0  # seconds
_SAMPLE = 5.0  # seconds between two looks at the lag

# Bounded, so that looking at a large backlog does not add to it.
_LAG = """
SELECT count(*) AS depth,
       coalesce(extract(epoch FROM pg_catalog.now() - min(created_at)), 0)::float8 AS lag
FROM (SELECT created_at FROM messaging.outbox WHERE due_at IS NULL ORDER BY position LIMIT 10000) o
"""
_PARKED = "SELECT count(*) FROM (SELECT 1 FROM messaging.parked LIMIT 10000) p"
_CHILDREN = """
SELECT c.relname FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
JOIN pg_namespace n ON n.oid = p.relnamespace
WHERE n.nspname = 'messaging' AND p.relname = $1
"""


class Housekeeping:
    """Keeps the messaging tables in shape. Any number of copies may run at once."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def run(self) -> None:
        """Tidy hourly and sample the lag until cancelled."""
        tidy_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                if loop.time() >= tidy_at:
                    await self.tidy()
                    tidy_at = loop.time() + _HOURLY
                await self.sample()
            except Exception as error:
                if not is_outage(error) and not isinstance(error, asyncpg.PostgresError):
                    raise
                log.warning("housekeeping.postponed", error=type(error).__name__)
            await asyncio.sleep(_SAMPLE)

    async def sample(self) -> None:
        """Set the gauges of outbox depth, lag and parked messages."""
        row = (await self._db.statement(_LAG))[0]
        metrics.OUTBOX_DEPTH.set(row["depth"])
        metrics.OUTBOX_LAG.set(row["lag"])
        metrics.PARKED.set((await self._db.statement(_PARKED))[0]["count"])

    async def tidy(self, today: datetime | None = None) -> None:
        """Create the partitions of the coming days and drop those past retention."""
        today = (today or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
        for table in ("inbox", "archive"):
            for offset in range(-1, AHEAD):
                async with self._turn(table) as tx:
                    await _create(tx, table, today + timedelta(days=offset))
            oldest = f"{table}_{today - timedelta(days=RETENTION):%Y%m%d}"
            for row in await self._db.statement(_CHILDREN, table):
                name = row["relname"]
                if name.removeprefix(f"{table}_").isdigit() and name < oldest:
                    async with self._turn(table) as tx:
                        await tx.execute(f"DROP TABLE IF EXISTS messaging.{name}")
                    log.info("housekeeping.dropped", partition=name)

    @asynccontextmanager
    async def _turn(self, table: str) -> AsyncIterator[Transaction]:
        """A transaction in which one partition comes or goes; copies of a worker take turns.

        Until it is over nobody can use the table, and handlers wait two seconds for it at most.
        """
        async with self._db.transaction(None) as tx:
            await tx.execute("SELECT pg_advisory_xact_lock(hashtext('holdfast.' || $1))", table)
            yield tx


async def _create(tx: Transaction, table: str, day: datetime) -> None:
    name = f"messaging.{table}_{day:%Y%m%d}"
    present = await tx.fetchval("SELECT to_regclass($1) IS NOT NULL", name)
    if not present and not await _occupied(tx, table, day):
        low, high = _bounds(table, day)
        await tx.execute(
            f"CREATE TABLE {name} PARTITION OF messaging.{table} "
            f"FOR VALUES FROM ('{low}') TO ('{high}')"
        )


def _bounds(table: str, day: datetime) -> tuple[str, str]:
    following = day + timedelta(days=1)
    if table == "inbox":
        return str(uuid7_floor(day)), str(uuid7_floor(following))
    return day.isoformat(), following.isoformat()


async def _occupied(tx: Transaction, table: str, day: datetime) -> bool:
    """Whether the default partition already holds rows of a day, which then stay there."""
    low, high = _bounds(table, day)
    column, kind = ("message_id", "uuid") if table == "inbox" else ("published_at", "timestamptz")
    return bool(
        await tx.fetchval(
            f"SELECT EXISTS (SELECT 1 FROM messaging.{table}_default "  # noqa: S608 - own names
            f"WHERE {column} >= '{low}'::{kind} AND {column} < '{high}'::{kind})"
        )
    )
