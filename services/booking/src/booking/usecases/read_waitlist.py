"""Who is in line, for staff; and one group's own place in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.booking import Booking
from booking.domain.refusals import Unknown
from booking.domain.waiting import EPOCH, Entry, EntryState
from booking.store import bookings, sessions, waitlist

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chassis.db import Transaction

_FIRST = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))


@dataclass(frozen=True, slots=True)
class EntryView:
    """A group, its place in the line while it waits, and the booking it was offered."""

    entry: Entry
    position: int | None
    offer: Booking | None
    now: datetime


async def read_entry(tx: Transaction, entry_id: UUID, *, epoch: int | None) -> EntryView:
    """One group; ``epoch``: of its token, None for staff.

    Raises:
        Unknown: there is no such group, or the token is not one of ours.
    """
    entry = await waitlist.read(tx, entry_id)
    if entry is None or epoch not in (None, EPOCH):
        raise Unknown
    waiting = entry.state is EntryState.WAITING
    return EntryView(
        entry=entry,
        position=await waitlist.position(tx, entry) if waiting else None,
        offer=await bookings.read(tx, entry.booking_id) if entry.booking_id else None,
        now=await tx.now(),
    )


async def read_line(
    tx: Transaction,
    session_id: UUID,
    *,
    states: Sequence[EntryState],
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Entry]:
    """A session's groups in the order in which they came; raises Unknown for no such session."""
    if await sessions.read(tx, session_id) is None:
        raise Unknown
    return await waitlist.page(tx, session_id, after=after or _FIRST, states=states, limit=limit)
