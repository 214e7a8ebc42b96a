"""Look at a payment a last time before its hold ends."""

from uuid import UUID

from chassis.db import Transaction
from payments.store import payments
from payments.usecases.intend import look_at_provider


async def look_once_more(tx: Transaction, payment_id: UUID) -> None:
    """The payment's timer rang; nothing happens unless it still waits for its customer."""
    payment = await payments.lock(tx, payment_id)
    if payment is not None and payment.payable:
        look_at_provider(tx, payment)
