"""Notifications from providers: each stored once, each delivery noted, before anything is done."""

import json
from uuid import UUID

from chassis.db import Database, Transaction
from payments.domain.snapshot import ProviderEvent

_INSERT = """
WITH delivered AS (
    INSERT INTO messaging.provider_deliveries (account_id, event_id, delivery_ref, received_at)
    SELECT $1, $2, $9, messaging.now() WHERE $10
)
INSERT INTO messaging.provider_events
    (account_id, event_id, type, org_id, booking_id, payment_ref, digest, outcome, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, messaging.now())
ON CONFLICT DO NOTHING RETURNING true
"""

_SENT = True

_FORGET = """
WITH deliveries AS (
    DELETE FROM messaging.provider_deliveries
    WHERE received_at < messaging.now() - interval '30 days'
)
DELETE FROM messaging.provider_events WHERE received_at < messaging.now() - interval '30 days'
"""


async def forget(tx: Transaction) -> int:
    """Delete what is older than providers repeat (Stripe: 3 days) and lists reach (30 days)."""
    tag = await tx.execute(_FORGET)
    return int(tag.rpartition(" ")[2])


async def store(
    tx: Transaction,
    *,
    account_id: str,
    event: ProviderEvent,
    booking_id: UUID | None,
    delivered: bool = True,
) -> bool:
    """Keep an event that is to be acted on; False when it was here before.

    `delivered`: the provider sent it, rather than listed it when we asked.
    """
    return bool(
        await tx.fetchval(
            _INSERT,
            account_id,
            event.id,
            event.type,
            tx.org_id,
            booking_id,
            event.payment_ref,
            json.dumps(event.digest),
            "stored",
            event.delivery_ref,
            delivered,
        )
    )


async def store_ignored(
    db: Database, *, account_id: str, event: ProviderEvent, org_id: UUID | None
) -> None:
    """Keep an event that nothing follows from: most are these, so it is one statement by itself."""
    await db.statement(
        _INSERT,
        account_id,
        event.id,
        event.type,
        org_id,
        None,
        event.payment_ref,
        json.dumps(event.digest),
        "ignored",
        event.delivery_ref,
        _SENT,
    )


async def settle(tx: Transaction, account_id: str, event_id: str, outcome: str) -> None:
    """Note what came of an event."""
    await tx.execute(
        """UPDATE messaging.provider_events SET outcome = $3, settled_at = messaging.now()
           WHERE account_id = $1 AND event_id = $2""",
        account_id,
        event_id,
        outcome,
    )


async def org_of_payment(db: Database, account_id: str, ref: str) -> UUID | None:
    """Whose payment it is that a provider account knows by `ref`."""
    [row] = await db.statement("SELECT org_of_payment($1, $2) AS org_id", account_id, ref)
    org_id: UUID | None = row["org_id"]
    return org_id
