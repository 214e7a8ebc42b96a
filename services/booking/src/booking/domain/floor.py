"""The floor of a venue as a party finds it: its tables, and what is taken at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from booking.domain.catalogue import Session
from booking.domain.inventory import Table
from booking.domain.local_time import Span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from booking.domain.booking import Booking


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A hold whose time is over, but whose place nobody has freed yet. ``slot``: see ``Pace``."""

    booking_id: UUID
    session_id: UUID
    slot: datetime | None
    covers: int


class Around(NamedTuple):
    """What of the floor concerns a party: the tables during ``span``, and who arrives with it.

    ``within``: arrivals less than so long before or after its start; the rest are of no interest.
    """

    span: Span
    within: timedelta = timedelta(hours=48)  # no session lasts longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What stands in the way of a party at one moment; read together, so it agrees with itself.

    ``holders``: who has each of the venue's tables at some time of ``span``. ``paced``: covers of
    the session by slot, as far as they were asked for. ``lapsed``: holds that may be expired to
    make way, oldest first.
    """

    span: Span
    holders: Mapping[UUID, tuple[UUID, ...]]
    paced: Mapping[datetime, int]
    lapsed: tuple[Lapsed, ...]

    def but(self, undecided: Collection[UUID]) -> Taken:
        """The same, with these holds standing in the way like any other."""
        if not undecided:
            return self
        lapsed = tuple(hold for hold in self.lapsed if hold.booking_id not in undecided)
        return replace(self, lapsed=lapsed)


@dataclass(frozen=True, slots=True)
class Floor:
    """A session, the tables that its venue has, and what is taken of both."""

    session: Session
    tables: Sequence[Table]
    taken: Taken

    def free_tables(self) -> list[Table]:
        """Tables that nobody has, or only holds that have lapsed."""
        gone = {hold.booking_id for hold in self.taken.lapsed}
        holders = self.taken.holders
        return [table for table in self.tables if gone.issuperset(holders.get(table.id, ()))]

    def holders_of(self, tables: Iterable[Table]) -> set[UUID]:
        """The bookings that have any of these tables."""
        return {one for table in tables for one in self.taken.holders.get(table.id, ())}


def without(booking: Booking, session: Session, taken: Taken) -> tuple[Session, Taken]:
    """A session and what is taken there, as they are once a booking has given up its place."""
    own = booking.claim.units if booking.session_id == session.id else 0
    # Which counter of arrivals had it is not known here; its own interval is the best of guesses,
    # and the counter itself decides when the place is taken.
    paced = dict(taken.paced)
    slots = [slot for slot in paced if slot <= booking.occasion.starts_at]
    if own and slots:
        paced[max(slots)] -= min(own, paced[max(slots)])
    holders = {
        table: tuple(one for one in bookings if one != booking.id)
        for table, bookings in taken.holders.items()
    }
    return replace(session, taken=session.taken - own), replace(taken, holders=holders, paced=paced)
