"""What this service tells others, as contracts."""

from uuid import UUID

from chassis.db import Transaction
from contracts.customers import CustomerResolved


def customer_resolved(
    tx: Transaction, *, customer_id: UUID, booking_id: UUID, org_id: UUID, version: int
) -> UUID:
    """Tell who the customer of a booking is; `version` is the booking's. Returns the message id."""
    message = CustomerResolved(customer_id=customer_id, booking_id=booking_id, org_id=org_id)
    return tx.publish(message, key=str(booking_id), sequence=version)
