"""Learn a further number or address of a booking's customer: their contact was corrected."""

from collections.abc import Sequence
from uuid import UUID

from chassis.db import Transaction
from customers.domain.customer import Status
from customers.domain.matching import match
from customers.identity import Sealed
from customers.store import bookings_seen, customers, identifiers
from customers.usecases.tell_standing import tell_standing


async def learn(tx: Transaction, booking_id: UUID, asked: Sequence[Sealed]) -> None:
    """What nobody has becomes the customer's; what another has is a question for staff (CUS-01).

    Nothing is done for a booking whose customer is not known: its confirmation brings the contact.
    """
    seen = await bookings_seen.lock(tx, booking_id)
    if seen.customer_id is None:
        return
    owners = await identifiers.owners(tx, asked)
    free = [identifier for identifier in asked if identifier.kind not in owners]
    if free and not await identifiers.claim(tx, seen.customer_id, free):
        owners = await identifiers.owners(tx, asked)  # a rival was faster with some of them
    others = {kind: owner for kind, owner in owners.items() if owner != seen.customer_id}
    if (other := match(others)) is not None:
        await customers.queue_merge(
            tx, seen.customer_id, other.customer_id, booking_id, "contact_corrected"
        )
    customer = await customers.lock(tx, seen.customer_id) if free else None
    if customer is not None and customer.status is Status.BLOCKED:
        await tell_standing(tx, customer.id, customer.status)
