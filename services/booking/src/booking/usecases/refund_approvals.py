"""Which refunds wait for somebody to decide."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.store import approvals

if TYPE_CHECKING:
    from booking.store.approvals import Approval
    from chassis.db import Transaction

_FIRST = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))


async def refund_approvals(
    tx: Transaction, after: tuple[datetime, UUID] | None, limit: int
) -> list[Approval]:
    """Those that wait, longest first; ``after``: the last one of the page before."""
    return await approvals.pending(tx, after or _FIRST, limit)
