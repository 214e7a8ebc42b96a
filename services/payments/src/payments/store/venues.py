"""What payments keeps of venues: how they appear on a statement, and which day it is there."""

from dataclasses import dataclass
from uuid import UUID

from chassis.db import Transaction


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue's names and IANA time zone."""

    name: str
    slug: str
    statement_descriptor: str | None
    timezone: str | None = None


async def keep(
    tx: Transaction, *, venue_id: UUID, org_id: UUID, venue: Venue, sequence: int
) -> None:
    """Take over a venue's present state, unless a newer one is here."""
    await tx.execute(
        """INSERT INTO venues AS v (venue_id, org_id, name, slug, statement_descriptor, sequence,
                                   timezone)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (venue_id) DO UPDATE SET
               name = $3, slug = $4, statement_descriptor = $5, sequence = $6, timezone = $7
           WHERE v.sequence < $6""",
        venue_id,
        org_id,
        venue.name,
        venue.slug,
        venue.statement_descriptor,
        sequence,
        venue.timezone,
    )


async def read(tx: Transaction, venue_id: UUID) -> Venue | None:
    """The venue, if it has been heard of."""
    row = await tx.fetchrow(
        "SELECT name, slug, statement_descriptor FROM venues WHERE venue_id = $1", venue_id
    )
    return Venue(row["name"], row["slug"], row["statement_descriptor"]) if row else None


# One statement, because every hold asks both.
_CIRCUMSTANCES = """
SELECT EXISTS (SELECT FROM closed_bookings WHERE booking_id = $1)
           OR EXISTS (SELECT FROM closed_changes WHERE change_id = $3) AS closed,
       v.name, v.slug, v.statement_descriptor
FROM (SELECT) AS one LEFT JOIN venues v ON v.venue_id = $2
"""


async def circumstances(
    tx: Transaction, booking_id: UUID, change_id: UUID | None, venue_id: UUID
) -> tuple[bool, Venue | None]:
    """Whether the end of the booking or change was heard already, and the venue if we know it."""
    [row] = await tx.fetch(_CIRCUMSTANCES, booking_id, venue_id, change_id)
    known = row["slug"] is not None
    venue = Venue(row["name"], row["slug"], row["statement_descriptor"]) if known else None
    return row["closed"], venue
