"""Mend one fault that the integrity report names: always somebody's decision, always on record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from booking import published
from booking.domain.lifecycle import OCCUPYING, Status
from booking.domain.money import Money
from booking.domain.moving import ChangeState
from booking.domain.refusals import CannotRepair, NothingToRepair
from booking.store import audit, bookings, changes, failures, integrity, ledger, receipts
from booking.timers import wake_waitlists
from booking.usecases.expire import expire_locked
from booking.usecases.expire_change import end_change

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from booking.domain.booking import Booking
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Which fault: its kind, and the id under which the report lists it."""

    kind: str
    id: UUID
    actor: str
    reason: str | None = None


async def repair(tx: Transaction, command: Repair) -> None:
    """Mend it, if it is still there.

    Raises:
        NothingToRepair: it is not, or there is no such thing.
        CannotRepair: people must decide: the place is another's, or the kind mends only by hand.
    """
    mend = REPAIRS.get(command.kind)
    if mend is None:
        raise CannotRepair
    await mend(tx, command)


async def _recount(tx: Transaction, command: Repair) -> None:
    if not await _recounted(tx, command.id, command):
        raise NothingToRepair
    wake_waitlists(tx, [command.id], await tx.now())


async def _recounted(tx: Transaction, session_id: UUID, command: Repair) -> bool:
    try:
        counted = await integrity.recount(tx, session_id)
    except asyncpg.CheckViolationError as overbooked:
        raise CannotRepair from overbooked
    if counted is None:
        return False
    before, after = ({"taken": units} for units in counted)
    subject = ("session", session_id)
    await _note(tx, subject, "session.recounted", command, before=before, after=after)
    return True


async def _recount_line(tx: Transaction, command: Repair) -> None:
    counted = await integrity.recount_line(tx, command.id)
    if counted is None:
        raise NothingToRepair
    before, after = ({"waiting": groups} for groups in counted)
    subject = ("session", command.id)
    await _note(tx, subject, "session.line_recounted", command, before=before, after=after)
    wake_waitlists(tx, [command.id], await tx.now())


async def _recount_slots(tx: Transaction, command: Repair) -> None:
    if not await _slots_recounted(tx, command.id, command):
        raise NothingToRepair
    wake_waitlists(tx, [command.id], await tx.now())


async def _slots_recounted(tx: Transaction, session_id: UUID, command: Repair) -> bool:
    wrong = await integrity.recount_slots(tx, session_id)
    if wrong:
        subject = ("session", session_id)
        await _note(tx, subject, "session.slots_recounted", command, after={"slots": wrong})
    return wrong > 0


async def _release(tx: Transaction, command: Repair) -> None:
    booking = await _lock(tx, command.id)
    if booking.status in OCCUPYING:
        raise NothingToRepair
    freed = await integrity.release(tx, booking.id, await tx.now())
    if not freed:
        raise NothingToRepair
    await _note(tx, ("booking", booking.id), "booking.allocation_released", command)
    for session_id in freed:
        await _recounted(tx, session_id, command)
        await _slots_recounted(tx, session_id, command)
    wake_waitlists(tx, freed, await tx.now())


async def _restore(tx: Transaction, command: Repair) -> None:
    booking = await _lock(tx, command.id)
    if booking.status not in OCCUPYING or await integrity.has_place(tx, booking.id):
        raise NothingToRepair
    # The counter may or may not know of the place that the ledger lacks.
    await _recounted(tx, booking.session_id, command)
    await _slots_recounted(tx, booking.session_id, command)
    if not await ledger.retake(tx, booking):
        raise CannotRepair
    await bookings.save(
        tx,
        booking,
        replace(booking, version=booking.version + 1),
        "booking.allocation_restored",
        actor=command.actor,
        moved=False,
        reason=command.reason or command.kind,
    )


async def _expire(tx: Transaction, command: Repair) -> None:
    booking = await _lock(tx, command.id)
    now = await tx.now()
    if not booking.has_lapsed(now):
        raise NothingToRepair
    await expire_locked(tx, booking, now, actor=command.actor)


async def _end_change(tx: Transaction, command: Repair) -> None:
    booking = await _lock(tx, command.id)
    if booking.change_id is None:
        raise NothingToRepair
    change = await changes.read(tx, booking.change_id, booking.id)
    now = await tx.now()
    if change is None or not change.has_lapsed(now):
        raise NothingToRepair
    await end_change(tx, booking, ChangeState.EXPIRED, now, actor=command.actor)


async def _return_money(tx: Transaction, command: Repair) -> None:
    money = await integrity.money_of(tx, command.id)
    if money is None or money.refunded_minor >= money.amount_minor:
        raise NothingToRepair
    booking = await _lock(tx, money.booking_id)
    kept = money.outcome == receipts.COUNTED
    if kept and (booking.status in OCCUPYING or booking.status is Status.CANCELLED):
        raise NothingToRepair
    await _note(
        tx,
        ("booking", booking.id),
        failures.REFUND_RETRIED,
        command,
        after={"payment_id": str(command.id)},
    )
    # Payments makes it only if no other refund of the same cause was made or is under way.
    tx.publish(
        published.refund_due(
            booking,
            command.id,
            Money(money.amount_minor - money.refunded_minor, money.currency),
            "unfulfillable" if kept else money.outcome,
            retry=True,
        ),
        key=str(booking.id),
        sequence=booking.version,
    )


REPAIRS: Mapping[str, Callable[[Transaction, Repair], Awaitable[None]]] = MappingProxyType(
    {
        "capacity_drift": _recount,
        "line_drift": _recount_line,
        "orphan_allocations": _release,
        "missing_allocations": _restore,
        "pacing_drift": _recount_slots,
        "stuck_holds": _expire,
        "stuck_changes": _end_change,
        "stuck_payments": _expire,
        "unkept_receipts": _return_money,
        "unreturned_receipts": _return_money,
    }
)
"""How each kind is mended. A booking without its money is not here: somebody must ask the guest."""


async def _lock(tx: Transaction, booking_id: UUID) -> Booking:
    booking = await bookings.lock(tx, booking_id)
    if booking is None:
        raise NothingToRepair
    return booking


async def _note(
    tx: Transaction,
    subject: tuple[str, UUID],
    action: str,
    command: Repair,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    await audit.note(
        tx,
        *subject,
        action,
        actor=command.actor,
        at=await tx.now(),
        reason=command.reason or command.kind,
        before=before,
        after=after,
    )
