"""Tell others whether a customer may book, by all they are known by (CUS-17)."""

from uuid import UUID

from chassis.db import Transaction
from customers import published
from customers.domain.customer import Status
from customers.store import customers, identifiers


async def tell_standing(
    tx: Transaction, customer_id: UUID, status: Status, version: int | None = None
) -> None:
    """The caller holds the customer's lock, so versions tell in the order of the facts.

    Without a version of its own the news takes the customer's next one.
    """
    if version is None:
        version = await customers.next_version(tx, customer_id)
    published.standing(
        tx,
        customer_id=customer_id,
        blocked=status is Status.BLOCKED,
        hashes=await identifiers.hashes_of(tx, customer_id),
        at=await tx.now(),
        version=version,
    )
