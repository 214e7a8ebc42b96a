"""What is left of a session, for anybody to see: counts and numbers, no bookings (F-41, F-52)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from booking.domain.refusals import Unknown
from booking.store import sessions
from booking.store.sessions import SessionView, TableView

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction


@dataclass(frozen=True, slots=True)
class Availability:
    """``tables`` is empty for a session sold by capacity, ``view.remaining`` None otherwise."""

    view: SessionView
    tables: list[TableView]


async def availability(tx: Transaction, session_id: UUID) -> Availability:
    """Places left, or each table with its status; a lapsed hold counts as free (AVL-01, AVL-06).

    Raises:
        Unknown: there is no such session.
    """
    view = await sessions.read(tx, session_id)
    if view is None:
        raise Unknown
    counted = view.session.capacity is not None
    return Availability(view, [] if counted else await sessions.tables_of(tx, session_id))
