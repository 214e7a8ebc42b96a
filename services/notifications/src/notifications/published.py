"""What this service tells others, as contracts."""

from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from contracts.notifications import NotificationFailed, NotificationSent
from notifications.domain.notice import Told


def sent(tx: Transaction, told: Told, at: datetime) -> UUID:
    """Tell that the channel took the message. Returns the id of what is published."""
    message = NotificationSent(
        message_id=told.id,
        booking_id=told.booking_id,
        org_id=told.org_id,
        kind=told.kind,
        channel="email",
        sent_at=at,
    )
    return tx.publish(message, key=str(told.booking_id), sequence=told.version)


def failed(tx: Transaction, told: Told, at: datetime, error: str) -> UUID:
    """Tell that the message will never arrive. Returns the id of what is published."""
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
