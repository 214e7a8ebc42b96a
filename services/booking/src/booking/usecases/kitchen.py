"""What the kitchen prepares for a session: totals, and what it must know of each party."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.refusals import Unknown
from booking.store import orders, sessions
from booking.store.orders import DishTotal, Ticket

if TYPE_CHECKING:
    from chassis.db import Transaction

_FIRST = datetime(1, 1, 1, tzinfo=UTC), UUID(int=0)


@dataclass(frozen=True, slots=True)
class PrepList:
    """Of confirmed parties and those who are there; a held place is not cooked for."""

    totals: list[DishTotal]
    tickets: list[Ticket]


async def kitchen(
    tx: Transaction, session_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> PrepList:
    """Totals per dish of the whole session, and a page of its parties by the time they come.

    Raises:
        Unknown: there is no such session.
    """
    if await sessions.read(tx, session_id) is None:
        raise Unknown
    return PrepList(
        totals=await orders.totals(tx, session_id),
        tickets=await orders.tickets(tx, session_id, after=after or _FIRST, limit=limit),
    )
