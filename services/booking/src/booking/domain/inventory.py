"""What a booking takes: units of a session's capacity, resources for its own time, or both.

Every kind answers the same question, ``claim``, and one ledger records any answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from booking.domain.refusals import (
    CoversReached,
    Fault,
    InvalidRequest,
    NoTableFree,
    PacingReached,
    ResourceTaken,
)
from booking.domain.seating import Pace, assign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from booking.domain.floor import Floor, Lapsed

LARGEST_PARTY = 1000
LARGEST_CAPACITY = 100_000
UNLIMITED = 1_000_000
"""Covers of a slot where pacing sets no limit; they are counted all the same."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a booking takes from a session: so many units, these resources, or both.

    ``pace``: the counter that the units also add to. ``displaces``: lapsed holds that have it now.
    """

    units: int = 0
    resource_ids: tuple[UUID, ...] = ()
    pace: Pace | None = None
    displaces: tuple[UUID, ...] = ()

    @property
    def assigned(self) -> bool:
        """Whether the house chose what to take; then it may choose again."""
        return self.pace is not None


@dataclass(frozen=True, slots=True)
class Seats:
    """How many people a resource is for."""

    fewest: int
    most: int


@dataclass(frozen=True, slots=True)
class Table:
    """A resource as seating sees it: what it holds, what it joins, how soon it is given out.

    Tables of one ``group`` can be put together; the lower ``priority`` goes first.
    """

    id: UUID
    number: int
    seats: Seats
    group: str | None
    priority: int
    vip: bool = False


class Units(StrEnum):
    """What a place of a session is for."""

    BOOKING = "booking"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Counted:
    """A session has places; a booking takes some for the whole party or for each person (INV-03).

    ``units_per_booking`` counts where ``units`` are for bookings.
    """

    capacity: int
    units: Units = Units.BOOKING
    units_per_booking: int = 1
    party_min: int = 1
    party_max: int = 1

    assigns_tables: ClassVar[bool] = False
    tables_are_chosen: ClassVar[bool] = False
    pacing_interval: ClassVar[timedelta | None] = None

    def claim(
        self,
        party_size: int,
        resource_ids: Sequence[UUID],
        seats: Mapping[UUID, Seats],
        floor: Floor | None = None,
    ) -> Claim:
        """The units to take.

        Raises:
            InvalidRequest: the party is too small or large, or resources were asked for.
        """
        del seats, floor
        check_party(party_size, self.party_min, self.party_max)
        if resource_ids:
            raise InvalidRequest(Fault("resource_ids", "this offering has no tables to choose"))
        by_person = self.units is Units.PERSON
        return Claim(units=party_size if by_person else self.units_per_booking)

    def waits_for(self, party_size: int) -> int:
        """The units that a group in line waits for.

        Raises:
            InvalidRequest: the party is too small or large.
        """
        check_party(party_size, self.party_min, self.party_max)
        return party_size if self.units is Units.PERSON else self.units_per_booking

    def to_offer(self, party_size: int, free: Mapping[UUID, Seats]) -> tuple[UUID, ...] | None:
        """Which of the free resources a waiting group is offered: none, units are enough."""
        del party_size, free
        return ()

    def kept(self, claim: Claim) -> tuple[UUID, ...]:
        """What of its claim a booking that moves asks for again, unless it is told otherwise."""
        del claim
        return ()

    def again(self, claim: Claim, party_size: int, floor: Floor) -> Claim:
        """What a booking that had this claim takes if it takes a place once more: the same."""
        del party_size, floor
        return claim

    def session_capacity(self, asked: int | None) -> int | None:
        """The capacity of a new session."""
        return self.capacity if asked is None else asked


@dataclass(frozen=True, slots=True)
class Exclusive:
    """A session offers resources (tables); a booking has some of them to itself."""

    max_resources: int = 1
    party_min: int = 1
    party_max: int = 12

    assigns_tables: ClassVar[bool] = False
    tables_are_chosen: ClassVar[bool] = True
    pacing_interval: ClassVar[timedelta | None] = None

    def claim(
        self,
        party_size: int,
        resource_ids: Sequence[UUID],
        seats: Mapping[UUID, Seats],
        floor: Floor | None = None,
    ) -> Claim:
        """The resources to take, in the order in which the ledger locks them.

        ``seats`` holds the seats of those of the resources that the session offers.

        Raises:
            InvalidRequest: none, too many, twice the same or foreign resources, or a party that
                does not fit them (F-17).
        """
        del floor
        check_party(party_size, self.party_min, self.party_max)
        wanted = tuple(sorted(set(resource_ids)))
        if not wanted:
            raise InvalidRequest(Fault("resource_ids", "name the table to book"))
        if len(wanted) != len(resource_ids):
            raise InvalidRequest(Fault("resource_ids", "the same table is named twice"))
        if len(wanted) > self.max_resources:
            raise InvalidRequest(
                Fault("resource_ids", f"at most {self.max_resources} for one booking")
            )
        if any(resource not in seats for resource in wanted):
            raise InvalidRequest(Fault("resource_ids", "not a table of this session"))
        fewest = sum(seats[resource].fewest for resource in wanted)
        most = sum(seats[resource].most for resource in wanted)
        if not fewest <= party_size <= most:
            raise InvalidRequest(
                Fault("party_size", f"this table is for {fewest} to {most} people")
            )
        return Claim(resource_ids=wanted)

    def waits_for(self, party_size: int) -> int:
        """No units: a group in line waits for a table.

        Raises:
            InvalidRequest: the party is too small or large.
        """
        check_party(party_size, self.party_min, self.party_max)
        return 0

    def to_offer(self, party_size: int, free: Mapping[UUID, Seats]) -> tuple[UUID, ...] | None:
        """The free table with the fewest spare seats; None when none is for such a party."""
        fitting = [
            (seats.most, resource)
            for resource, seats in free.items()
            if seats.fewest <= party_size <= seats.most
        ]
        return (min(fitting)[1],) if fitting else None

    def kept(self, claim: Claim) -> tuple[UUID, ...]:
        """The same tables, where they were chosen."""
        return claim.resource_ids

    def again(self, claim: Claim, party_size: int, floor: Floor) -> Claim:
        """What a booking that had this claim takes if it takes a place once more: the same.

        Raises:
            ResourceTaken: the venue has one of its tables no more.
        """
        del party_size
        if not {table.id for table in floor.tables}.issuperset(claim.resource_ids):
            raise ResourceTaken
        return claim

    def session_capacity(self, asked: int | None) -> int | None:
        """Resources limit such a session, so it counts nothing.

        Raises:
            InvalidRequest: a capacity was asked for.
        """
        if asked is not None:
            raise InvalidRequest(Fault("capacity", "this offering sells tables, not places"))
        return None


@dataclass(frozen=True, slots=True)
class Seated:
    """The house gives out the tables; arrivals are paced (OPN-01, INV-04).

    At most ``pacing_covers`` people arrive within each ``pacing_minutes`` of a session, counted
    from its start, and ``covers_per_session`` in all; None: no limit. Tables for VIPs are given
    out by staff alone unless ``vip_tables``.
    """

    max_joined: int = 2
    vip_tables: bool = False
    pacing_covers: int | None = None
    pacing_minutes: int = 15
    covers_per_session: int | None = None
    party_min: int = 1
    party_max: int = 12

    assigns_tables: ClassVar[bool] = True
    tables_are_chosen: ClassVar[bool] = False

    def claim(
        self,
        party_size: int,
        resource_ids: Sequence[UUID],
        seats: Mapping[UUID, Seats],
        floor: Floor | None = None,
    ) -> Claim:
        """The tables and covers to take, given what ``floor`` says of this moment.

        Raises:
            InvalidRequest: the party is too small or large, or tables were asked for.
            CoversReached, PacingReached, NoTableFree: the rule that has no room for the party.
        """
        del seats
        check_party(party_size, self.party_min, self.party_max)
        if resource_ids:
            raise InvalidRequest(Fault("resource_ids", "the house chooses the table here"))
        if floor is None:
            raise ValueError("tables are assigned to a floor")
        session, taken = floor.session, floor.taken
        of_session = [hold for hold in taken.lapsed if hold.session_id == session.id]
        slot = self.slot(session.starts_at, taken.span.starts_at)
        of_slot = [
            hold for hold in of_session if hold.slot is not None and self._in(slot, hold.slot)
        ]
        covers_over = _over(session.taken + party_size, session.capacity)
        if covers_over > sum(hold.covers for hold in of_session):
            raise CoversReached
        counted = self.arriving(slot, taken.paced)
        pacing_over = _over(counted + party_size, self.pacing_covers)
        if pacing_over > sum(hold.covers for hold in of_slot):
            raise PacingReached
        tables = assign(self.given_out(floor.free_tables()), party_size, self.max_joined)
        if tables is None:
            raise NoTableFree
        displaces = floor.holders_of(tables)
        displaces |= set(_enough(of_slot, pacing_over, displaces))
        displaces |= set(_enough(of_session, covers_over, displaces))
        limit = UNLIMITED if self.pacing_covers is None else self.pacing_covers
        others = counted - taken.paced.get(slot, 0)
        return Claim(
            units=party_size,
            resource_ids=tuple(table.id for table in tables),
            pace=Pace(slot, limit - others),
            displaces=tuple(sorted(displaces)),
        )

    def again(self, claim: Claim, party_size: int, floor: Floor) -> Claim:
        """Tables assigned anew: those it had may be gone, others free.

        Raises:
            InvalidRequest, CoversReached, PacingReached, NoTableFree: see ``claim``.
        """
        del claim
        return self.claim(party_size, (), {}, floor)

    def waits_for(self, party_size: int) -> int:
        """The covers that a group in line waits for; its tables are chosen when it is offered them.

        Raises:
            InvalidRequest: the party is too small or large.
        """
        check_party(party_size, self.party_min, self.party_max)
        return party_size

    def to_offer(self, party_size: int, free: Mapping[UUID, Seats]) -> tuple[UUID, ...] | None:
        """None by name: the house chooses."""
        del party_size, free
        return ()

    def kept(self, claim: Claim) -> tuple[UUID, ...]:
        """Nothing: the house assigns tables anew."""
        del claim
        return ()

    def given_out(self, tables: Sequence[Table]) -> list[Table]:
        """Those of the tables that the house gives out by itself."""
        return [table for table in tables if self.vip_tables or not table.vip]

    def slot(self, opens_at: datetime, starts_at: datetime) -> datetime:
        """The beginning of the interval in which a party that comes then is counted."""
        return starts_at - (starts_at - opens_at) % self.pacing_interval

    def arriving(self, slot: datetime, paced: Mapping[datetime, int]) -> int:
        """The covers that arrive in the interval that begins at ``slot``."""
        return sum(covers for at, covers in paced.items() if self._in(slot, at))

    def session_capacity(self, asked: int | None) -> int | None:
        """How many people a new session takes in all; None: the tables and pacing limit it."""
        return self.covers_per_session if asked is None else asked

    @property
    def pacing_interval(self) -> timedelta:
        """The time within which arrivals are counted together."""
        return timedelta(minutes=self.pacing_minutes)

    def _in(self, slot: datetime, at: datetime) -> bool:
        return slot <= at < slot + self.pacing_interval


def _over(wanted: int, limit: int | None) -> int:
    return 0 if limit is None else max(0, wanted - limit)


def _enough(holds: Sequence[Lapsed], over: int, gone: set[UUID]) -> Iterator[UUID]:
    """Of these holds, the first ones that bring the covers down by ``over``, beside the gone."""
    over -= sum(hold.covers for hold in holds if hold.booking_id in gone)
    for hold in holds:
        if over > 0 and hold.booking_id not in gone:
            over -= hold.covers
            yield hold.booking_id


Inventory = Counted | Exclusive | Seated


def check_party(party_size: int, smallest: int, largest: int) -> None:
    """Raise InvalidRequest unless the party is one that the offering takes."""
    if not smallest <= party_size <= largest:
        limits = f"{smallest}" if smallest == largest else f"{smallest} to {largest}"
        raise InvalidRequest(Fault("party_size", f"must be {limits}"))
