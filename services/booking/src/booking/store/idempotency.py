"""Answers already given, by idempotency key. They hold no secret and no personal value."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from booking.domain.refusals import Busy, IdempotencyInProgress, IdempotencyKeyReused
from chassis.db import sqlstate_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from chassis.db import Transaction


@dataclass(slots=True)
class Replay:
    """Whether the present request was given an answer that is older than itself."""

    happened: bool = False


_replay: ContextVar[Replay | None] = ContextVar("replay", default=None)


def watch() -> Replay:
    """From here on in this request, notice whether a stored answer is used."""
    replay = Replay()
    _replay.set(replay)
    return replay


KEPT_FOR = timedelta(hours=24)
_LOCK_NOT_AVAILABLE = "55P03"

# An answer older than 24 hours is as good as forgotten, whether or not it was deleted yet.
CLAIM = """
    INSERT INTO idempotency AS known
        (org_id, principal, route, key, request_hash, answer, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
    ON CONFLICT (org_id, principal, route, key) DO UPDATE SET
        request_hash = EXCLUDED.request_hash, answer = EXCLUDED.answer,
        expires_at = EXCLUDED.expires_at
    WHERE known.expires_at <= $8
    RETURNING 1
"""

_FIND = """
SELECT request_hash, answer::text AS answer FROM idempotency
WHERE org_id = $1 AND principal = $2 AND route = $3 AND key = $4 AND expires_at > $5
"""

_FILL = """
UPDATE idempotency SET answer = $5::text::jsonb
WHERE org_id = $1 AND principal = $2 AND route = $3 AND key = $4
"""


@dataclass(frozen=True, slots=True)
class Key:
    """What makes a request the same request: who sent it where under which key, and its hash."""

    principal: str
    route: str
    key: str
    request_hash: bytes


def claim_values(org_id: UUID, key: Key, answer: dict[str, Any], now: datetime) -> tuple[Any, ...]:
    """The eight parameters of ``CLAIM``."""
    return (
        org_id,
        key.principal,
        key.route,
        key.key,
        key.request_hash,
        orjson.dumps(answer).decode(),
        now + KEPT_FOR,
        now,
    )


async def find(tx: Transaction, key: Key, now: datetime) -> dict[str, Any] | None:
    """The answer given before under this key, if there is one.

    Raises:
        IdempotencyKeyReused: the key was used for another request.
    """
    row = await tx.fetchrow(_FIND, tx.org_id, key.principal, key.route, key.key, now)
    if row is None:
        return None
    if row["request_hash"] != key.request_hash:
        raise IdempotencyKeyReused
    answer: dict[str, Any] = orjson.loads(row["answer"])
    if (replay := _replay.get()) is not None:
        replay.happened = True
    return answer


def refusal_of(error: BaseException) -> IdempotencyInProgress | Busy | None:
    """What a lock that was not granted within 2 s means, if ``error`` is that.

    A rival request with the same key holds the index entry; anybody else holds the place itself.
    """
    if sqlstate_of(error) != _LOCK_NOT_AVAILABLE:
        return None
    context = getattr(error, "context", None) or ""
    return IdempotencyInProgress() if "idempotency" in context else Busy()


async def claim(tx: Transaction, key: Key, now: datetime) -> bool:
    """Claim a key before the work is done; False when it has an answer already.

    Raises:
        IdempotencyInProgress: a rival holds it for more than 2 s.
    """
    if tx.org_id is None:
        raise ValueError("idempotency keys belong to a tenant")
    try:
        return await tx.fetchval(CLAIM, *claim_values(tx.org_id, key, {}, now)) is not None
    except asyncpg.PostgresError as error:
        if refusal := refusal_of(error):
            raise refusal from error
        raise


async def fill(tx: Transaction, key: Key, answer: dict[str, Any]) -> None:
    """Store the answer of a claimed key, in the transaction of the effect."""
    document = orjson.dumps(answer).decode()
    await tx.execute(_FILL, tx.org_id, key.principal, key.route, key.key, document)


async def forget(tx: Transaction, before: datetime) -> int:
    """Delete the keys of all tenants that expired before an instant; how many."""
    return int(await tx.fetchval("SELECT forget_idempotency_keys($1)", before))
