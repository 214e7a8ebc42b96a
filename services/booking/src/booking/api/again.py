"""Requests that meet somebody who is deciding about the same place: once more in a moment."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, TypeVar

from booking.domain.refusals import Undecided

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from chassis.db import Database, Transaction

T = TypeVar("T")

# Others decide within milliseconds, unless they are slow or were killed: then this ends as BUSY.
_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)


async def until_decided(
    db: Database,
    org_id: UUID,
    work: Callable[[Transaction], Awaitable[T]],
    *,
    plan_once: bool = False,
) -> T:
    """Run ``work`` in a transaction, and in new ones as long as its place is being decided about.

    ``plan_once``: see ``chassis.db.Database.transaction``.

    Raises:
        Undecided: others took longer than a second and a half.
    """
    for pause in _PAUSES:
        try:
            return await db.run(org_id, work, plan_once=plan_once)
        except Undecided:
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter
    return await db.run(org_id, work, plan_once=plan_once)
