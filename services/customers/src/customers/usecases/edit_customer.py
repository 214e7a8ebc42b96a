"""Change how a customer stands and what is noted of them (CUS-04, CUS-17)."""

from dataclasses import dataclass
from uuid import UUID

from chassis.db import Transaction
from customers.domain.customer import Customer, Status
from customers.problems import NoSuchCustomer, StaleVersion
from customers.store import audit, customers
from customers.usecases.tell_standing import tell_standing


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change; None leaves it. `version` is the one that was read, to refuse a late edit."""

    customer_id: UUID
    actor: str
    status: Status | None = None
    notes: str | None = None
    reason: str | None = None
    version: int | None = None


async def edit_customer(tx: Transaction, edit: Edit) -> Customer:
    """The customer as they are now. What changes nothing is neither noted nor told.

    Raises:
        NoSuchCustomer: unknown, or another organisation's.
        StaleVersion: somebody else changed the customer meanwhile.
    """
    before = await customers.lock(tx, edit.customer_id)
    if before is None:
        raise NoSuchCustomer
    if edit.version is not None and edit.version != before.version:
        raise StaleVersion
    status = before.status if edit.status is None else edit.status
    notes = before.notes if edit.notes is None else edit.notes
    if (status, notes) == (before.status, before.notes):
        return before
    version = await customers.decide(tx, before.id, status, notes)
    # Notes are personal: the record says that they changed, not what they say (AUD-01).
    await audit.note(
        tx,
        before.id,
        "customer.edited",
        actor=edit.actor,
        reason=edit.reason,
        before={"status": before.status, "notes_length": len(before.notes)},
        after={"status": status, "notes_length": len(notes)},
    )
    if (status is Status.BLOCKED) != (before.status is Status.BLOCKED):
        await tell_standing(tx, before.id, status, version)
    return await customers.get(tx, before.id) or before
