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
    from booking.store.rule_sessions import Rule
    from chassis.db import Transaction

MOST_CONFLICTS = 100
_LIVE = [status.value for status in OCCUPYING]

_CONFLICTS = f"""
SELECT s.id, s.starts_at, s.ends_at, s.origin, w.starts_at IS NULL AS stale,
    w.ends_at IS DISTINCT FROM s.ends_at AS other_end, count(*) OVER () AS total
FROM sessions s
LEFT JOIN unnest($2::timestamptz[], $3::timestamptz[]) AS w (starts_at, ends_at)
    ON w.starts_at = s.slot_at
WHERE s.offering_id = $1 AND s.slot_at IS NOT NULL AND s.starts_at > $4
    AND CASE WHEN s.origin = 'rule' THEN
            (w.starts_at IS NULL OR w.ends_at <> s.ends_at OR s.taken > $5::integer)
            AND (s.taken > 0 OR {HAS_TABLES_TAKEN.format(session="s")})
        ELSE w.starts_at IS NULL AND s.status = 'open' END
ORDER BY s.starts_at, s.id
LIMIT $6
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


async def conflicts(tx: Transaction, rule: Rule) -> tuple[list[Standing], int]:
    """Sessions that stay against the rules, for their bookings or as staff's, by start.

    At most ``MOST_CONFLICTS`` of them, and how many there are.
    """
    rows = await tx.fetch(
        _CONFLICTS,
        rule.offering.id,
        rule.starts,
        rule.ends,
        rule.now,
        rule.capacity,
        MOST_CONFLICTS,
    )
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
