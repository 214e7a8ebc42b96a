"""What identifies a customer: a keyed hash to find it by, a sealed value to read it from."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chassis.db import Transaction
from customers.domain.matching import Kind
from customers.identity import Sealed

# The unique key decides between rivals: whoever comes second waits here until the first commits,
# and inserts nothing.
_CLAIM = """
INSERT INTO identifiers (org_id, kind, hash, sealed, customer_id, created_at)
SELECT $1, kind, hash, sealed, $2, messaging.now()
FROM unnest($3::text[], $4::bytea[], $5::text[]) AS new (kind, hash, sealed)
ON CONFLICT ON CONSTRAINT identifiers_unique DO NOTHING
"""


async def owners(tx: Transaction, identifiers: Sequence[Sealed]) -> Mapping[Kind, UUID]:
    rows = await tx.fetch(
        """SELECT i.kind, i.customer_id
           FROM unnest($2::text[], $3::bytea[]) AS asked (kind, hash)
           JOIN identifiers i ON i.org_id = $1 AND i.kind = asked.kind AND i.hash = asked.hash""",
        tx.org_id,
        [identifier.kind for identifier in identifiers],
        [identifier.hash for identifier in identifiers],
    )
    return {row["kind"]: row["customer_id"] for row in rows}


async def hashes_of(tx: Transaction, customer_id: UUID) -> list[bytes]:
    """The keyed hash of everything a customer is known by, in the order it became known."""
    rows = await tx.fetch(
        "SELECT hash FROM identifiers WHERE customer_id = $1 ORDER BY created_at, kind, hash",
        customer_id,
    )
    return [row["hash"] for row in rows]


async def claim(tx: Transaction, customer_id: UUID, identifiers: Sequence[Sealed]) -> bool:
    """Give identifiers that nobody has to a customer, in the order given.

    Returns whether all were free; the others now belong to somebody who was faster.
    """
    tag = await tx.execute(
        _CLAIM,
        tx.org_id,
        customer_id,
        [identifier.kind for identifier in identifiers],
        [identifier.hash for identifier in identifiers],
        [identifier.sealed for identifier in identifiers],
    )
    return tag == f"INSERT 0 {len(identifiers)}"


async def hand_over(tx: Transaction, from_id: UUID, to_id: UUID) -> None:
    """Move identifiers claimed for a customer that is not going to be created."""
    await tx.execute(
        "UPDATE identifiers SET customer_id = $2 WHERE customer_id = $1", from_id, to_id
    )
