"""Partitions of inbox and archive ahead of time, dropped after 30 days; and the lag figures."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog

from chassis import metrics
from chassis.db import is_outage
from chassis.ids import uuid7_floor

if TYPE_CHECKING:
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
            async with self._db.transaction(None) as tx:
                await _tidy(tx, table, today)


async def _tidy(tx: Transaction, table: str, today: datetime) -> None:
    # Copies of a worker take turns; the lock goes with the transaction.
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('holdfast.' || $1))", table)
    present = {row["relname"] for row in await tx.fetch(_CHILDREN, table)}
    for offset in range(-1, AHEAD):
        day = today + timedelta(days=offset)
        name = f"{table}_{day:%Y%m%d}"
        if name not in present and not await _occupied(tx, table, day):
            low, high = _bounds(table, day)
            await tx.execute(
                f"CREATE TABLE messaging.{name} PARTITION OF messaging.{table} "
                f"FOR VALUES FROM ('{low}') TO ('{high}')"
            )
    oldest = f"{table}_{today - timedelta(days=RETENTION):%Y%m%d}"
    for name in sorted(present):
        if name.removeprefix(f"{table}_").isdigit() and name < oldest:
            await tx.execute(f"DROP TABLE messaging.{name}")
            log.info("housekeeping.dropped", partition=name)


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
