"""Close payments that nobody will make any more: a booking's, or a change's (F-07, F-09)."""

from uuid import UUID

from chassis.db import Transaction
from payments.domain.payment import AT_PROVIDER, Payment, StaleFact
from payments.store import closed_bookings, payments
from payments.usecases.intend import cancel_at_provider


async def close(tx: Transaction, booking_id: UUID, cause: str, *, for_good: bool = False) -> None:
    """Cancel what can still be paid; leave alone what is over, above all what was paid.

    A payment not yet at the provider is only marked: its attempt knows whether it may exist there.
    A booking that we have not heard of is remembered, so that its hold, when it comes, makes none;
    and so is one that ended `for_good`, lest a change of it that comes late makes one. An expired
    booking may live again, when its money was only late.
    """
    found = await payments.lock_of_booking(tx, booking_id)
    if for_good or not found:
        await closed_bookings.lock(tx, booking_id)
        found = await payments.lock_of_booking(tx, booking_id)
    if for_good or not found:
        await closed_bookings.remember(tx, booking_id, cause)
    for payment in found:
        await _close(tx, payment, cause)


async def close_change(tx: Transaction, booking_id: UUID, change_id: UUID) -> None:
    """The same for one change; the booking's other payments stay as they are."""
    payment = await payments.lock_of_change(tx, change_id, booking_id)
    if payment is None:
        await closed_bookings.lock(tx, booking_id)
        payment = await payments.lock_of_change(tx, change_id, booking_id)
    if payment is None:
        await closed_bookings.remember_change(tx, change_id, booking_id)
    else:
        await _close(tx, payment, "change_expired")


async def give_up_fee(tx: Transaction, payment_id: UUID) -> None:
    """The time to pay a fee is over: nobody can pay it any more, unless it is paid already."""
    payment = await payments.lock(tx, payment_id)
    if payment is not None:
        await _close(tx, payment, "given_up")


async def _close(tx: Transaction, payment: Payment, cause: str) -> None:
    try:
        closing = payment.close(cause, await tx.now())
    except StaleFact:
        return
    await payments.save(tx, closing)
    if closing.status in AT_PROVIDER:
        await cancel_at_provider(tx, closing)
