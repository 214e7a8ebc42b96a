"""Resources: tables and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, tuple_, update

from booking.domain.catalogue import ListingStatus, Resource
from booking.domain.inventory import Seats
from booking.store import offerings, tables
from booking.store.writing import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Row

    from chassis.db import Transaction


async def add(tx: Transaction, resource: Resource, now: datetime) -> None:
    """Raises AlreadyExists when the venue has a resource with this number."""
    await write(
        tx,
        insert(tables.resources).values(
            id=resource.id,
            org_id=resource.org_id,
            venue_id=resource.venue_id,
            number=resource.number,
            created_at=now,
            **_editable(resource),
        ),
    )
    await offerings.renew(tx, resource.venue_id)


async def save(tx: Transaction, resource: Resource) -> None:
    """Write everything that may be edited."""
    table = tables.resources
    await write(
        tx,
        update(table).values(**_editable(resource)).where(table.c.id == resource.id),
    )
    await offerings.renew(tx, resource.venue_id)


def _editable(resource: Resource) -> dict[str, Any]:
    return {
        "label": resource.label,
        "floor": resource.floor,
        "seats_min": resource.seats.fewest,
        "seats_max": resource.seats.most,
        "features": list(resource.features),
        "vip": resource.vip,
        "description": resource.description,
        "join_group": resource.join_group,
        "priority": resource.priority,
        "status": resource.status,
        "version": resource.version,
    }


async def read(tx: Transaction, resource_id: UUID, *, lock: bool = False) -> Resource | None:
    """A resource of this organisation."""
    query = select(tables.resources).where(tables.resources.c.id == resource_id)
    row = (await tx.core(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    return None if row is None else resource_of(row)


async def page(
    tx: Transaction, venue_id: UUID, *, after: tuple[int, UUID] | None, limit: int
) -> list[Resource]:
    """A venue's resources in the order of their numbers (CAT-06)."""
    table = tables.resources
    query = (
        select(table)
        .where(table.c.venue_id == venue_id)
        .order_by(table.c.number, table.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(table.c.number, table.c.id) > after)
    return [resource_of(row) for row in await tx.core(query)]


async def active_ids(tx: Transaction, venue_id: UUID, wanted: Sequence[UUID] | None) -> list[UUID]:
    """Ids of a venue's active resources: all of them, or those of ``wanted`` that are."""
    table = tables.resources
    query = select(table.c.id).where(
        table.c.venue_id == venue_id, table.c.status == ListingStatus.ACTIVE
    )
    if wanted is not None:
        query = query.where(table.c.id.in_(wanted))
    return list((await tx.core(query.order_by(table.c.id))).scalars())


async def active(tx: Transaction, venue_id: UUID, wanted: Sequence[UUID]) -> list[Resource]:
    """Those of ``wanted`` that are active resources of a venue, by number."""
    table = tables.resources
    query = select(table).where(
        table.c.venue_id == venue_id,
        table.c.status == ListingStatus.ACTIVE,
        table.c.id.in_(wanted),
    )
    return [resource_of(row) for row in await tx.core(query.order_by(table.c.number))]


def resource_of(row: Row[Any]) -> Resource:
    """The resource in a row of its table."""
    return Resource(
        id=row.id,
        org_id=row.org_id,
        venue_id=row.venue_id,
        number=row.number,
        label=row.label,
        floor=row.floor,
        seats=Seats(row.seats_min, row.seats_max),
        features=tuple(row.features),
        vip=row.vip,
        description=row.description,
        join_group=row.join_group,
        priority=row.priority,
        status=ListingStatus(row.status),
        version=row.version,
    )
