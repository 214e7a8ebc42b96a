"""Messages that no retry helped: parked, shown to people, redriven or discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chassis.messaging.outbox import bucket_of

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction

_LIST = """
SELECT message_id, consumer, type, ordering_key, sequence, org_id, attempt, error, created_at,
       parked_at, redriven_at
FROM messaging.parked WHERE ($1::text IS NULL OR type = $1) ORDER BY parked_at LIMIT $2
"""
_SHOW = "SELECT * FROM messaging.parked WHERE message_id = $1"
# The row stays parked until the handler's own transaction settles it.
_REDRIVE = """
UPDATE messaging.parked SET redriven_at = pg_catalog.now()
WHERE (message_id = $1 OR $1 IS NULL) AND ($2::text IS NULL OR type = $2)
RETURNING message_id, ordering_key
"""
_DUE_AGAIN = """
INSERT INTO messaging.outbox
    (message_id, type, ordering_key, bucket, sequence, org_id, payload, traceparent, created_at,
     due_at, redrive)
SELECT message_id, type, ordering_key, b.bucket, sequence, org_id, payload, traceparent, created_at,
       messaging.now(), true
FROM messaging.parked JOIN unnest($1::uuid[], $2::smallint[]) AS b(message_id, bucket)
    USING (message_id)
ON CONFLICT (message_id) WHERE due_at IS NOT NULL DO NOTHING
RETURNING message_id
"""
_DISCARD = "DELETE FROM messaging.parked WHERE message_id = $1 RETURNING message_id"
_SETTLE = "DELETE FROM messaging.parked WHERE message_id = $1 AND consumer = $2"


async def listed(
    tx: Transaction, *, message_type: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Parked messages without their bodies, oldest first; at most ``limit``."""
    return [dict(row) for row in await tx.fetch(_LIST, message_type, min(limit, 1000))]


async def show(tx: Transaction, message_id: UUID) -> dict[str, Any] | None:
    """One parked message with its body."""
    row = await tx.fetchrow(_SHOW, message_id)
    return None if row is None else dict(row)


async def redrive(
    tx: Transaction, *, message_id: UUID | None = None, message_type: str | None = None
) -> int:
    """Hand a parked message (or all, or all of a type) to its handler again, under its own id.

    The inbox still prevents a second effect, and the check of the message's age is skipped.
    """
    again = {
        row["message_id"]: bucket_of(row["ordering_key"])
        for row in await tx.fetch(_REDRIVE, message_id, message_type)
    }
    return len(await tx.fetch(_DUE_AGAIN, list(again), list(again.values())))


async def discard(tx: Transaction, message_id: UUID) -> bool:
    """Delete a parked message for good; false when there is none."""
    return await tx.fetchrow(_DISCARD, message_id) is not None


async def settle(tx: Transaction, message_id: UUID, consumer: str) -> None:
    """Forget a parked message whose redrive succeeded, in the handler's transaction."""
    await tx.execute(_SETTLE, message_id, consumer)
