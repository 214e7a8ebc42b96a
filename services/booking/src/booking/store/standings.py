"""Which guests an organisation refuses, as the customers service last said."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from chassis.db import Transaction

# A message tells the whole present state, so an older one that comes later says nothing.
_KEEP = """
INSERT INTO customer_standings AS known (customer_id, org_id, blocked, sequence)
VALUES ($1, $2, $3, $4)
ON CONFLICT (customer_id) DO UPDATE SET blocked = EXCLUDED.blocked, sequence = EXCLUDED.sequence
WHERE known.sequence < EXCLUDED.sequence
RETURNING customer_id
"""
_UNBLOCK = "DELETE FROM blocked_contacts WHERE customer_id = $1 AND NOT hash = ANY ($2::bytea[])"
_BLOCK = """
INSERT INTO blocked_contacts (org_id, hash, customer_id)
SELECT $1, hash, $2 FROM unnest($3::bytea[]) AS hash
ON CONFLICT DO NOTHING
"""


async def keep(
    tx: Transaction, customer_id: UUID, hashes: Sequence[bytes], sequence: int, *, blocked: bool
) -> bool:
    """Refuse exactly these contacts of the customer, none when not blocked.

    False when something at least as new was said before, and nothing changed.
    """
    if await tx.fetchval(_KEEP, customer_id, tx.org_id, blocked, sequence) is None:
        return False
    refused = list(hashes) if blocked else []
    await tx.execute(_UNBLOCK, customer_id, refused)
    if refused:
        await tx.execute(_BLOCK, tx.org_id, customer_id, refused)
    return True
