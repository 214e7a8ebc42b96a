"""Waking workers after a commit, without ever notifying inside the business transaction.

NOTIFY takes a lock that all committing transactions of the cluster share, so it runs by itself on
a connection of its own, at most every few milliseconds. A lost wake-up costs one poll interval.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from chassis.db import Database, Written

log = structlog.get_logger(__name__)

CHANNEL = "holdfast_wake"
LINGER = 0.005  # seconds between two notifications of one process
_RETRY = 1.0  # seconds before a lost connection is opened again


class Notifier:
    """Tells other processes that there is work: ``m`` messages, ``t`` timers, ``i`` intents."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._flags: set[str] = set()
        self._wake = asyncio.Event()
        db.on_commit(self.committed)

    def committed(self, written: Written) -> None:
        if self._db.alone:
            return  # nobody else to tell; our own worker knows already
        self._flags.update(
            flag
            for flag, present in zip(
                "mti", (written.messages, written.timers, written.intents), strict=True
            )
            if present
        )
        self._wake.set()

    async def run(self) -> None:
        """Notify until cancelled."""
        connection: asyncpg.Connection | None = None
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                flags, self._flags = "".join(sorted(self._flags)), set()
                try:
                    if connection is None or connection.is_closed():
                        connection = await self._db.connect()
                    await connection.execute(f"NOTIFY {CHANNEL}, '{flags} {self._db.instance}'")
                    await asyncio.sleep(LINGER)
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    log.warning("wakeup.notify_failed", error=type(error).__name__)
                    await asyncio.sleep(_RETRY)
        finally:
            if connection is not None:
                connection.terminate()


class Listener:
    """Sets a worker's events when any process of this service committed work for it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._subscribers: dict[str, list[Callable[[], None]]] = {}
        db.on_commit(self._local)

    def subscribe(self, flag: str, wake: Callable[[], None]) -> None:
        self._subscribers.setdefault(flag, []).append(wake)

    def _local(self, written: Written) -> None:
        """Work committed by this very process needs no detour through the database."""
        for flag, present in zip(
            "mti", (written.messages, written.timers, written.intents), strict=True
        ):
            if present:
                self._fire(flag)

    def _heard(self, payload: str) -> None:
        flags, _, instance = payload.partition(" ")
        if instance != self._db.instance:  # of our own commits we know already
            self._fire(flags)

    def _fire(self, flags: str) -> None:
        for flag in flags:
            for wake in self._subscribers.get(flag, ()):
                wake()

    async def run(self) -> None:
        """Listen until cancelled; a lost connection is opened again and everything woken."""
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await self._db.connect()
                lost = asyncio.Event()
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener(
                    CHANNEL, lambda _c, _p, _ch, payload: self._heard(str(payload))
                )
                self._fire("mti")
                await lost.wait()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("wakeup.listen_failed", error=type(error).__name__)
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(_RETRY)
