"""Venues: places with a time zone and a currency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from booking.domain.catalogue import ListingStatus, Venue
from booking.store import offerings, tables
from booking.store.writing import write

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Row

    from chassis.db import Transaction


async def add(tx: Transaction, venue: Venue, now: datetime) -> None:
    """Raises AlreadyExists when the organisation has a venue with this slug."""
    await write(
        tx,
        insert(tables.venues).values(
            id=venue.id,
            org_id=venue.org_id,
            slug=venue.slug,
            created_at=now,
            **_editable(venue),
        ),
    )


async def save(tx: Transaction, venue: Venue) -> None:
    """Write the editable fields; everything on sale there gets a new version."""
    table = tables.venues
    await write(tx, update(table).values(**_editable(venue)).where(table.c.id == venue.id))
    await offerings.renew(tx, venue.id)


def _editable(venue: Venue) -> dict[str, Any]:
    return {
        "name": venue.name,
        "currency": venue.currency,
        "timezone": venue.timezone,
        "locale": venue.locale,
        "contact_email": venue.contact_email,
        "contact_phone": venue.contact_phone,
        "address": venue.address,
        "manager_email": venue.manager_email,
        "kitchen_email": venue.kitchen_email,
        "review_url": venue.review_url,
        "embed_key": venue.embed_key,
        "theme": dict(venue.theme),
        "statement_descriptor": venue.statement_descriptor,
        "billing_countries": list(venue.billing_countries),
        "status": venue.status,
        "version": venue.version,
    }


async def read(tx: Transaction, venue_id: UUID, *, lock: bool = False) -> Venue | None:
    """A venue of this organisation."""
    query = select(tables.venues).where(tables.venues.c.id == venue_id)
    row = (await tx.core(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    return None if row is None else venue_of(row)


async def with_embed_key(tx: Transaction, embed_key: str) -> Venue | None:
    """The active venue of this organisation that has this embed key now."""
    table = tables.venues
    query = select(table).where(
        table.c.embed_key == embed_key, table.c.status == ListingStatus.ACTIVE
    )
    row = (await tx.core(query)).one_or_none()
    return None if row is None else venue_of(row)


async def page(tx: Transaction, *, after: UUID | None, limit: int) -> list[Venue]:
    """Venues in id order."""
    table = tables.venues
    query = select(table).order_by(table.c.id).limit(limit)
    if after is not None:
        query = query.where(table.c.id > after)
    return [venue_of(row) for row in await tx.core(query)]


async def renew_all(tx: Transaction) -> list[Venue]:
    """Raise the version of all venues of the organisation, for a change that concerns them all."""
    table = tables.venues
    rows = await tx.core(
        update(table)
        .values(version=table.c.version + 1)
        .where(table.c.org_id == tx.org_id)
        .returning(table)
    )
    return [venue_of(row) for row in rows]


def venue_of(row: Row[Any]) -> Venue:
    """The venue in a row of its table."""
    return Venue(
        id=row.id,
        org_id=row.org_id,
        slug=row.slug,
        name=row.name,
        timezone=row.timezone,
        currency=row.currency,
        locale=row.locale,
        contact_email=row.contact_email,
        contact_phone=row.contact_phone,
        address=row.address,
        manager_email=row.manager_email,
        kitchen_email=row.kitchen_email,
        review_url=row.review_url,
        embed_key=row.embed_key,
        theme=row.theme,
        statement_descriptor=row.statement_descriptor,
        billing_countries=tuple(row.billing_countries),
        status=ListingStatus(row.status),
        version=row.version,
    )
