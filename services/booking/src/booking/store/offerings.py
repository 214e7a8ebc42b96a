"""Offerings: what can be booked, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import insert, select, tuple_, update

from booking.documents import OfferingSettings, document_of, read_settings
from booking.domain.catalogue import ListingStatus, Offering
from booking.domain.presets import Preset
from booking.store import tables

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Row

    from chassis.db import Transaction


async def add(tx: Transaction, offering: Offering, now: datetime) -> None:
    """Write a new offering."""
    await tx.core(
        insert(tables.offerings).values(
            id=offering.id,
            org_id=offering.org_id,
            venue_id=offering.venue_id,
            preset=offering.preset,
            created_at=now,
            **_content(offering),
        ),
    )


async def save(tx: Transaction, offering: Offering) -> None:
    """Write everything that may be edited."""
    table = tables.offerings
    await tx.core(update(table).values(**_content(offering)).where(table.c.id == offering.id))


def _content(offering: Offering) -> dict[str, Any]:
    return {
        "title": offering.title,
        "description": offering.description,
        "image_url": offering.image_url,
        "sort_order": offering.sort_order,
        "schedule": orjson.loads(document_of(offering.schedule)),
        "inventory": orjson.loads(document_of(offering.inventory)),
        "pricing": orjson.loads(document_of(offering.pricing)),
        "policy": orjson.loads(document_of(offering.policy)),
        "status": offering.status,
        "version": offering.version,
    }


async def read(tx: Transaction, offering_id: UUID, *, lock: bool = False) -> Offering | None:
    """An offering of this organisation."""
    query = select(tables.offerings).where(tables.offerings.c.id == offering_id)
    row = (await tx.core(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    return None if row is None else offering_of(row)


async def page(
    tx: Transaction,
    *,
    after: tuple[int, UUID] | None,
    limit: int,
    venue_id: UUID | None = None,
) -> list[Offering]:
    """What is on sale, of all venues or of one, by sort order and id."""
    table, venues = tables.offerings, tables.venues
    query = (
        select(table)
        .join(venues, venues.c.id == table.c.venue_id)
        .where(
            table.c.org_id == tx.org_id,
            table.c.status == ListingStatus.ACTIVE,
            venues.c.status == ListingStatus.ACTIVE,
        )
        .order_by(table.c.sort_order, table.c.id)
        .limit(limit)
    )
    if venue_id is not None:
        query = query.where(table.c.venue_id == venue_id)
    if after is not None:
        query = query.where(tuple_(table.c.sort_order, table.c.id) > after)
    return [offering_of(row) for row in await tx.core(query)]


async def of_venue(
    tx: Transaction,
    venue_id: UUID,
    *,
    after: tuple[int, UUID] | None = None,
    limit: int | None = None,
) -> list[Offering]:
    """Everything that a venue ever offered, by sort order and id."""
    table = tables.offerings
    query = (
        select(table)
        .where(table.c.venue_id == venue_id)
        .order_by(table.c.sort_order, table.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(table.c.sort_order, table.c.id) > after)
    return [offering_of(row) for row in await tx.core(query)]


async def renew(tx: Transaction, venue_id: UUID) -> None:
    """Raise the version of a venue's offerings: something that their holds depend on changed."""
    table = tables.offerings
    await tx.core(
        update(table).values(version=table.c.version + 1).where(table.c.venue_id == venue_id)
    )


def offering_of(row: Row[Any]) -> Offering:
    """The offering in a row of its table, its documents read."""
    settings: OfferingSettings = read_settings(
        {
            "schedule": row.schedule,
            "inventory": row.inventory,
            "pricing": row.pricing,
            "policy": row.policy,
        }
    )
    return Offering(
        id=row.id,
        org_id=row.org_id,
        venue_id=row.venue_id,
        preset=Preset(row.preset),
        title=row.title,
        description=row.description,
        image_url=row.image_url,
        sort_order=row.sort_order,
        schedule=settings.schedule,
        inventory=settings.inventory,
        pricing=settings.pricing,
        policy=settings.policy,
        status=ListingStatus(row.status),
        version=row.version,
    )
