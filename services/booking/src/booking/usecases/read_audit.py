"""The audit log as managers read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.store import audit_log

if TYPE_CHECKING:
    from uuid import UUID

    from booking.store.audit_log import Asked, Change
    from chassis.db import Transaction


async def read_audit(
    tx: Transaction, asked: Asked, *, after: UUID | None, limit: int
) -> list[Change]:
    """Changes, newest first: who, what, when, why, before and after (AUD-01..04)."""
    return await audit_log.page(tx, asked, after, limit)
