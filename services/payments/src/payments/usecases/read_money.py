"""Read for staff what was paid, how, and what went back of it (PAY-05)."""

from uuid import UUID

from chassis.db import Transaction
from payments.domain.refunds import Taken
from payments.problems import NoPayment
from payments.store import payments, refunds


async def money_of_payment(tx: Transaction, payment_id: UUID) -> Taken:
    """A payment and its refunds.

    Raises:
        NoPayment: there is none, or it is another organisation's.
    """
    payment = await payments.read(tx, payment_id)
    if payment is None:
        raise NoPayment
    return Taken(payment, await refunds.of_payment(tx, payment.id))


async def money_of_booking(tx: Transaction, booking_id: UUID) -> list[Taken]:
    """All payments of a booking and of its changes, oldest first; none is no fault."""
    made = await refunds.of_booking(tx, booking_id)
    return [
        Taken(payment, [refund for refund in made if refund.payment_id == payment.id])
        for payment in await payments.of_booking(tx, booking_id)
    ]
