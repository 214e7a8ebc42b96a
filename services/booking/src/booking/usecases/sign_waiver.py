"""The guest signs the waiver, by link beforehand or at the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.attendance import sign
from booking.domain.guest import signature
from booking.domain.refusals import Unknown
from booking.store import bookings, details

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SignWaiver:
    """Who signs for which booking. ``manage_epoch``: of the guest's token; None for staff."""

    booking_id: UUID
    signed_name: str
    actor: str
    manage_epoch: int | None = None


async def sign_waiver(tx: Transaction, command: SignWaiver) -> Booking:
    """Keep the name and the time (OPN-05); the audit log holds the time alone.

    Raises:
        Unknown: there is no such booking, or the guest's token was revoked.
        IllegalState: no waiver is asked for, or it is too late for one.
        InvalidRequest: no name.
    """
    booking = await bookings.lock(tx, command.booking_id)
    if booking is None or command.manage_epoch not in (None, booking.manage_epoch):
        raise Unknown
    now = await tx.now()
    signed = sign(booking, signature(command.signed_name), now)
    await details.save(
        tx,
        booking,
        signed,
        "booking.waiver_signed",
        actor=command.actor,
        change=(
            {"waiver_at": booking.waiver.signed_at if booking.waiver else None},
            {"waiver_at": now},
        ),
    )
    return signed
