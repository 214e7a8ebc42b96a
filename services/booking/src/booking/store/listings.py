"""What a hold needs of the catalogue, read once per version and kept in the process.

An offering's version rises with every change of it, its venue, organisation or resources, so what
is cached under a version never changes, and nothing has to be invalidated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from booking.domain.catalogue import Listing, ListingStatus
from booking.domain.inventory import Seats, Table
from booking.domain.refusals import Unknown
from booking.store import menus, tables
from booking.store.offerings import offering_of
from booking.store.organisations import organisation_of
from booking.store.venues import venue_of

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction

_MOST = 5_000
_VERSION = "SELECT version, messaging.now() AS now FROM offerings WHERE id = $1"


class Listings:
    """The newest known listing of each offering."""

    def __init__(self) -> None:
        self._known: dict[UUID, Listing] = {}

    def known(self, offering_id: UUID) -> Listing | None:
        """The newest listing that this process has seen; it may be out of date."""
        return self._known.get(offering_id)

    async def current(self, tx: Transaction, offering_id: UUID) -> Listing:
        """The listing as it is now. ``tx.now()`` is free after it.

        Raises:
            Unknown: there is no such offering.
        """
        row = await tx.fetchrow(_VERSION, offering_id)
        if row is None:
            raise Unknown
        tx.observe_now(row["now"])
        return await self.at(tx, offering_id, row["version"])

    async def at(self, tx: Transaction, offering_id: UUID, version: int) -> Listing:
        """The listing at this version of the offering, or a newer one."""
        known = self._known.get(offering_id)
        if known is not None and known.offering.version >= version:
            return known
        listing = await _load(tx, offering_id)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[offering_id] = listing
        return listing


async def _load(tx: Transaction, offering_id: UUID) -> Listing:
    # The version first: what is read after it can only be newer than it claims to be.
    offerings, venues = tables.offerings, tables.venues
    offering = offering_of(
        (await tx.core(select(offerings).where(offerings.c.id == offering_id))).one()
    )
    venue = venue_of((await tx.core(select(venues).where(venues.c.id == offering.venue_id))).one())
    organisation = organisation_of(
        (
            await tx.core(
                select(tables.organisations).where(tables.organisations.c.org_id == offering.org_id)
            )
        ).one()
    )
    resources = tables.resources
    rows = await tx.core(
        select(resources)
        .where(resources.c.venue_id == venue.id, resources.c.status == ListingStatus.ACTIVE)
        .order_by(resources.c.priority, resources.c.number)
    )
    found = tuple(
        Table(
            row.id,
            row.number,
            Seats(row.seats_min, row.seats_max),
            row.join_group,
            row.priority,
            row.vip,
        )
        for row in rows
    )
    return Listing(
        organisation=organisation,
        venue=venue,
        offering=offering,
        seats={table.id: table.seats for table in found},
        tables=found,
        menu=await menus.of_choice(tx, offering.pricing.menu),
    )
