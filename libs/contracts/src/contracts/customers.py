"""What the customers service publishes.

Ordering key: `booking_id`, sequence: the booking's version; about a customer as such `customer_id`
and the customer's version.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.message import Message
from contracts.values import Instant

IdentifierHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""HMAC-SHA256 with the installation's HASH_KEY of a normalised phone (E.164) or e-mail, in hex."""


class CustomerResolved(Message):
    """A booking's guest was matched to a customer, or a customer was created for them."""

    TYPE: ClassVar[str] = "customer.resolved.v1"

    customer_id: UUID
    booking_id: UUID
    org_id: UUID


class CustomerStanding(Message):
    """Whether a customer may book, by all they are known by: the whole present state."""

    customer_id: UUID
    org_id: UUID
    hashes: tuple[IdentifierHash, ...]
    """Every phone and e-mail of the customer; may be empty. Replaces what an earlier one said."""
    at: Instant


class CustomerBlocked(CustomerStanding):
    """Bookings by this customer are refused; said again when they get a further identifier."""

    TYPE: ClassVar[str] = "customer.blocked.v1"


class CustomerUnblocked(CustomerStanding):
    """The customer may book again."""

    TYPE: ClassVar[str] = "customer.unblocked.v1"
