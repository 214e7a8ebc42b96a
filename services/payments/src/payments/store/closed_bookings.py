"""Bookings and changes of theirs that ended before we heard that they wait for payment."""

from uuid import UUID

from chassis.db import Transaction


async def lock(tx: Transaction, booking_id: UUID) -> None:
    """Let one transaction at a time decide whether a booking gets its payment.

    The hold and its end may be handled at once, and neither sees what the other has not committed.
    """
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))", str(booking_id))


async def remember(tx: Transaction, booking_id: UUID, cause: str) -> None:
    """Note that the booking is over."""
    await tx.execute(
        """INSERT INTO closed_bookings (booking_id, org_id, cause, closed_at)
           VALUES ($1, $2, $3, messaging.now()) ON CONFLICT DO NOTHING""",
        booking_id,
        tx.org_id,
        cause,
    )


async def remember_change(tx: Transaction, change_id: UUID, booking_id: UUID) -> None:
    """Note that the change is over."""
    await tx.execute(
        """INSERT INTO closed_changes (change_id, booking_id, org_id, closed_at)
           VALUES ($1, $2, $3, messaging.now()) ON CONFLICT DO NOTHING""",
        change_id,
        booking_id,
        tx.org_id,
    )
