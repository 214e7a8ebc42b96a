"""Money has arrived: confirm the booking, take its place again, or see that it goes back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from booking import published, timers
from booking.domain.booking import Booking
from booking.domain.lifecycle import PaymentStatus, Verb, after
from booking.domain.receiving import CODE_USED, PLACE_TAKEN, Accept, GiveBack, GiveUp, Retake, judge
from booking.domain.refusals import Unknown
from booking.store import bookings, receipts
from booking.usecases.make_way import make_way_for_guest
from booking.usecases.settle_guarantee import release_card, watch_guarantee
from booking.usecases.take_codes_again import return_again, use_again
from booking.usecases.take_place import take_place
from chassis import metrics

if TYPE_CHECKING:
    from datetime import datetime

    from booking.domain.inventory import Claim
    from booking.store.contacts import ContactVault
    from booking.store.listings import Listings
    from booking.store.receipts import Receipt
    from chassis.db import Transaction

ACTOR = "payments"


async def confirm(
    tx: Transaction, receipt: Receipt, *, vault: ContactVault, listings: Listings
) -> None:
    """Settle a payment that brought money; each payment counts once, however often it is told.

    Held (even if the hold has just lapsed): confirmed. Expired or failed: the place and the codes
    are taken again if they are to be had, else the booking is unfulfillable and all goes back.
    Cancelled, already paid, wrong amount or currency: the money goes back and the booking stays as
    it is (F-07, F-25, F-27). A saved card is a payment of nothing: in vain, it is let go (OPN-06).

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
    if not receipt.amount.amount_minor and isinstance(verdict, GiveUp | GiveBack):
        release_card(tx, booking)
        return
    match verdict:
        case Accept():
            await _confirm(tx, booking, Verb.CONFIRM, receipt, vault)
        case Retake():
            found = await _retake(tx, booking, now, vault, listings)
            if isinstance(found, Booking):
                await _confirm(tx, booking, Verb.RETAKE, receipt, vault, claim=found.claim)
            elif not receipt.amount.amount_minor:
                release_card(tx, booking)
            else:
                await _give_up(tx, booking, receipt, found, vault)
        case GiveUp(cause):
            await _give_up(tx, booking, receipt, cause, vault)
        case GiveBack(cause):
            tx.publish(
                published.refund_due(booking, receipt.payment_id, receipt.amount, cause),
                key=str(booking.id),
                sequence=booking.version,
            )


async def _retake(
    tx: Transaction, booking: Booking, now: datetime, vault: ContactVault, listings: Listings
) -> Booking | str:
    """Take the place and the codes again; why not, when that cannot be."""
    if not await use_again(tx, booking, actor=ACTOR):
        return CODE_USED
    placed = await _retake_place(tx, booking, now, vault, listings)
    if placed is None:
        await return_again(tx, booking, actor=ACTOR)
    return placed or PLACE_TAKEN


async def _retake_place(
    tx: Transaction, booking: Booking, now: datetime, vault: ContactVault, listings: Listings
) -> Booking | None:
    hashes = vault.hashes(vault.open(booking.sealed_contact, booking.id))
    if not await make_way_for_guest(tx, booking, hashes, now, actor="late_payment"):
        return None
    return await take_place(tx, booking, now, listings=listings, actor="late_payment")


async def _confirm(
    tx: Transaction,
    booking: Booking,
    verb: Verb,
    receipt: Receipt,
    vault: ContactVault,
    *,
    claim: Claim | None = None,
) -> None:
    claim = claim or booking.claim
    now = await tx.now()
    confirmed = replace(
        booking,
        status=after(verb, booking.status),
        payment_status=_paid(booking, receipt),
        version=booking.version + 1,
        claim=claim,
        paid=receipt.amount,
        payment_id=receipt.payment_id,
        confirmed_at=now,
        failure=None,
    )
    await bookings.save(tx, booking, confirmed, "booking.confirmed", actor=ACTOR)
    tx.unschedule(timers.key_of(booking.id))
    watch_guarantee(tx, confirmed)
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    resources = await bookings.resources_of(tx, claim.resource_ids)
    tx.publish(
        published.confirmed(confirmed, now, contact, resources),
        key=str(confirmed.id),
        sequence=confirmed.version,
    )


def _paid(booking: Booking, receipt: Receipt) -> PaymentStatus:
    if receipt.amount.amount_minor:
        return PaymentStatus.PAID
    owed = booking.quote.owed.amount_minor > 0
    return PaymentStatus.UNPAID if owed else PaymentStatus.NOT_REQUIRED


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
    metrics.ALARMS.labels("unfulfillable").inc()
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    tx.publish(
        published.unfulfillable(unfulfillable, receipt.payment_id, receipt.amount, cause, contact),
        key=str(booking.id),
        sequence=unfulfillable.version,
    )
