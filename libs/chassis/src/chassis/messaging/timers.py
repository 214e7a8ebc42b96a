"""Due-dated rows of this service: timers and retries, handed to its own handlers on time.

They never touch the broker, so holds expire while it is down.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from chassis import metrics
from chassis.db import is_outage
from chassis.messaging.dispatch import Delivery, Dispatcher, Outage
from chassis.messaging.meta import Meta

if TYPE_CHECKING:
    from collections.abc import Collection

    from asyncpg import Record

    from chassis.db import Database
    from chassis.messaging.leases import Leases

log = structlog.get_logger(__name__)

POLL = 1.0  # seconds; also the longest that a moved test clock goes unnoticed
BATCH = 200
CONCURRENCY = 4  # below the pool's five connections

_DUE = """
SELECT position, message_id, type, ordering_key, bucket, sequence, org_id, payload, traceparent,
       created_at, attempt, redrive, extract(epoch FROM messaging.now() - due_at)::float8 AS late
FROM messaging.outbox
WHERE due_at <= messaging.now() AND bucket = ANY($1)
ORDER BY due_at
LIMIT $2
"""
_NEXT = """
SELECT extract(epoch FROM min(due_at) - messaging.now())::float8 AS wait
FROM messaging.outbox WHERE due_at > messaging.now()
"""


class Timers:
    """Runs what is due in the buckets this process holds."""

    def __init__(self, db: Database, leases: Leases, dispatcher: Dispatcher) -> None:
        self._db = db
        self._leases = leases
        self._dispatcher = dispatcher
        self._wake = asyncio.Event()
        self._running: set[int] = set()
        leases.watch(self._busy_buckets, self.wake)

    def wake(self) -> None:
        """A timer was set, a clock moved, or buckets were gained."""
        self._wake.set()

    def _busy_buckets(self) -> Collection[int]:
        return self._running

    async def run(self) -> None:
        """Run due messages until cancelled."""
        while True:
            self._wake.clear()
            wait = POLL
            try:
                rows = await self._db.statement(_DUE, list(self._leases.owned), BATCH)
                if rows:
                    await self._run_batch(rows)
                    continue
                upcoming = (await self._db.statement(_NEXT))[0]["wait"]
                if upcoming is not None:
                    wait = min(POLL, max(0.0, upcoming) + 0.001)
            except Outage as outage:
                log.warning("timers.database_away", error=str(outage))
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("timers.database_away", error=type(error).__name__)
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _run_batch(self, rows: list[Record]) -> None:
        gate = asyncio.Semaphore(CONCURRENCY)
        self._running = {row["bucket"] for row in rows}

        async def one(row: Record) -> None:
            async with gate:
                metrics.TIMER_DELAY.observe(max(0.0, row["late"]))
                await self._dispatcher.dispatch(_delivery(row))

        try:
            results = await asyncio.gather(*(one(row) for row in rows), return_exceptions=True)
        finally:
            self._running = set()
        for result in results:
            if isinstance(result, BaseException):
                raise result


def _delivery(row: Record) -> Delivery:
    meta = Meta(
        message_id=row["message_id"],
        type=row["type"],
        org_id=row["org_id"],
        key=row["ordering_key"],
        sequence=row["sequence"],
        time=row["created_at"],
        attempt=row["attempt"],
        traceparent=row["traceparent"],
    )
    return Delivery(meta, row["payload"], due=True, redrive=row["redrive"])
