"""What is on record about a booking: its audit rows, and the messages sent about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from booking.domain.lifecycle import Status

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from chassis.db import Transaction

_MOST = 500

_AUDIT = """
SELECT at, action, actor, reason, before::text AS before, after::text AS after, message_id
FROM audit WHERE entity_id = $1 ORDER BY position LIMIT $2
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
_STEPS = """
SELECT DISTINCT ON (action) action, at, reason FROM audit
WHERE entity_id = $1 AND action = ANY($2) ORDER BY action, position DESC
"""
# What led to a state; of a state that was taken back, nothing is told.
_CHECKED_IN, _COMPLETED = "booking.checked_in", "booking.completed"
_NO_SHOW, _CANCELLED = "booking.no_show", "booking.cancelled"
_LED_TO = {
    Status.CHECKED_IN: (_CHECKED_IN,),
    Status.COMPLETED: (_CHECKED_IN, _COMPLETED),
    Status.NO_SHOW: (_NO_SHOW,),
    Status.CANCELLED: (_CANCELLED,),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """How a booking came to an end: when it was recorded, and why it was cancelled."""

    checked_in_at: datetime | None = None
    completed_at: datetime | None = None
    no_show_at: datetime | None = None
    cancel_reason: str | None = None


async def visit_of(tx: Transaction, booking: Booking) -> Visit:
    """What the audit log tells of the booking's last steps; most bookings have none yet."""
    actions = _LED_TO.get(booking.status)
    if actions is None:
        return Visit()
    rows = await tx.fetch(_STEPS, booking.id, actions)
    at = {row["action"]: row["at"] for row in rows}
    return Visit(
        checked_in_at=at.get(_CHECKED_IN),
        completed_at=at.get(_COMPLETED),
        no_show_at=at.get(_NO_SHOW),
        cancel_reason=next((r["reason"] for r in rows if r["action"] == _CANCELLED), None),
    )


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
