"""Money has arrived: confirm the booking, take its place again, or see that it goes back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from booking import published, timers
from booking.domain.lifecycle import PaymentStatus, Verb, after
from booking.domain.receiving import CODE_USED, PLACE_TAKEN, Accept, GiveBack, GiveUp, Retake, judge
from booking.domain.refusals import Unknown
from booking.store import bookings, ledger, receipts, upcoming
from booking.usecases.make_way import make_way, make_way_for_guest
from booking.usecases.take_codes_again import return_again, use_again

if TYPE_CHECKING:
    from datetime import datetime

    from booking.domain.booking import Booking
    from booking.store.contacts import ContactVault
    from booking.store.receipts import Receipt
    from chassis.db import Transaction

ACTOR = "payments"


async def confirm(tx: Transaction, receipt: Receipt, *, vault: ContactVault) -> None:
    """Settle a payment that brought money; each payment counts once, however often it is told.

    Held (even if the hold has just lapsed): confirmed. Expired or failed: the place and the codes
    are taken again if they are to be had, else the booking is unfulfillable and all goes back.
    Cancelled, already paid, wrong amount or currency: the money goes back and the booking stays as
    it is (F-07, F-25, F-27).

    Raises:
        Unknown: there is no such booking.
    """
    booking = await bookings.lock(tx, receipt.booking_id)
    if booking is None:
        raise Unknown
    now = await tx.now()
    verdict = judge(booking, receipt.amount, now)
    outcome = verdict.cause if isinstance(verdict, GiveBack) else receipts.COUNTED
    if not await receipts.record(tx, receipt, outcome, now):
        return
    match verdict:
        case Accept():
            await _confirm(tx, booking, Verb.CONFIRM, receipt, vault)
        case Retake():
            cause = await _retake(tx, booking, now, vault)
            if cause is None:
                await _confirm(tx, booking, Verb.RETAKE, receipt, vault)
            else:
                await _give_up(tx, booking, receipt, cause, vault)
        case GiveUp(cause):
            await _give_up(tx, booking, receipt, cause, vault)
        case GiveBack(cause):
            tx.publish(
                published.refund_due(booking, receipt.payment_id, receipt.amount, cause),
                key=str(booking.id),
                sequence=booking.version,
            )


async def _retake(
    tx: Transaction, booking: Booking, now: datetime, vault: ContactVault
) -> str | None:
    """Take the place and the codes again; why not, when that cannot be."""
    if not await use_again(tx, booking, actor=ACTOR):
        return CODE_USED
    if await _retake_place(tx, booking, now, vault):
        return None
    await return_again(tx, booking, actor=ACTOR)
    return PLACE_TAKEN


async def _retake_place(
    tx: Transaction, booking: Booking, now: datetime, vault: ContactVault
) -> bool:
    if not await upcoming.still_offered(tx, booking.session_id, booking.claim.resource_ids):
        return False
    hashes = vault.hashes(vault.open(booking.sealed_contact, booking.id))
    if not await make_way_for_guest(tx, booking, hashes, now, actor="late_payment"):
        return False
    if await ledger.retake(tx, booking):
        return True
    return await make_way(tx, booking, now, actor="late_payment") and (
        await ledger.retake(tx, booking)
    )


async def _confirm(
    tx: Transaction,
    booking: Booking,
    verb: Verb,
    receipt: Receipt,
    vault: ContactVault,
) -> None:
    now = await tx.now()
    confirmed = replace(
        booking,
        status=after(verb, booking.status),
        payment_status=PaymentStatus.PAID,
        version=booking.version + 1,
        paid=receipt.amount,
        payment_id=receipt.payment_id,
        confirmed_at=now,
        failure=None,
    )
    await bookings.save(tx, booking, confirmed, "booking.confirmed", actor=ACTOR)
    tx.unschedule(timers.key_of(booking.id))
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    resources = await bookings.resources_of(tx, booking.claim.resource_ids)
    tx.publish(
        published.confirmed(confirmed, now, contact, resources),
        key=str(confirmed.id),
        sequence=confirmed.version,
    )


async def _give_up(
    tx: Transaction, booking: Booking, receipt: Receipt, cause: str, vault: ContactVault
) -> None:
    unfulfillable = replace(
        booking,
        status=after(Verb.GIVE_UP, booking.status),
        payment_status=PaymentStatus.PAID,
        version=booking.version + 1,
        paid=receipt.amount,
        payment_id=receipt.payment_id,
    )
    await bookings.save(
        tx, booking, unfulfillable, "booking.unfulfillable", actor=ACTOR, reason=cause
    )
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    tx.publish(
        published.unfulfillable(unfulfillable, receipt.payment_id, receipt.amount, cause, contact),
        key=str(booking.id),
        sequence=unfulfillable.version,
    )
