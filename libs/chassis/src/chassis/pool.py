"""A few connections, opened by SQLAlchemy and then handed around by us.

Taking a connection from SQLAlchemy's pool and giving it back crosses three greenlets and costs more
than a short statement. Ours stay checked out, so that taking one is taking the last of a list.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

WAIT = 10.0  # seconds that a caller waits for a connection
_RECYCLE = 3600.0  # seconds after which a connection is opened anew


class DatabaseAway(ConnectionError):
    """No connection to be had: the server is down, refuses, or the pool stayed empty for 10 s."""


class Pooled(NamedTuple):
    """One connection, as SQLAlchemy and as asyncpg see it."""

    connection: AsyncConnection
    driver: asyncpg.Connection
    opened: float


class Pool:
    """At most ``size`` connections; the one used last is used next."""

    def __init__(self, engine: AsyncEngine, size: int) -> None:
        self.size = size
        self._engine = engine
        self._free = asyncio.Semaphore(size)
        self._idle: list[Pooled] = []

    async def take(self) -> Pooled:
        """A connection that is open: those that the server closed meanwhile are replaced.

        Raises:
            DatabaseAway: there is none.
        """
        if self._free.locked():
            try:
                async with asyncio.timeout(WAIT):
                    await self._free.acquire()
            except TimeoutError:
                raise DatabaseAway("every connection is taken") from None
        else:
            await self._free.acquire()
        try:
            while self._idle:
                pooled = self._idle.pop()
                if not pooled.driver.is_closed() and time.monotonic() < pooled.opened + _RECYCLE:
                    return pooled
                await _discard(pooled)
            return await self._open()
        except BaseException:
            self._free.release()
            raise

    async def give_back(self, pooled: Pooled) -> None:
        """Take a connection back whose transaction has ended; one that was closed is dropped."""
        try:
            if pooled.driver.is_closed():
                await _discard(pooled)
                return
            if pooled.connection.in_transaction():
                # SQLAlchemy's own idea of a transaction, after a Core statement; nothing is sent.
                await pooled.connection.rollback()
            self._idle.append(pooled)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Close the connections that nobody uses, and open no more."""
        while self._idle:
            await self._idle.pop().connection.close()
        await self._engine.dispose()

    async def _open(self) -> Pooled:
        try:
            connection = await self._engine.connect()
            driver = (await connection.get_raw_connection()).driver_connection
        except Exception as error:
            raise DatabaseAway(f"{type(error).__name__} on connecting") from error
        assert driver is not None  # noqa: S101 - it was just opened
        return Pooled(connection, driver, time.monotonic())


async def _discard(pooled: Pooled) -> None:
    if not pooled.connection.invalidated:
        await pooled.connection.invalidate()
    await pooled.connection.close()
