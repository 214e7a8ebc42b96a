"""What payments keeps of venues: how they appear on a statement, and which day it is there."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from chassis.db import Transaction
from payments.domain.connections import Route


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue's names, IANA time zone, and whose cards it asks for (PAY-09); none: anyone's."""

    name: str
    slug: str
    statement_descriptor: str | None
    timezone: str | None = None
    billing_countries: tuple[str, ...] = ()


async def keep(
    tx: Transaction, *, venue_id: UUID, org_id: UUID, venue: Venue, sequence: int
) -> None:
    """Take over a venue's present state, unless a newer one is here."""
    await tx.execute(
        """INSERT INTO venues AS v (venue_id, org_id, name, slug, statement_descriptor, sequence,
                                   timezone, billing_countries)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (venue_id) DO UPDATE SET
               name = $3, slug = $4, statement_descriptor = $5, sequence = $6, timezone = $7,
               billing_countries = $8
           WHERE v.sequence < $6""",
        venue_id,
        org_id,
        venue.name,
        venue.slug,
        venue.statement_descriptor,
        sequence,
        venue.timezone,
        list(venue.billing_countries),
    )


async def read(tx: Transaction, venue_id: UUID) -> Venue | None:
    """The venue, if it has been heard of."""
    row = await tx.fetchrow(
        """SELECT name, slug, statement_descriptor, timezone, billing_countries
           FROM venues WHERE venue_id = $1""",
        venue_id,
    )
    return _venue(row) if row else None


# One statement, because every hold asks both.
_CIRCUMSTANCES = """
SELECT EXISTS (SELECT FROM closed_bookings WHERE booking_id = $1)
           OR EXISTS (SELECT FROM closed_changes WHERE change_id = $3) AS closed,
       v.name, v.slug, v.statement_descriptor, v.timezone, v.billing_countries,
       c.provider_ref, c.charges_enabled AND c.transfers_enabled AND c.left_at IS NULL AS payable,
       f.basis_points
FROM (SELECT) AS one LEFT JOIN venues v ON v.venue_id = $2
    LEFT JOIN connections c ON c.org_id = $4 AND c.active AND c.activated_at IS NOT NULL
    LEFT JOIN platform_fees f ON f.org_id = c.org_id
"""


class Circumstances(NamedTuple):
    """What a hold meets: whether it, or the change, is over, its venue, and whose its money is.

    `venue` is None while we don't know it; `route` for organisations that are not connected.
    """

    closed: bool
    venue: Venue | None
    route: Route | None


async def circumstances(
    tx: Transaction, booking_id: UUID, change_id: UUID | None, venue_id: UUID
) -> Circumstances:
    """What there is to know before a payment is prepared."""
    [row] = await tx.fetch(_CIRCUMSTANCES, booking_id, venue_id, change_id, tx.org_id)
    known = row["slug"] is not None
    ref = row["provider_ref"]
    return Circumstances(
        closed=row["closed"],
        venue=_venue(row) if known else None,
        route=Route(ref, row["payable"], row["basis_points"]) if ref is not None else None,
    )


def _venue(row: Record) -> Venue:
    return Venue(
        row["name"],
        row["slug"],
        row["statement_descriptor"],
        row["timezone"],
        tuple(row["billing_countries"]),
    )
