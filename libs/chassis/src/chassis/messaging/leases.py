"""Which of the 64 buckets this process may relay, and until when."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import structlog

from chassis.messaging.outbox import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chassis.db import Database

log = structlog.get_logger(__name__)

_HEARTBEAT = """
INSERT INTO messaging.workers (owner, seen_until)
VALUES ($1, clock_timestamp() + $2 * interval '1 second')
ON CONFLICT (owner) DO UPDATE SET seen_until = EXCLUDED.seen_until
"""
_LIVE = "SELECT count(*) FROM messaging.workers WHERE seen_until > clock_timestamp()"
_FORGET = "DELETE FROM messaging.workers WHERE seen_until < clock_timestamp() - interval '1 hour'"
_RENEW = """
UPDATE messaging.leases SET lease_until = clock_timestamp() + $2 * interval '1 second'
WHERE owner = $1 RETURNING bucket, epoch
"""
# Rivals skip each other's candidates, so two processes never wait for one another here.
_CLAIM = """
UPDATE messaging.leases l
SET owner = $1, epoch = l.epoch + 1, lease_until = clock_timestamp() + $2 * interval '1 second'
FROM (
    SELECT bucket FROM messaging.leases
    WHERE lease_until < clock_timestamp() AND owner IS DISTINCT FROM $1
    ORDER BY bucket LIMIT $3 FOR UPDATE SKIP LOCKED
) free
WHERE l.bucket = free.bucket RETURNING l.bucket, l.epoch
"""
_RELEASE = """
UPDATE messaging.leases SET owner = NULL, lease_until = '-infinity'
WHERE owner = $1 AND bucket = ANY($2)
"""


class Leases:
    """This process's share of the buckets, renewed on a connection of its own.

    Every live process aims at an equal share. One that holds too many stops reading the surplus,
    lets what is in flight finish, and only then gives it up, so the order per key survives.

    Args:
        duration: seconds a lease lasts without renewal; a killed process's share is idle that long.
    """

    def __init__(self, db: Database, *, duration: float = 10.0) -> None:
        self.owner = uuid4()
        self._db = db
        self._duration = duration
        self._held: dict[int, int] = {}
        self._surplus: frozenset[int] = frozenset()
        self._valid_until = 0.0
        self._in_flight: list[Callable[[], Collection[int]]] = []
        self._on_gain: list[Callable[[], None]] = []

    def watch(self, in_flight: Callable[[], Collection[int]], on_gain: Callable[[], None]) -> None:
        """Name the buckets that a reader still works on, and wake it when buckets are gained."""
        self._in_flight.append(in_flight)
        self._on_gain.append(on_gain)

    @property
    def owned(self) -> dict[int, int]:
        """Epoch of each bucket that may be read now; empty once the lease has run out."""
        if time.monotonic() >= self._valid_until:
            return {}
        return {b: epoch for b, epoch in self._held.items() if b not in self._surplus}

    def epoch_of(self, bucket: int) -> int | None:
        """The epoch under which a bucket is held, also while it is being given up."""
        return self._held.get(bucket)

    async def run(self) -> None:
        """Renew until cancelled, then release everything."""
        connection: asyncpg.Connection | None = None
        try:
            while True:
                try:
                    if connection is None or connection.is_closed():
                        connection = await self._db.connect()
                    await self._renew(connection)
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    log.warning("leases.renew_failed", error=type(error).__name__)
                    if connection is not None:
                        connection.terminate()
                        connection = None
                await asyncio.sleep(0.2 if self._surplus else self._duration / 4)
        finally:
            self._db.alone = False
            if connection is not None and not connection.is_closed():
                try:
                    async with asyncio.timeout(2):
                        await self._give_up(connection)
                except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    log.warning("leases.release_failed")
                connection.terminate()

    async def _renew(self, connection: asyncpg.Connection) -> None:
        started = time.monotonic()
        async with connection.transaction():
            await connection.execute(_HEARTBEAT, self.owner, self._duration)
            live = max(1, await connection.fetchval(_LIVE))
            held = {
                row["bucket"]: row["epoch"]
                for row in await connection.fetch(_RENEW, self.owner, self._duration)
            }
            share = math.ceil(BUCKETS / live)
            gained: dict[int, int] = {}
            if len(held) < share:
                gained = {
                    row["bucket"]: row["epoch"]
                    for row in await connection.fetch(
                        _CLAIM, self.owner, self._duration, share - len(held)
                    )
                }
            await connection.execute(_FORGET)
        self._db.alone = live == 1
        self._held = held | gained
        self._valid_until = started + self._duration * 0.8
        self._surplus = frozenset(sorted(self._held)[share:])
        if self._surplus:
            busy = {bucket for in_flight in self._in_flight for bucket in in_flight()}
            idle = sorted(self._surplus - busy)
            await connection.execute(_RELEASE, self.owner, idle)
            self._held = {b: epoch for b, epoch in self._held.items() if b not in idle}
            self._surplus -= set(idle)
        if gained:
            log.info("leases.gained", buckets=len(gained), held=len(self._held), workers=live)
            for wake in self._on_gain:
                wake()

    async def _give_up(self, connection: asyncpg.Connection) -> None:
        await connection.execute(_RELEASE, self.owner, list(range(BUCKETS)))
        await connection.execute("DELETE FROM messaging.workers WHERE owner = $1", self.owner)
        self._held = {}
