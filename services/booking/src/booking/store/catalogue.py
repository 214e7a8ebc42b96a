"""Writing and reading what is on offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from booking.documents import OfferingSettings, document_of, read_settings
from booking.domain.catalogue import (
    ListingStatus,
    Offering,
    Organisation,
    OrganisationStatus,
    Resource,
    Venue,
)
from booking.domain.inventory import Seats
from booking.domain.presets import Preset
from booking.domain.refusals import AlreadyExists
from booking.store import tables
from chassis.db import constraint_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Executable, Row

    from chassis.db import Transaction

_TAKEN = {
    "organisations_slug": "An organisation with this slug exists already.",
    "venues_slug": "A venue with this slug exists already.",
    "resources_number": "This venue has a table with this number already.",
}


async def _write(tx: Transaction, statement: Executable) -> None:
    try:
        await tx.core(statement)
    except IntegrityError as error:
        if (taken := _TAKEN.get(constraint_of(error) or "")) is not None:
            raise AlreadyExists(taken) from error
        raise


async def add_organisation(tx: Transaction, organisation: Organisation, now: datetime) -> None:
    """Raises AlreadyExists when the slug is taken, by whatever tenant."""
    await _write(
        tx,
        insert(tables.organisations).values(
            org_id=organisation.org_id,
            slug=organisation.slug,
            name=organisation.name,
            status=organisation.status,
            default_country=organisation.default_country,
            locale=organisation.locale,
            reference_template=organisation.reference_template,
            version=organisation.version,
            created_at=now,
        ),
    )


async def save_organisation(tx: Transaction, organisation: Organisation) -> None:
    """Write the editable fields; everything on sale of the organisation gets a new version."""
    table = tables.organisations
    await _write(
        tx,
        update(table)
        .values(name=organisation.name, status=organisation.status, version=organisation.version)
        .where(table.c.org_id == organisation.org_id),
    )
    offerings = tables.offerings
    await tx.core(
        update(offerings)
        .values(version=offerings.c.version + 1)
        .where(offerings.c.org_id == organisation.org_id)
    )


async def organisation(tx: Transaction, *, lock: bool = False) -> Organisation | None:
    """The organisation of this transaction."""
    table = tables.organisations
    query = select(table).where(table.c.org_id == tx.org_id)
    row = (await tx.core(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else organisation_of(row)


async def add_venue(tx: Transaction, venue: Venue, now: datetime) -> None:
    """Raises AlreadyExists when the organisation has a venue with this slug."""
    await _write(
        tx,
        insert(tables.venues).values(
            id=venue.id,
            org_id=venue.org_id,
            slug=venue.slug,
            currency=venue.currency,
            timezone=venue.timezone,
            created_at=now,
            **_editable(venue),
        ),
    )


async def save_venue(tx: Transaction, venue: Venue) -> None:
    """Write the editable fields; everything on sale there gets a new version."""
    table = tables.venues
    await _write(tx, update(table).values(**_editable(venue)).where(table.c.id == venue.id))
    await renew_offerings_of(tx, venue.id)


def _editable(venue: Venue) -> dict[str, Any]:
    return {
        "name": venue.name,
        "locale": venue.locale,
        "contact_email": venue.contact_email,
        "contact_phone": venue.contact_phone,
        "statement_descriptor": venue.statement_descriptor,
        "status": venue.status,
        "version": venue.version,
    }


async def venue(tx: Transaction, venue_id: UUID, *, lock: bool = False) -> Venue | None:
    """A venue of this organisation."""
    query = select(tables.venues).where(tables.venues.c.id == venue_id)
    row = (await tx.core(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else venue_of(row)


async def venues(tx: Transaction, *, after: UUID | None, limit: int) -> list[Venue]:
    """Venues in id order."""
    table = tables.venues
    query = select(table).order_by(table.c.id).limit(limit)
    if after is not None:
        query = query.where(table.c.id > after)
    return [venue_of(row) for row in await tx.core(query)]


async def renew_venues(tx: Transaction) -> list[Venue]:
    """Raise the version of all venues of the organisation, for a change that concerns them all."""
    table = tables.venues
    rows = await tx.core(
        update(table)
        .values(version=table.c.version + 1)
        .where(table.c.org_id == tx.org_id)
        .returning(table)
    )
    return [venue_of(row) for row in rows]


async def renew_offerings_of(tx: Transaction, venue_id: UUID) -> None:
    """Raise the version of a venue's offerings: something that their holds depend on changed."""
    table = tables.offerings
    await tx.core(
        update(table).values(version=table.c.version + 1).where(table.c.venue_id == venue_id)
    )


