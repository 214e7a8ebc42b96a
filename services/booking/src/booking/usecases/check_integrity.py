"""Look for what should not be."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from booking.store import integrity

if TYPE_CHECKING:
    from datetime import datetime

    from booking.store.integrity import Finding
    from chassis.db import Transaction

USUALLY = timedelta(days=1)
"""How far back sessions are looked at, unless asked for more: what is over harms nobody."""


async def check_integrity(tx: Transaction, since: datetime | None) -> list[Finding]:
    """Each invariant, and where it does not hold (INT-01..03, ORP-02)."""
    now = await tx.now()
    start = now - USUALLY if since is None else since
    return [
        await integrity.check(tx, invariant, start, now - integrity.PATIENCE)
        for invariant in integrity.INVARIANTS
    ]
