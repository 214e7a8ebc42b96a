"""Store a provider's notification, and the intent to look what it is about (F-23, F-24)."""

from contextlib import suppress
from uuid import UUID

from chassis.db import Transaction
from payments.domain.snapshot import ProviderEvent
from payments.store import connections, provider_events
from payments.usecases.connect import look_at_connection


async def receive_event(
    tx: Transaction, *, account_id: str, event: ProviderEvent, delivered: bool = True
) -> bool:
    """Keep an event about a payment of this organisation; False when it was here before.

    `delivered`: as `provider_events.store` has it.
    """
    new = await provider_events.store(
        tx,
        account_id=account_id,
        event=event,
        booking_id=uuid_in(event.metadata.get("booking_id")),
        delivered=delivered,
    )
    if new:
        intend_apply(tx, account_id=account_id, event_id=event.id, event=_essence(event))
    return new


async def receive_connection_event(
    tx: Transaction, *, account_id: str, event: ProviderEvent
) -> None:
    """Keep an event about the organisation's connected account, and the intent to look at it."""
    known = await connections.lock_by_ref(tx, event.connection_ref or "")
    new = await provider_events.store(tx, account_id=account_id, event=event, booking_id=None)
    if new and known is not None:
        look_at_connection(tx, known.id, because=event.id, event_id=event.id)


def intend_apply(
    tx: Transaction, *, account_id: str, event_id: str, event: dict[str, object]
) -> None:
    """Have the worker look at the provider; calls of one provider account share a lane."""
    tx.intend(
        "apply_event",
        subject=f"{account_id}:{event_id}",
        lane=account_id,
        payload={"account_id": account_id, "event_id": event_id, **event},
    )


def _essence(event: ProviderEvent) -> dict[str, object]:
    return {
        "payment_ref": event.payment_ref,
        "about_refunds": event.about_refunds,
        "settles": event.settles,
        "dispute_ref": event.dispute_ref,
        "adapter": event.adapter,
        "payment_id": event.metadata.get("payment_id"),
    }


def uuid_in(text: str | None) -> UUID | None:
    """An id from text that anybody may have written."""
    with suppress(ValueError):
        return UUID(text or "")
    return None
