"""Writing outbox rows, timers and intents: the statements that commit with business state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    import asyncpg

BUCKETS = 64


def bucket_of(key: str) -> int:
    """Which of the 64 buckets an ordering key falls into; one relay owns a bucket at a time."""
    return crc32(key.encode()) % BUCKETS


class NewRow(NamedTuple):
    """A message about to be written; ``due_at`` and ``timer_key`` make it a timer."""

    message_id: UUID
    type: str
    key: str
    sequence: int
    payload: str
    due_at: datetime | None
    timer_key: str | None


class NewIntent(NamedTuple):
    """An outside call about to be recorded."""

    id: UUID
    kind: str
    subject: str
    lane: str
    payload: dict[str, Any]


# One statement for all rows of a transaction. A timer replaces the one with the same key.
_INSERT = """
INSERT INTO messaging.outbox
    (message_id, type, ordering_key, bucket, sequence, org_id, payload, traceparent, due_at,
     timer_key)
SELECT m, t, k, b, s, $8, p, $9, d, r
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::text[],
            $7::timestamptz[], $10::text[]) AS u(m, t, k, b, s, p, d, r)
ON CONFLICT (timer_key) WHERE timer_key IS NOT NULL DO UPDATE SET
    message_id = EXCLUDED.message_id, type = EXCLUDED.type, payload = EXCLUDED.payload,
    traceparent = EXCLUDED.traceparent, due_at = EXCLUDED.due_at, attempt = 0, error = NULL
"""

_INSERT_INTENTS = """
INSERT INTO messaging.intents (id, kind, subject, lane, payload, org_id, traceparent)
SELECT i, k, s, l, p, $6, $7
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) AS u(i, k, s, l, p)
ON CONFLICT (kind, subject) DO NOTHING
"""


async def insert(
    driver: asyncpg.Connection,
    rows: Sequence[NewRow],
    org_id: UUID | None,
    traceparent: str | None,
) -> None:
    """Write a transaction's messages and timers."""
    await driver.execute(
        _INSERT,
        [row.message_id for row in rows],
        [row.type for row in rows],
        [row.key for row in rows],
        [bucket_of(row.key) for row in rows],
        [row.sequence for row in rows],
        [row.payload for row in rows],
        [row.due_at for row in rows],
        org_id,
        traceparent,
        [row.timer_key for row in rows],
    )


async def unschedule(driver: asyncpg.Connection, keys: Sequence[str]) -> None:
    """Delete timers by key."""
    for key in sorted(keys):  # hardly ever two; with an array each deletion would be planned anew
        await driver.execute("DELETE FROM messaging.outbox WHERE timer_key = $1", key)


async def insert_intents(
    driver: asyncpg.Connection,
    intents: Sequence[NewIntent],
    org_id: UUID | None,
    traceparent: str | None,
) -> None:
    """Record outside calls to make; one already recorded for the same subject stays as it is."""
    await driver.execute(
        _INSERT_INTENTS,
        [intent.id for intent in intents],
        [intent.kind for intent in intents],
        [intent.subject for intent in intents],
        [intent.lane for intent in intents],
        [orjson.dumps(intent.payload).decode() for intent in intents],
        org_id,
        traceparent,
    )
