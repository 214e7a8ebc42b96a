"""Do something once per idempotency key, and answer the same every time it is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from booking.domain.refusals import IdempotencyInProgress
from booking.store import idempotency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chassis.db import Transaction

Answer = dict[str, Any]


async def once(
    tx: Transaction, key: idempotency.Key | None, work: Callable[[], Awaitable[Answer]]
) -> Answer:
    """``work``'s answer, or the one stored under ``key``; without a key simply ``work``.

    Raises:
        IdempotencyInProgress: the first request with this key is still being worked on.
        IdempotencyKeyReused: the key was used for another request.
    """
    if key is None:
        return await work()
    now = await tx.now()
    if not await idempotency.claim(tx, key, now):
        answer = await idempotency.find(tx, key, now)
        if answer is None:
            raise IdempotencyInProgress
        return answer
    answer = await work()
    await idempotency.fill(tx, key, answer)
    return answer
