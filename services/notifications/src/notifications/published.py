"""What this service tells others, as contracts."""

from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from contracts.notifications import NotificationFailed, NotificationSent
from notifications.domain.notice import Told


def sent(tx: Transaction, told: Told, at: datetime) -> UUID | None:
    """Tell that the channel took the message. Returns the id of what is published.

    Facts are told by booking; mail about a place in line has none, and is on record here only.
    """
    if told.booking_id is None:
        return None
    message = NotificationSent(
        message_id=told.id,
        booking_id=told.booking_id,
        org_id=told.org_id,
        kind=told.kind,
        channel="email",
        sent_at=at,
    )
    return tx.publish(message, key=str(told.booking_id), sequence=told.version)


def failed(tx: Transaction, told: Told, at: datetime, error: str) -> UUID | None:
    """Tell that the message will never arrive. Returns the id of what is published, as `sent`."""
    if told.booking_id is None:
        return None
    message = NotificationFailed(
        message_id=told.id,
        booking_id=told.booking_id,
        org_id=told.org_id,
        kind=told.kind,
        channel="email",
        failed_at=at,
        error=error,
    )
    return tx.publish(message, key=str(told.booking_id), sequence=told.version)
