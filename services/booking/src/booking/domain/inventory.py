"""What a booking takes: units of a session's capacity, or resources for the session's time.

Both kinds answer the same question, ``claim``, and one ledger records either answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.refusals import Fault, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGEST_PARTY = 1000
LARGEST_CAPACITY = 100_000


@dataclass(frozen=True, slots=True)
class Claim:
    """What a booking takes from a session: so many units, or these resources."""

    units: int = 0
    resource_ids: tuple[UUID, ...] = ()


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

    def claim(
        self, party_size: int, resource_ids: Sequence[UUID], seats: Mapping[UUID, Seats]
    ) -> Claim:
        """The units to take.

        Raises:
            InvalidRequest: the party is too small or large, or resources were asked for.
        """
        del seats
        check_party(party_size, self.party_min, self.party_max)
        if resource_ids:
            raise InvalidRequest(Fault("resource_ids", "this offering has no tables to choose"))
        by_person = self.units is Units.PERSON
        return Claim(units=party_size if by_person else self.units_per_booking)

    def kept(self, claim: Claim) -> tuple[UUID, ...]:
        """What of its claim a booking that moves asks for again, unless it is told otherwise."""
        del claim
        return ()

    def session_capacity(self, asked: int | None) -> int | None:
        """The capacity of a new session."""
        return self.capacity if asked is None else asked


@dataclass(frozen=True, slots=True)
class Exclusive:
    """A session offers resources (tables); a booking has some of them to itself."""

    max_resources: int = 1
    party_min: int = 1
    party_max: int = 12

    def claim(
        self, party_size: int, resource_ids: Sequence[UUID], seats: Mapping[UUID, Seats]
    ) -> Claim:
        """The resources to take, in the order in which the ledger locks them.

        ``seats`` holds the seats of those of the resources that the session offers.

        Raises:
            InvalidRequest: none, too many, twice the same or foreign resources, or a party that
                does not fit them (F-17).
        """
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

    def kept(self, claim: Claim) -> tuple[UUID, ...]:
        """The same tables, where they were chosen."""
        return claim.resource_ids

    def session_capacity(self, asked: int | None) -> int | None:
        """Resources limit such a session, so it counts nothing.

        Raises:
            InvalidRequest: a capacity was asked for.
        """
        if asked is not None:
            raise InvalidRequest(Fault("capacity", "this offering sells tables, not places"))
        return None


Inventory = Counted | Exclusive


def check_party(party_size: int, smallest: int, largest: int) -> None:
    """Raise InvalidRequest unless the party is one that the offering takes."""
    if not smallest <= party_size <= largest:
        limits = f"{smallest}" if smallest == largest else f"{smallest} to {largest}"
        raise InvalidRequest(Fault("party_size", f"must be {limits}"))
