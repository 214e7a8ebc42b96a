"""What is left of sessions, as the owner's function ``availability`` tells it to anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    import asyncpg

    from chassis.db import Transaction

ASK = "SELECT * FROM availability($1)"

MOST_OF_A_DAY = 500
"""Sessions of one offering on one day; one every three minutes."""

OF_DAY = """
SELECT a.*, s.title FROM sessions s, availability(ARRAY(
    SELECT id FROM sessions
    WHERE offering_id = $1 AND starts_at >= $2 AND starts_at < $3 AND status = 'open'
    ORDER BY starts_at, id LIMIT $4)) a
WHERE s.id = a.session_id ORDER BY a.starts_at, a.session_id
"""


async def of_day(
    tx: Transaction, offering_id: UUID, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Open sessions of an offering that begin in ``[since, until)``, by start, at most 500."""
    rows = await tx.fetch(OF_DAY, offering_id, since, until, MOST_OF_A_DAY)
    return [{"title": row["title"], **document(row)} for row in rows]


def document(row: asyncpg.Record) -> dict[str, Any]:
    """A row of ``ASK`` as the object that is shown."""
    return {
        "session_id": str(row["session_id"]),
        "status": row["status"],
        "starts_at": row["starts_at"],
        "ends_at": row["ends_at"],
        "capacity": row["capacity"],
        "remaining": row["remaining"],
        # Text that PostgreSQL made; reading it to write it again would be for nothing.
        "tables": orjson.Fragment(row["tables"] or "[]"),
    }