async def add_offering(tx: Transaction, offering: Offering, now: datetime) -> None:
    """Write a new offering."""
    await _write(
        tx,
        insert(tables.offerings).values(
            id=offering.id,
            org_id=offering.org_id,
            venue_id=offering.venue_id,
            preset=offering.preset,
            created_at=now,
            **_content(offering),
        ),
    )


async def save_offering(tx: Transaction, offering: Offering) -> None:
    """Write everything that may be edited."""
    table = tables.offerings
    await _write(tx, update(table).values(**_content(offering)).where(table.c.id == offering.id))


def _content(offering: Offering) -> dict[str, Any]:
    return {
        "title": offering.title,
        "description": offering.description,
        "schedule": orjson.loads(document_of(offering.schedule)),
        "inventory": orjson.loads(document_of(offering.inventory)),
        "pricing": orjson.loads(document_of(offering.pricing)),
        "policy": orjson.loads(document_of(offering.policy)),
        "status": offering.status,
        "version": offering.version,
    }


async def offering(tx: Transaction, offering_id: UUID, *, lock: bool = False) -> Offering | None:
    """An offering of this organisation."""
    query = select(tables.offerings).where(tables.offerings.c.id == offering_id)
    row = (await tx.core(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else offering_of(row)


async def offerings(tx: Transaction, *, after: UUID | None, limit: int) -> list[Offering]:
    """What is on sale, in id order."""
    table = tables.offerings
    query = (
        select(table)
        .where(table.c.org_id == tx.org_id, table.c.status == ListingStatus.ACTIVE)
        .order_by(table.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(table.c.id > after)
    return [offering_of(row) for row in await tx.core(query)]


async def add_resource(tx: Transaction, resource: Resource, now: datetime) -> None:
    """Raises AlreadyExists when the venue has a resource with this number."""
    await _write(
        tx,
        insert(tables.resources).values(
            id=resource.id,
            org_id=resource.org_id,
            venue_id=resource.venue_id,
            number=resource.number,
            label=resource.label,
            floor=resource.floor,
            seats_min=resource.seats.fewest,
            seats_max=resource.seats.most,
            features=list(resource.features),
            vip=resource.vip,
            description=resource.description,
            status=resource.status,
            created_at=now,
        ),
    )
    await renew_offerings_of(tx, resource.venue_id)


async def save_resource(tx: Transaction, resource: Resource) -> None:
    """Write everything that may be edited."""
    table = tables.resources
    await _write(
        tx,
        update(table)
        .values(
            label=resource.label,
            floor=resource.floor,
            seats_min=resource.seats.fewest,
            seats_max=resource.seats.most,
            features=list(resource.features),
            vip=resource.vip,
            description=resource.description,
            status=resource.status,
        )
        .where(table.c.id == resource.id),
    )
    await renew_offerings_of(tx, resource.venue_id)


async def resource(tx: Transaction, resource_id: UUID, *, lock: bool = False) -> Resource | None:
    """A resource of this organisation."""
    query = select(tables.resources).where(tables.resources.c.id == resource_id)
    row = (await tx.core(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else resource_of(row)


async def resources(
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


async def active_resource_ids(
    tx: Transaction, venue_id: UUID, wanted: Sequence[UUID] | None
) -> list[UUID]:
    """Ids of a venue's active resources: all of them, or those of ``wanted`` that are."""
    table = tables.resources
    query = select(table.c.id).where(
        table.c.venue_id == venue_id, table.c.status == ListingStatus.ACTIVE
    )
    if wanted is not None:
        query = query.where(table.c.id.in_(wanted))
    return list((await tx.core(query.order_by(table.c.id))).scalars())


def organisation_of(row: Row[Any]) -> Organisation:
    """The organisation in a row of its table."""
    return Organisation(
        org_id=row.org_id,
        slug=row.slug,
        name=row.name,
        status=OrganisationStatus(row.status),
        default_country=row.default_country,
        locale=row.locale,
        reference_template=row.reference_template,
        version=row.version,
    )


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
        statement_descriptor=row.statement_descriptor,
        status=ListingStatus(row.status),
        version=row.version,
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
        schedule=settings.schedule,
        inventory=settings.inventory,
        pricing=settings.pricing,
        policy=settings.policy,
        status=ListingStatus(row.status),
        version=row.version,
    )


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
        status=ListingStatus(row.status),
    )
