"""What the notifications service publishes. Ordering key: `booking_id`."""

from typing import ClassVar
from uuid import UUID

from contracts.message import Message
from contracts.values import Instant


class NotificationFact(Message):
    """What both outcomes say about the message to the guest."""

    message_id: UUID
    """Notifications' own id of the mail or SMS; not the id of this bus message."""
    booking_id: UUID
    org_id: UUID
    kind: str
    """What it tells the guest (`confirmation`, `payment_failed`, ...); an open list."""
    channel: str
    """`email`, later `sms`; an open list."""


class NotificationSent(NotificationFact):
    """The channel accepted the message."""

    TYPE: ClassVar[str] = "notification.sent.v1"

    sent_at: Instant


class NotificationFailed(NotificationFact):
    """The channel refused the message for good."""

    TYPE: ClassVar[str] = "notification.failed.v1"

    failed_at: Instant
    error: str
    """Class of the failure, without the guest's address."""
