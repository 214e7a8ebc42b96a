"""How many sessions of each day can be booked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from booking.domain.schedule import Span
    from chassis.db import Transaction

_WITH_PLACES = """
SELECT (
    SELECT count(*) FROM sessions s
    WHERE s.offering_id = $1 AND s.starts_at >= d.since AND s.starts_at < d.until
        AND CASE WHEN $5 THEN s.ends_at ELSE s.starts_at END > $4 AND s.status = 'open'
        AND (s.capacity IS NULL OR s.taken < s.capacity)
)
FROM unnest($2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY AS d (since, until, position)
ORDER BY d.position
"""


async def with_places(
    tx: Transaction, offering_id: UUID, days: Sequence[Span], now: datetime, *, during: bool
) -> list[int]:
    """For each day, how many of its sessions are open, not full and not started.

    ``during``: or not over, where guests come during a session. By the sessions' own counters: no
    booking is looked at (AVL-01).
    """
    rows = await tx.fetch(
        _WITH_PLACES,
        offering_id,
        [day.starts_at for day in days],
        [day.ends_at for day in days],
        now,
        during,
    )
    return [row[0] for row in rows]
