"""The offset that tests add to the database's clock. Production refuses any but zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chassis.messaging.wakeup import CHANNEL

if TYPE_CHECKING:
    import asyncpg


class ClockRefused(Exception):
    """The clock of a production system is the database's own."""


async def advance(driver: asyncpg.Connection, seconds: float, *, environment: str) -> float:
    """Move ``messaging.now()`` forward (or back) for every process of this service.

    Returns the new total offset in seconds. Workers are woken so that timers now due run at once.

    Raises:
        ClockRefused: in production.
    """
    if environment == "production":
        raise ClockRefused("the clock moves only where ENVIRONMENT is development or test")
    total = await driver.fetchval(
        """UPDATE messaging.clock SET shift = shift + make_interval(secs => $1)
           RETURNING extract(epoch FROM shift)::float8""",
        float(seconds),
    )
    await driver.execute(f"NOTIFY {CHANNEL}, 'mti'")
    return float(total)


async def offset(driver: asyncpg.Connection) -> float:
    """The offset in force, in seconds."""
    return float(
        await driver.fetchval("SELECT extract(epoch FROM shift)::float8 FROM messaging.clock")
    )
