"""What this service tells others, as contracts."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from contracts.customers import CustomerBlocked, CustomerResolved, CustomerUnblocked


def customer_resolved(
    tx: Transaction, *, customer_id: UUID, booking_id: UUID, org_id: UUID, version: int
) -> UUID:
    """Tell who the customer of a booking is; `version` is the booking's. Returns the message id."""
    message = CustomerResolved(customer_id=customer_id, booking_id=booking_id, org_id=org_id)
    return tx.publish(message, key=str(booking_id), sequence=version)


def standing(
    tx: Transaction,
    *,
    customer_id: UUID,
    blocked: bool,
    hashes: Sequence[bytes],
    at: datetime,
    version: int,
) -> UUID:
    """Tell whether a customer may book; `version` is the customer's. Returns the message id."""
    fact = CustomerBlocked if blocked else CustomerUnblocked
    if tx.org_id is None:
        raise LookupError("a customer belongs to an organisation")
    message = fact(
        customer_id=customer_id,
        org_id=tx.org_id,
        hashes=tuple(each.hex() for each in hashes),
        at=at,
    )
    return tx.publish(message, key=str(customer_id), sequence=version)
