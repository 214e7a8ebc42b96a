"""Reading the audit log: who changed what, newest first (AUD-01..04)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from chassis.ids import uuid7_floor

if TYPE_CHECKING:
    import asyncpg

    from chassis.db import Transaction

# Ids are made of the instant, so their order is that of time, and a span of time is one of ids.
_SELECT = """
SELECT a.id, a.at, a.entity, a.entity_id, a.action, a.actor, a.reason, a.message_id,
    a.before::text AS before, a.after::text AS after,
    b.reference, b.party_size, b.starts_at, o.preset
FROM audit a LEFT JOIN bookings b ON a.entity = 'booking' AND b.id = a.entity_id
LEFT JOIN offerings o ON o.id = b.offering_id
WHERE a.id < $1 AND a.id >= $2 {conditions}
ORDER BY a.id DESC LIMIT $3
"""
_NEWEST = UUID(int=2**128 - 1)
_OLDEST = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which changes; what is None does not matter. ``until`` is not included."""

    entity: str | None = None
    entity_id: UUID | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The booking that a change is about, as the guest would say it (AUD-01)."""

    reference: str
    type: str
    party_size: int
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the log."""

    id: UUID
    at: datetime
    entity: str
    entity_id: UUID
    action: str
    actor: str
    reason: str | None
    message_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    booking: Subject | None


async def page(tx: Transaction, asked: Asked, after: UUID | None, limit: int) -> list[Change]:
    """Changes before the one with the id ``after``, newest first."""
    sql, values = statement(asked, after, limit)
    return [_change(row) for row in await tx.fetch(sql, *values)]


def statement(asked: Asked, after: UUID | None, limit: int) -> tuple[str, list[object]]:
    """The query for a page and its values."""
    newest = _NEWEST if asked.until is None else uuid7_floor(asked.until)
    values: list[object] = [
        newest if after is None else min(after, newest),
        _OLDEST if asked.since is None else uuid7_floor(asked.since),
        limit,
    ]
    conditions = ""
    for column in ("entity", "entity_id", "actor"):
        value = getattr(asked, column)
        if value is not None:
            values.append(value)
            conditions += f" AND a.{column} = ${len(values)}"
    # Rare ones have small indexes of their own, which want to be recognised.
    if asked.actor is not None and ":" in asked.actor:
        conditions += " AND position(':' in a.actor) > 0"
    if asked.entity is not None and asked.entity != "booking":
        conditions += " AND a.entity <> 'booking'"
    return _SELECT.format(conditions=conditions), values


def _change(row: asyncpg.Record) -> Change:
    return Change(
        id=row["id"],
        at=row["at"],
        entity=row["entity"],
        entity_id=row["entity_id"],
        action=row["action"],
        actor=row["actor"],
        reason=row["reason"],
        message_id=row["message_id"],
        before=orjson.loads(row["before"] or "null"),
        after=orjson.loads(row["after"] or "null"),
        booking=row["reference"]
        and Subject(row["reference"], row["preset"], row["party_size"], row["starts_at"]),
    )
