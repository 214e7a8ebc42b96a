"""Sweeping that no booking waits for: done now and then by every worker, harmless when doubled.

What must happen at a time is a timer (``Transaction.schedule``), never one of these.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chassis.db import Database, Transaction

log = structlog.get_logger(__name__)

HOUR = 3600.0  # seconds


def hourly(
    db: Database, work: Callable[[Transaction], Awaitable[Any]]
) -> Callable[[], Awaitable[None]]:
    """A job for ``Service.jobs``: ``work`` in a transaction of no tenant, once an hour.

    A failure is logged and tried again an hour later.
    """

    async def run() -> None:
        while True:
            await asyncio.sleep(HOUR)
            try:
                await db.run(None, work)
            except Exception:
                log.exception("job.failed", job=getattr(work, "__name__", "unnamed"))

    return run
