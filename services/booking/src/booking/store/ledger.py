"""The allocation ledger, apart from the first hold: taking a place again for late money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncpg import Range

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from chassis.db import Transaction

RETAKE_UNITS = """
WITH place AS (
    UPDATE sessions SET taken = taken + $4::integer
    WHERE id = $2 AND taken + $4::integer <= capacity
    RETURNING org_id
)
INSERT INTO allocations (booking_id, booking_version, position, org_id, session_id, units, during)
SELECT $1::uuid, $3::integer, 0, org_id, $2, $4::integer, $5::tstzrange FROM place
"""

RETAKE_RESOURCES = """
INSERT INTO allocations
    (booking_id, booking_version, position, org_id, session_id, resource_id, units, during)
SELECT $1::uuid, $3::integer, wanted.position, $6::uuid, $2::uuid, wanted.id, 0, $5::tstzrange
FROM unnest($4::uuid[]) WITH ORDINALITY AS wanted (id, position)
ORDER BY wanted.id
ON CONFLICT DO NOTHING
"""

_DROP_PARTIAL = "DELETE FROM allocations WHERE booking_id = $1 AND booking_version = $2"


async def retake(tx: Transaction, booking: Booking) -> bool:
    """Take the place of a booking that had given it up; False when it is not all free now.

    The booking's row is locked by the caller. Nothing is written when it answers False.
    """
    version = booking.version + 1
    during = Range(booking.occasion.starts_at, booking.occasion.ends_at)
    if not booking.claim.resource_ids:
        tag = await tx.execute(
            RETAKE_UNITS, booking.id, booking.session_id, version, booking.claim.units, during
        )
        return _count(tag) == 1
    tag = await tx.execute(
        RETAKE_RESOURCES,
        booking.id,
        booking.session_id,
        version,
        list(booking.claim.resource_ids),
        during,
        booking.org_id,
    )
    if _count(tag) == len(booking.claim.resource_ids):
        return True
    await tx.execute(_DROP_PARTIAL, booking.id, version)
    return False


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
