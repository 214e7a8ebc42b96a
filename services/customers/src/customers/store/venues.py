"""What customers keeps of the venues: the country in which a phone number is read."""

from uuid import UUID

from chassis.db import Transaction


async def keep(tx: Transaction, venue_id: UUID, default_country: str, sequence: int) -> None:
    """Take over a venue's state unless a newer one is known."""
    await tx.execute(
        """INSERT INTO venues (venue_id, org_id, default_country, sequence) VALUES ($1, $2, $3, $4)
           ON CONFLICT (venue_id) DO UPDATE
           SET default_country = EXCLUDED.default_country, sequence = EXCLUDED.sequence
           WHERE venues.sequence < EXCLUDED.sequence""",
        venue_id,
        tx.org_id,
        default_country,
        sequence,
    )


async def default_country(tx: Transaction) -> str | None:
    """The organisation's country (it is the organisation's setting, so any venue knows it)."""
    country: str | None = await tx.fetchval(
        "SELECT default_country FROM venues ORDER BY sequence DESC, venue_id LIMIT 1"
    )
    return country
