"""What became of charging a no-show fee: on record, and the guest asked where they must act."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published
from booking.domain.guarantee import FeeState
from booking.domain.moving import with_receipt
from booking.domain.refusals import Unknown
from booking.store import audit, bookings, no_show_fees, receipts
from chassis import metrics

if TYPE_CHECKING:
    from booking.store.contacts import ContactVault
    from booking.store.receipts import Receipt
    from chassis.db import Transaction

ACTOR = "payments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncharged:
    """Why a fee was not charged. ``sequence``: the payment's version. ``final``: it never will be.

    ``authentication``: the guest's bank wants to hear from the guest.
    """

    booking_id: UUID
    code: str
    sequence: int
    final: bool
    authentication: bool


async def record_fee(tx: Transaction, receipt: Receipt, sequence: int) -> None:
    """The fee was charged: it counts as paid, once, however often it is told.

    Raises:
        Unknown: there is no such booking.
    """
    booking = await bookings.lock(tx, receipt.booking_id)
    if booking is None:
        raise Unknown
    if not await receipts.record(tx, receipt, receipts.COUNTED, await tx.now()):
        return
    await no_show_fees.learn(tx, booking.id, FeeState.CHARGED, sequence)
    paid = with_receipt(booking, receipt.payment_id, receipt.amount)
    await bookings.save(
        tx,
        booking,
        replace(paid, version=booking.version + 1),
        "booking.no_show_fee_charged",
        actor=ACTOR,
        moved=False,
    )


async def record_uncharged(tx: Transaction, no: Uncharged, *, vault: ContactVault) -> None:
    """The fee was not charged: staff see why, and a guest whose bank asks gets a letter."""
    booking = await bookings.lock(tx, no.booking_id)
    if booking is None:
        return
    state = FeeState.DECLINED
    if no.final:
        state = FeeState.GIVEN_UP
    elif no.authentication:
        state = FeeState.ACTION_REQUIRED
    if not await no_show_fees.learn(tx, booking.id, state, no.sequence, no.code):
        return
    if state is not FeeState.ACTION_REQUIRED:
        metrics.ALARMS.labels("no_show_fee").inc()
    await audit.note(
        tx,
        "booking",
        booking.id,
        f"booking.no_show_fee_{state}",
        actor=ACTOR,
        at=await tx.now(),
        reason=no.code,
    )
    fee = await no_show_fees.read(tx, booking.id)
    if state is FeeState.ACTION_REQUIRED and fee is not None:
        contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
        tx.publish(
            published.no_show_fee_action_required(booking, fee, contact),
            key=str(booking.id),
            sequence=booking.version,
        )
