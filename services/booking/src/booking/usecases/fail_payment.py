"""A payment attempt failed: let the guest try again, or give the place up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking import published, timers
from booking.domain.booking import Failure
from booking.domain.lifecycle import PaymentStatus, Verb, after
from booking.store import bookings

if TYPE_CHECKING:
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction

ACTOR = "payments"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """What the provider said. ``sequence`` is the payment's version, ``terminal`` its end."""

    booking_id: UUID
    payment_id: UUID
    sequence: int
    failure: Failure
    terminal: bool


async def fail_payment(tx: Transaction, attempt: FailedAttempt, *, vault: ContactVault) -> None:
    """Record a failed attempt; the first is final when the offering says so (PAY-11, F-16).

    Ignored once the booking is no longer waiting: a failure told late undoes nothing (F-23). One
    that is not final and older than what is known is stale.
    """
    booking = await bookings.lock(tx, attempt.booking_id)
    if booking is None or not booking.is_waiting():
        return
    final = attempt.terminal or booking.policy.release_on_failure
    if not final and attempt.sequence <= booking.payment_sequence:
        return
    verb = Verb.FAIL_PAYMENT if final else Verb.RESUME_PAYMENT
    failed = replace(
        booking,
        status=after(verb, booking.status),
        payment_status=PaymentStatus.FAILED,
        version=booking.version + 1,
        payment_id=attempt.payment_id,
        payment_sequence=max(attempt.sequence, booking.payment_sequence),
        failure=attempt.failure,
    )
    await bookings.save(
        tx, booking, failed, "booking.payment_failed", actor=ACTOR, reason=attempt.failure.code
    )
    if final:
        tx.unschedule(timers.key_of(booking.id))
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    tx.publish(
        published.payment_failed(failed, attempt.failure, contact, final=final),
        key=str(failed.id),
        sequence=failed.version,
    )
