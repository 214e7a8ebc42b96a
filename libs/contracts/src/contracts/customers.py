"""What the customers service publishes. Ordering key: `booking_id`."""

from typing import ClassVar
from uuid import UUID

from contracts.message import Message


class CustomerResolved(Message):
    """A booking's guest was matched to a customer, or a customer was created for them."""

    TYPE: ClassVar[str] = "customer.resolved.v1"

    customer_id: UUID
    booking_id: UUID
    org_id: UUID
