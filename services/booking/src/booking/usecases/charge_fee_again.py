"""Staff have the fee of a no-show charged once more, after the card was declined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published
from booking.domain.guarantee import Fee, check_may_retry
from booking.domain.refusals import Unknown
from booking.store import audit, bookings, no_show_fees

if TYPE_CHECKING:
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeAgain:
    """Who wants it, and why."""

    booking_id: UUID
    actor: str
    reason: str | None = None


async def charge_fee_again(tx: Transaction, command: ChargeAgain, *, vault: ContactVault) -> Fee:
    """Ask for the charge; the fee as it stands from now on.

    Raises:
        Unknown: there is no such booking.
        IllegalState: see ``check_may_retry``.
    """
    booking = await bookings.lock(tx, command.booking_id)
    if booking is None:
        raise Unknown
    now = await tx.now()
    before = check_may_retry(await no_show_fees.read(tx, booking.id), now)
    await no_show_fees.charge_again(tx, booking.id)
    fee = await no_show_fees.read(tx, booking.id) or before
    await audit.note(
        tx,
        "booking",
        booking.id,
        "booking.no_show_fee_retried",
        actor=command.actor,
        at=now,
        reason=command.reason,
        before={"state": before.state, "failure_code": before.failure_code},
        after={"state": fee.state},
    )
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    tx.publish(
        published.no_show_fee_due(booking, fee, contact, retry=True),
        key=str(booking.id),
        sequence=booking.version,
    )
    return fee
