"""Attempts: frozen before the call, closed with its outcome."""

import json
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chassis.db import Transaction
from payments.domain.attempt import Attempt, Kind
from payments.domain.payment import Payment
from payments.store.payments import COLUMNS, payment_of

_INSERT = """
INSERT INTO attempts (id, org_id, payment_id, refund_id, kind, body, contact, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, messaging.now())
ON CONFLICT (payment_id, kind, coalesce(refund_id, payment_id)) WHERE state = 'open' DO NOTHING
RETURNING true
"""

_FIND = f"""
SELECT {COLUMNS}, messaging.now() AS now,
       a.id AS attempt_id, a.kind, a.body, a.contact, a.refund_id, a.state, a.look_first,
       a.created_at
FROM attempts a JOIN payments p ON p.id = a.payment_id
WHERE a.id = $1
"""  # noqa: S608  # our own column names


class Task(NamedTuple):
    """An attempt with its payment, as they stood at `now` by the database's clock."""

    attempt: Attempt
    payment: Payment
    now: datetime


async def insert(
    tx: Transaction,
    *,
    attempt_id: UUID,
    payment: Payment,
    kind: Kind,
    body: dict[str, object],
    refund_id: UUID | None = None,
    contact: str | None = None,
) -> bool:
    """Write a new attempt; False when one of its kind is still open for the same thing."""
    return bool(
        await tx.fetchval(
            _INSERT,
            attempt_id,
            payment.org_id,
            payment.id,
            refund_id,
            kind,
            json.dumps(body),
            contact,
        )
    )


async def find(tx: Transaction, attempt_id: UUID) -> Task | None:
    """An attempt to make, unlocked."""
    row = await tx.fetchrow(_FIND, attempt_id)
    if row is None:
        return None
    payment = payment_of(row)
    attempt = Attempt(
        id=row["attempt_id"],
        org_id=payment.org_id,
        payment_id=payment.id,
        kind=Kind(row["kind"]),
        body=json.loads(row["body"]),
        created_at=row["created_at"],
        refund_id=row["refund_id"],
        contact=row["contact"],
        open=row["state"] == "open",
        look_first=row["look_first"],
    )
    return Task(attempt, payment, row["now"])


async def finish(
    tx: Transaction, attempt_id: UUID, state: str = "done", error: str | None = None
) -> bool:
    """Close an open attempt as done, refused or abandoned; False when it was closed before."""
    return bool(
        await tx.fetchval(
            """UPDATE attempts SET state = $2, error = $3, contact = NULL,
                                   finished_at = messaging.now()
               WHERE id = $1 AND state = 'open' RETURNING true""",
            attempt_id,
            state,
            error,
        )
    )


async def mark_look_first(tx: Transaction, attempt_id: UUID, error: str) -> None:
    """Remember that the provider keeps answering this attempt's key with a stored fault."""
    await tx.execute(
        "UPDATE attempts SET look_first = true, error = $2 WHERE id = $1", attempt_id, error
    )
