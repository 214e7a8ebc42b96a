"""A customer was blocked or unblocked: refuse or take their bookings from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.store import audit, standings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from chassis.db import Transaction


async def note_standing(
    tx: Transaction, customer_id: UUID, hashes: Sequence[bytes], sequence: int, *, blocked: bool
) -> None:
    """Keep what was said last (CUS-17); bookings made before stand. Stale news changes nothing."""
    if await standings.keep(tx, customer_id, hashes, sequence, blocked=blocked):
        await audit.note(
            tx,
            "customer",
            customer_id,
            "customer.blocked" if blocked else "customer.unblocked",
            actor="customers",
            at=await tx.now(),
            after={"contacts": len(hashes)},
        )
