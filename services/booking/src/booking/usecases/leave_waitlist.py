"""Leave the line, or be taken out of it by staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.refusals import Fault, InvalidRequest, NoLongerWaiting, Unknown
from booking.domain.waiting import EPOCH, EntryState
from booking.store import waitlist
from booking.usecases.cancel import Cancel, cancel

if TYPE_CHECKING:
    from booking.shop import Shop
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveWaitlist:
    """``epoch``: of the guest's token; None for staff, who give a reason."""

    entry_id: UUID
    actor: str
    reason: str | None = None
    epoch: int | None = None


async def leave_waitlist(tx: Transaction, command: LeaveWaitlist, *, shop: Shop) -> None:
    """Leave; a place that the group is offered is for the next one. Again changes nothing.

    Raises:
        Unknown: there is no such group in line.
        InvalidRequest: staff gave no reason.
        NoLongerWaiting: the group has taken its offer: cancel the booking instead.
    """
    by_staff = command.epoch is None
    if by_staff and not (command.reason or "").strip():
        raise InvalidRequest(Fault("reason", "staff must give one"))
    entry = await waitlist.read(tx, command.entry_id)
    if entry is not None and entry.state is EntryState.WAITING:
        # An offer may just be being made. One that was made already is locked by its booking.
        entry = await waitlist.lock(tx, command.entry_id)
    if entry is None or command.epoch not in (None, EPOCH):
        raise Unknown
    if entry.state is EntryState.ACCEPTED:
        raise NoLongerWaiting
    if entry.state is EntryState.WAITING:
        state = EntryState.REMOVED if by_staff else EntryState.LEFT
        await waitlist.step(tx, entry, state, actor=command.actor, reason=command.reason)
    elif entry.state is EntryState.OFFERED and entry.booking_id is not None:
        offer = Cancel(
            booking_id=entry.booking_id,
            cause="staff" if by_staff else "customer",
            actor=command.actor,
            reason=command.reason,
        )
        await cancel(tx, offer, vault=shop.vault)
