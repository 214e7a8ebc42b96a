"""What notifications keeps of the venues: in whose name mail is written."""

from uuid import UUID

from chassis.db import Transaction
from notifications.domain.notice import Manager, Recipient, Venue


async def keep(
    tx: Transaction, venue_id: UUID, venue: Venue, manager: Manager, sequence: int
) -> None:
    """Take over a venue's state unless a newer one is known."""
    await tx.execute(
        """INSERT INTO venues
               (venue_id, org_id, name, organisation, country, email, phone, manager_email, locale,
                sequence)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           ON CONFLICT (venue_id) DO UPDATE SET
               name = EXCLUDED.name, organisation = EXCLUDED.organisation,
               country = EXCLUDED.country, email = EXCLUDED.email, phone = EXCLUDED.phone,
               manager_email = EXCLUDED.manager_email, locale = EXCLUDED.locale,
               sequence = EXCLUDED.sequence
           WHERE venues.sequence < EXCLUDED.sequence""",
        venue_id,
        tx.org_id,
        venue.name,
        venue.organisation,
        venue.country,
        venue.email,
        venue.phone,
        manager.recipient.email,
        manager.locale,
        sequence,
    )


async def manager_of(tx: Transaction, venue_id: UUID) -> Manager | None:
    """Who is told of what concerns a venue; None while it has not been heard of."""
    row = await tx.fetchrow(
        "SELECT name, manager_email, locale FROM venues WHERE venue_id = $1", venue_id
    )
    if row is None:
        return None
    return Manager(Recipient(row["name"], row["manager_email"]), row["locale"])
