"""Cancel a booking: free its place and say what goes back, by the policy frozen on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from booking import published, timers
from booking.domain.booking import (
    Cancellation,
    StaffRefund,
    cancellation,
    cancellation_with_refund,
)
from booking.domain.lifecycle import Verb, after
from booking.domain.moving import ChangeState
from booking.domain.refusals import CannotCancel, Fault, InvalidRequest, Unknown
from booking.store import approvals, bookings, receipts
from booking.usecases.expire_change import end_change

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Who cancels what, and why. ``manage_epoch``: of the guest's token; None for staff.

    ``staff_refund``: what goes back instead of what the policy says; the caller may decide that.
    """

    booking_id: UUID
    cause: Literal["customer", "staff"]
    actor: str
    reason: str | None = None
    manage_epoch: int | None = None
    staff_refund: StaffRefund | None = None


async def cancel(
    tx: Transaction, command: Cancel, *, vault: ContactVault
) -> tuple[Booking, Cancellation]:
    """Cancel and answer what was done (CAN-01..05).

    A guest may until the start; staff also after it, with a reason. What goes back is decided by
    the policy the booking was made under, at this instant, unless staff say otherwise; where
    refunds are to be approved it waits (see ``decide_refund``).

    Raises:
        Unknown: there is no such booking, or the guest's token was revoked.
        CannotCancel: its state, or the start, forbids it.
        InvalidRequest: staff gave no reason, or want more back than was paid.
    """
    by_staff = command.cause == "staff"
    if by_staff and not (command.reason or "").strip():
        raise InvalidRequest(Fault("reason", "staff must give one"))
    booking = await bookings.lock(tx, command.booking_id)
    if booking is None or command.manage_epoch not in (None, booking.manage_epoch):
        raise Unknown
    now = await tx.now()
    terms = cancellation(booking, now, by_staff=by_staff, staff_refund=command.staff_refund)
    if not terms.allowed:
        raise CannotCancel
    return await cancel_locked(tx, booking, terms, command, vault=vault), terms


async def release_refunded(
    tx: Transaction, booking_id: UUID, *, actor: str, reason: str, vault: ContactVault
) -> None:
    """Cancel a booking all of whose money staff gave back, once; else leave it as it is (F-34)."""
    booking = await bookings.lock(tx, booking_id)
    terms = None if booking is None else cancellation_with_refund(booking)
    if booking is None or terms is None:
        return
    command = Cancel(booking_id=booking_id, cause="staff", actor=actor, reason=reason)
    await cancel_locked(tx, booking, terms, command, vault=vault)


async def cancel_locked(
    tx: Transaction,
    booking: Booking,
    terms: Cancellation,
    command: Cancel,
    *,
    vault: ContactVault,
) -> Booking:
    """Cancel a locked booking on these terms, which allow it."""
    now = await tx.now()
    booking = await end_change(tx, booking, ChangeState.DROPPED, now, actor=command.actor)
    cancelled = replace(
        booking,
        status=after(Verb.CANCEL, booking.status),
        version=booking.version + 1,
        cancelled_at=now,
    )
    await bookings.save(
        tx,
        booking,
        cancelled,
        "booking.cancelled",
        actor=command.actor,
        reason=command.reason or f"{command.cause}_cancellation",
        gift_back=terms.to_card,
    )
    if terms.needs_approval:
        promise = approvals.Promise(terms.refund, terms.in_all)
        await approvals.ask(tx, booking.id, promise, now, command.actor)
    tx.unschedule(timers.key_of(booking.id))
    tx.unschedule(timers.visit_key_of(booking.id))
    tx.unschedule(timers.guarantee_key_of(booking.id))
    contact = vault.for_bus(booking.name, vault.open(booking.sealed_contact, booking.id))
    payment_ids = await receipts.counted(tx, booking.id) if terms.in_all.amount_minor else []
    tx.publish(
        published.cancelled(
            cancelled,
            now,
            terms,
            contact,
            cause=command.cause,
            reason=command.reason,
            payment_ids=payment_ids,
        ),
        key=str(booking.id),
        sequence=cancelled.version,
    )
    return cancelled
