"""Who changed what, when and why. Values of personal fields never come here (AUD-01)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from chassis.db import Transaction
from chassis.ids import uuid7

# Ids are made of the instant, so their order is that of time.
_PAGE = """
SELECT id, action, at, actor, reason, before, after FROM audit
WHERE entity_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a customer; only the facts that are not personal, before and after."""

    id: UUID
    action: str
    at: datetime
    actor: str
    reason: str | None
    before: Mapping[str, object]
    after: Mapping[str, object]


async def page(tx: Transaction, customer_id: UUID, before: UUID | None, limit: int) -> list[Change]:
    """At most `limit` changes of a customer before the one named, newest first."""
    return [Change(**row) for row in await tx.fetch(_PAGE, customer_id, before, limit)]


async def note(
    tx: Transaction,
    customer_id: UUID,
    action: str,
    *,
    actor: str,
    reason: str | None,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    """Record one change of a customer."""
    at = await tx.now()
    await tx.execute(
        """INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor, reason, before,
                              after, message_id)
           VALUES ($1, $2, $3, 'customer', $4, $5, $6, $7, $8::text::jsonb, $9::text::jsonb, $10)
        """,
        customer_id,
        uuid7(at),
        tx.org_id,
        action,
        at,
        actor,
        reason,
        orjson.dumps(before).decode(),
        orjson.dumps(after).decode(),
        tx.cause.message_id if tx.cause else None,
    )
