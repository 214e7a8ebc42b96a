"""Organisations: the tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from booking.domain.catalogue import Organisation, OrganisationStatus
from booking.store import tables
from booking.store.writing import write

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from chassis.db import Transaction


async def add(tx: Transaction, organisation: Organisation, now: datetime) -> None:
    """Raises AlreadyExists when the slug is taken, by whatever tenant."""
    await write(
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


async def save(tx: Transaction, organisation: Organisation) -> None:
    """Write the editable fields; everything on sale of the organisation gets a new version."""
    table = tables.organisations
    await write(
        tx,
        update(table)
        .values(
            name=organisation.name,
            status=organisation.status,
            default_country=organisation.default_country,
            locale=organisation.locale,
            reference_template=organisation.reference_template,
            version=organisation.version,
        )
        .where(table.c.org_id == organisation.org_id),
    )
    offerings = tables.offerings
    await tx.core(
        update(offerings)
        .values(version=offerings.c.version + 1)
        .where(offerings.c.org_id == organisation.org_id)
    )


async def read(tx: Transaction, *, lock: bool = False) -> Organisation | None:
    """The organisation of this transaction."""
    table = tables.organisations
    query = select(table).where(table.c.org_id == tx.org_id)
    row = (await tx.core(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    return None if row is None else organisation_of(row)


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
