"""Forget idempotency keys older than a day, of all tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.store import idempotency

if TYPE_CHECKING:
    from chassis.db import Transaction


async def forget_idempotency_keys(tx: Transaction) -> int:
    """How many were forgotten. Running it twice, or in several processes, does no harm."""
    return await idempotency.forget(tx, await tx.now())
