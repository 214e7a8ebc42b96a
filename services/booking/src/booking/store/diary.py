"""What is on and what is taken at a venue's tables over some days, in one bounded read."""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from asyncpg import Range

from booking.domain.free_times import Diary, Holding, Service
from booking.domain.local_time import Span
from booking.store.for_hold import lapsed_of
from booking.store.sessions import COLUMNS, session_of

if TYPE_CHECKING:
    from booking.domain.catalogue import Offering
    from chassis.db import Transaction

LONGEST_STAY = timedelta(hours=24)
_LONGEST_SESSION = timedelta(hours=48)
MOST_SESSIONS = 200

# The tables are the same for all sessions, so only the first row tells of them.
READ = f"""
WITH open AS (
    SELECT * FROM sessions s
    WHERE s.offering_id = $1 AND s.starts_at >= $2 AND s.starts_at < $4 AND s.ends_at >= $3
        AND s.status = 'open'
    ORDER BY s.starts_at, s.id LIMIT $5
),
floor AS MATERIALIZED (
    SELECT f.* FROM floor_at($6, $7::tstzrange) f WHERE EXISTS (SELECT FROM open)
)
SELECT {COLUMNS}, f.*,
    (SELECT array_agg(p.slot ORDER BY p.slot) FROM pacing p WHERE p.session_id = s.id) AS slots,
    (SELECT array_agg(p.covers ORDER BY p.slot) FROM pacing p WHERE p.session_id = s.id) AS covers
FROM (SELECT *, row_number() OVER (ORDER BY starts_at, id) AS number FROM open) s
LEFT JOIN floor f ON s.number = 1
ORDER BY s.number
"""


async def read(tx: Transaction, offering: Offering, days: Span) -> Diary:
    """The offering's open sessions that reach into ``days``, and who has the venue's tables then.

    Up to 200 sessions; the tables of bookings that begin before the end of ``days``.
    """
    rows = await tx.fetch(
        READ,
        offering.id,
        days.starts_at - _LONGEST_SESSION,
        days.starts_at,
        days.ends_at,
        MOST_SESSIONS,
        offering.venue_id,
        Range(days.starts_at, days.ends_at + LONGEST_STAY),
    )
    if not rows:
        return Diary((), (), ())
    first = rows[0]
    taken = zip(first["tables"] or (), first["holders"] or (), first["spans"] or (), strict=True)
    return Diary(
        services=[
            Service(
                session_of(row), dict(zip(row["slots"] or (), row["covers"] or (), strict=True))
            )
            for row in rows
        ],
        holdings=[
            Holding(table, booking, Span(span.lower, span.upper)) for table, booking, span in taken
        ],
        lapsed=lapsed_of(first),
    )
