"""Edit a resource, or archive it: nobody can book it any more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking.domain.catalogue import ListingStatus, Resource
from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.inventory import Seats
from booking.domain.refusals import HasBookings, Text, Unknown
from booking.store import audit, resources, upcoming, venues
from booking.store.upcoming import Within
from booking.usecases.add_resource import check_seats

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditResource:
    """What to change; None clears a field that may be empty."""

    resource_id: UUID
    actor: str
    label: str | Unset = UNSET
    floor: str | Unset | None = UNSET
    seats_min: int | Unset = UNSET
    seats_max: int | Unset = UNSET
    features: tuple[str, ...] | Unset = UNSET
    vip: bool | Unset = UNSET
    description: str | Unset | None = UNSET
    join_group: str | Unset | None = UNSET
    priority: int | Unset = UNSET
    status: ListingStatus | Unset = UNSET
    version: int | None = None


async def edit_resource(tx: Transaction, command: EditResource) -> Resource:
    """Change it, without breaking what was sold.

    Raises:
        Unknown: there is no such resource.
        StaleVersion: it was changed since the caller read it.
        InvalidRequest: more seats at least than at most.
        HasBookings: a live booking has it, or would not fit it any more.
    """
    before = await resources.read(tx, command.resource_id, lock=True)
    if before is None:
        raise Unknown
    check_version(command.version, before.version)
    seats = Seats(
        keep(command.seats_min, before.seats.fewest), keep(command.seats_max, before.seats.most)
    )
    check_seats(seats.fewest, seats.most)
    after = replace(
        before,
        label=keep(command.label, before.label),
        floor=keep(command.floor, before.floor),
        seats=seats,
        features=keep(command.features, before.features),
        vip=keep(command.vip, before.vip),
        description=keep(command.description, before.description),
        join_group=keep(command.join_group, before.join_group),
        priority=keep(command.priority, before.priority),
        status=keep(command.status, before.status),
    )
    if after == before:
        return before
    await _check(tx, before, after)
    after = replace(after, version=before.version + 1)
    await resources.save(tx, after)
    old, new = audit.differing(_facts(before), _facts(after))
    await audit.note(
        tx,
        "resource",
        after.id,
        "resource.edited",
        actor=command.actor,
        at=await tx.now(),
        before=old,
        after=new,
    )
    return after


async def _check(tx: Transaction, before: Resource, after: Resource) -> None:
    archived = after.status is ListingStatus.ARCHIVED and before.status is not after.status
    smaller = after.seats.most < before.seats.most
    if not (archived or smaller):
        return
    await upcoming.keep_holds_out(tx, Within.VENUE, after.venue_id)
    venue = await venues.read(tx, after.venue_id)
    locale = "en" if venue is None else venue.locale
    if archived and await upcoming.has_table(tx, after.id):
        raise HasBookings(text=Text("has_bookings.resource", locale))
    if smaller and await upcoming.outgrows_table(tx, after.id, after.seats.most):
        raise HasBookings(text=Text("has_bookings.seats", locale))


def _facts(resource: Resource) -> dict[str, Any]:
    return {
        "label": resource.label,
        "floor": resource.floor,
        "seats": [resource.seats.fewest, resource.seats.most],
        "features": list(resource.features),
        "vip": resource.vip,
        "description": resource.description,
        "join_group": resource.join_group,
        "priority": resource.priority,
        "status": resource.status,
    }
