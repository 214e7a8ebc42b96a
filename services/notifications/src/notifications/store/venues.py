"""What notifications keeps of the venues: in whose name mail is written."""

from uuid import UUID

from chassis.db import Transaction
from notifications.domain.notice import Venue


async def keep(tx: Transaction, venue_id: UUID, venue: Venue, sequence: int) -> None:
    """Take over a venue's state unless a newer one is known."""
    await tx.execute(
        """INSERT INTO venues
               (venue_id, org_id, name, organisation, country, email, phone, sequence)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (venue_id) DO UPDATE SET
               name = EXCLUDED.name, organisation = EXCLUDED.organisation,
               country = EXCLUDED.country, email = EXCLUDED.email, phone = EXCLUDED.phone,
               sequence = EXCLUDED.sequence
           WHERE venues.sequence < EXCLUDED.sequence""",
        venue_id,
        tx.org_id,
        venue.name,
        venue.organisation,
        venue.country,
        venue.email,
        venue.phone,
        sequence,
    )
