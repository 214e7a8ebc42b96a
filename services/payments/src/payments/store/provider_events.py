"""Notifications from providers: each stored once, before anything is done about it."""

import json
from uuid import UUID

from chassis.db import Transaction
from payments.domain.snapshot import ProviderEvent


async def store(
    tx: Transaction,
    *,
    account_id: str,
    event: ProviderEvent,
    booking_id: UUID | None,
    outcome: str,
) -> bool:
    """Keep an event; False when it was here before."""
    return bool(
        await tx.fetchval(
            """INSERT INTO messaging.provider_events
                   (account_id, event_id, type, org_id, booking_id, payment_ref, digest, outcome,
                    received_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, messaging.now())
               ON CONFLICT DO NOTHING RETURNING true""",
            account_id,
            event.id,
            event.type,
            tx.org_id,
            booking_id,
            event.payment_ref,
            json.dumps(event.digest),
            outcome,
        )
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


async def org_of_payment(tx: Transaction, account_id: str, ref: str) -> UUID | None:
    """Whose payment it is that a provider account knows by `ref`."""
    org_id: UUID | None = await tx.fetchval("SELECT org_of_payment($1, $2)", account_id, ref)
    return org_id
