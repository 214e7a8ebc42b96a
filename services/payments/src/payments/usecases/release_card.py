"""Let go of the cards that a guest has saved: nothing will be charged to them any more."""

from uuid import UUID

from chassis.db import Transaction
from payments.domain.payment import OPEN, Payment
from payments.store import payments


async def release_cards(tx: Transaction, booking_id: UUID) -> None:
    """All of a booking; what is still open is let go of when it is over."""
    for payment in await payments.lock_of_booking(tx, booking_id):
        if payment.status not in OPEN:
            release_card(tx, payment)


def release_card(tx: Transaction, payment: Payment) -> None:
    """The one that a payment saved, if it is still there; asked for again, it is one call."""
    if payment.customer_ref is not None:
        tx.intend(
            "forget_card",
            subject=str(payment.id),
            lane=payment.account_id,
            payload={"payment_id": str(payment.id)},
        )


async def release_after(tx: Transaction, payment: Payment) -> None:
    """What the end of this payment makes useless: its own card, or the one it was to charge."""
    if payment.no_show_fee and payment.status not in OPEN:
        await release_cards(tx, payment.booking_id)
    elif payment.in_vain:
        release_card(tx, payment)
