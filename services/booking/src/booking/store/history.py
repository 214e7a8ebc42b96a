"""What is on record about a booking: its audit rows, and the messages sent about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

if TYPE_CHECKING:
    from chassis.db import Transaction

_MOST = 500

_AUDIT = """
SELECT at, action, actor, reason, before::text AS before, after::text AS after, message_id
FROM audit WHERE entity_id = $1 ORDER BY id LIMIT $2
"""
# Confirmed messages are in the archive; those still on their way, in the outbox.
_MESSAGES = """
SELECT created_at, type, message_id, sequence, published_at FROM messaging.archive
WHERE ordering_key = $1 AND org_id = $2
UNION ALL
SELECT created_at, type, message_id, sequence, NULL FROM messaging.outbox
WHERE ordering_key = $1 AND org_id = $2 AND due_at IS NULL
ORDER BY 1 LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. ``message_id``: of the message that caused it, or that it is."""

    at: datetime
    type: str
    message_id: UUID | None
    summary: str
    data: dict[str, Any]


async def of_booking(tx: Transaction, booking_id: UUID) -> list[Entry]:
    """Changes and messages of a booking, oldest first, at most 500 of each."""
    changes = [
        Entry(
            at=row["at"],
            type=row["action"],
            message_id=row["message_id"],
            summary=f"{row['action']} by {row['actor']}"
            + (f": {row['reason']}" if row["reason"] else ""),
            data={
                "actor": row["actor"],
                "reason": row["reason"],
                "before": orjson.loads(row["before"] or "null"),
                "after": orjson.loads(row["after"] or "null"),
            },
        )
        for row in await tx.fetch(_AUDIT, booking_id, _MOST)
    ]
    messages = [
        Entry(
            at=row["created_at"],
            type=row["type"],
            message_id=row["message_id"],
            summary=f"published {row['type']}" if row["published_at"] else f"sending {row['type']}",
            data={"sequence": row["sequence"], "published_at": row["published_at"]},
        )
        for row in await tx.fetch(_MESSAGES, str(booking_id), tx.org_id, _MOST)
    ]
    return sorted(changes + messages, key=lambda entry: entry.at)
