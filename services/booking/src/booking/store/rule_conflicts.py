"""Sessions that stand against the rules: kept for their bookings, or because staff changed them."""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.lifecycle import OCCUPYING
from booking.store.rule_sessions import HAS_TABLES_TAKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chassis.db import Transaction

MOST_CONFLICTS = 100
_LIVE = [status.value for status in OCCUPYING]

_CONFLICTS = f"""
SELECT s.id, s.starts_at, s.origin, w.ends_at IS NULL AS stale,
    w.ends_at IS DISTINCT FROM s.ends_at AS other_end, count(*) OVER () AS total
FROM unnest($1::uuid[], $2::timestamptz[]) AS w (id, ends_at) JOIN sessions s ON s.id = w.id
WHERE CASE WHEN s.origin = 'rule' THEN
        (w.ends_at IS NULL OR w.ends_at <> s.ends_at OR s.taken > $3::integer)
        AND (s.taken > 0 OR {HAS_TABLES_TAKEN.format(session="s")})
    ELSE w.ends_at IS NULL AND s.status = 'open' END
ORDER BY s.starts_at, s.id
LIMIT $4
"""

# Bookings start within their session: so the index on their starts finds them.
_LIVE_BOOKINGS = """
SELECT s.id, count(*) AS bookings
FROM sessions s JOIN bookings b ON b.org_id = s.org_id AND b.session_id = s.id
    AND b.starts_at BETWEEN s.starts_at AND s.ends_at
WHERE s.id = ANY($1) AND b.status = ANY($2) GROUP BY s.id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A session that stays against the rules. ``stale``: the rules want none at its time."""

    id: UUID
    starts_at: datetime
    by_hand: bool
    stale: bool
    other_end: bool
    bookings: int


async def conflicts(
    tx: Transaction, ends: Mapping[UUID, datetime | None], capacity: int | None
) -> tuple[list[Standing], int]:
    """Those of some sessions that stay against the rules, for their bookings or as staff's.

    At most ``MOST_CONFLICTS`` of them by start, and how many there are. ``ends``: when the rules
    want each session to end; None: they do not want it.
    """
    if not ends:
        return [], 0
    rows = await tx.fetch(_CONFLICTS, list(ends), list(ends.values()), capacity, MOST_CONFLICTS)
    if not rows:
        return [], 0
    counts = await tx.fetch(_LIVE_BOOKINGS, [row["id"] for row in rows], _LIVE)
    bookings = {row["id"]: row["bookings"] for row in counts}
    found = [
        Standing(
            id=row["id"],
            starts_at=row["starts_at"],
            by_hand=row["origin"] == "manual",
            stale=row["stale"],
            other_end=row["other_end"],
            bookings=bookings.get(row["id"], 0),
        )
        for row in rows
    ]
    return found, rows[0]["total"]
