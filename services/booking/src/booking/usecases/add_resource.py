"""Add a resource to a venue: a table with a number and seats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import ListingStatus, Resource
from booking.domain.inventory import Seats
from booking.domain.refusals import Fault, InvalidRequest
from booking.store import audit, resources, venues
from chassis.ids import uuid7

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AddResource:
    """``number`` is unique within the venue; the label defaults to it.

    Of tables that fit equally well, the one with the lower ``priority`` is given out first.
    """

    venue_id: UUID
    number: int
    label: str | None
    floor: str | None
    seats_min: int
    seats_max: int
    features: tuple[str, ...]
    vip: bool
    description: str | None
    actor: str
    join_group: str | None = None
    priority: int = 100


async def add_resource(tx: Transaction, command: AddResource) -> Resource:
    """Add it (CAT-05). Sessions opened from now on offer it.

    Raises:
        InvalidRequest: no such venue, or more seats at least than at most.
        AlreadyExists: the venue has this number.
    """
    venue = await venues.read(tx, command.venue_id)
    if venue is None:
        raise InvalidRequest(Fault("venue_id", "is not one of your venues"))
    check_seats(command.seats_min, command.seats_max)
    now = await tx.now()
    resource = Resource(
        id=uuid7(now),
        org_id=venue.org_id,
        venue_id=venue.id,
        number=command.number,
        label=command.label or f"Table {command.number}",
        floor=command.floor,
        seats=Seats(command.seats_min, command.seats_max),
        features=command.features,
        vip=command.vip,
        description=command.description,
        join_group=command.join_group,
        priority=command.priority,
        status=ListingStatus.ACTIVE,
        version=1,
    )
    await resources.add(tx, resource, now)
    await audit.note(
        tx,
        "resource",
        resource.id,
        "resource.added",
        actor=command.actor,
        at=now,
        after={"number": resource.number, "seats": [command.seats_min, command.seats_max]},
    )
    return resource


def check_seats(fewest: int, most: int) -> None:
    """Raise InvalidRequest unless the limits are in order."""
    if fewest > most:
        raise InvalidRequest(Fault("seats_max", "is less than seats_min"))
