"""What payments keeps of venues: how they appear on a statement."""

from dataclasses import dataclass
from uuid import UUID

from chassis.db import Transaction


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue's names."""

    name: str
    slug: str
    statement_descriptor: str | None


async def keep(
    tx: Transaction, *, venue_id: UUID, org_id: UUID, venue: Venue, sequence: int
) -> None:
    """Take over a venue's present state, unless a newer one is here."""
    await tx.execute(
        """INSERT INTO venues AS v (venue_id, org_id, name, slug, statement_descriptor, sequence)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (venue_id) DO UPDATE SET
               name = $3, slug = $4, statement_descriptor = $5, sequence = $6
           WHERE v.sequence < $6""",
        venue_id,
        org_id,
        venue.name,
        venue.slug,
        venue.statement_descriptor,
        sequence,
    )


async def find(tx: Transaction, venue_id: UUID) -> Venue | None:
    """The venue, if booking has told us about it."""
    row = await tx.fetchrow(
        "SELECT name, slug, statement_descriptor FROM venues WHERE venue_id = $1", venue_id
    )
    return Venue(row["name"], row["slug"], row["statement_descriptor"]) if row else None
