"""Edit a resource, or archive it: sessions opened later do not offer it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import ListingStatus, Resource
from booking.domain.inventory import Seats
from booking.domain.refusals import Unknown
from booking.store import audit, resources
from booking.usecases.add_resource import check_seats

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditResource:
    """What to change; None leaves a field as it is."""

    resource_id: UUID
    label: str | None
    floor: str | None
    seats_min: int | None
    seats_max: int | None
    features: tuple[str, ...] | None
    vip: bool | None
    description: str | None
    status: ListingStatus | None
    actor: str


async def edit_resource(tx: Transaction, command: EditResource) -> Resource:
    """Change it; bookings already made are not looked at again.

    Raises:
        Unknown: there is no such resource.
        InvalidRequest: more seats at least than at most.
    """
    before = await resources.read(tx, command.resource_id, lock=True)
    if before is None:
        raise Unknown
    seats = Seats(command.seats_min or before.seats.fewest, command.seats_max or before.seats.most)
    check_seats(seats.fewest, seats.most)
    after = replace(
        before,
        label=command.label or before.label,
        floor=command.floor or before.floor,
        seats=seats,
        features=before.features if command.features is None else command.features,
        vip=before.vip if command.vip is None else command.vip,
        description=before.description if command.description is None else command.description,
        status=command.status or before.status,
    )
    await resources.save(tx, after)
    await audit.note(
        tx,
        "resource",
        after.id,
        "resource.edited",
        actor=command.actor,
        at=await tx.now(),
        before={"seats": [before.seats.fewest, before.seats.most], "status": before.status},
        after={"seats": [after.seats.fewest, after.seats.most], "status": after.status},
    )
    return after
