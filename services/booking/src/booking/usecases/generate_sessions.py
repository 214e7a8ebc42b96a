"""Make the sessions that an offering's rules want, to the horizon: every night, or by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.catalogue import ListingStatus
from booking.domain.refusals import NotOnSale, Unknown
from booking.store import offerings, venues
from booking.usecases.keep_in_step import InStep, keep_in_step

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Transaction


async def generate_sessions(tx: Transaction, offering_id: UUID, *, actor: str) -> InStep:
    """Bring its sessions in step (SCH-09, SCH-10). Doing it twice, or twice at once, adds nothing.

    Raises:
        Unknown: there is no such offering.
        NotOnSale: it is archived.
    """
    offering = await offerings.read(tx, offering_id, lock=True)
    if offering is None:
        raise Unknown
    venue = await venues.read(tx, offering.venue_id)
    if venue is None:
        raise Unknown
    if offering.status is not ListingStatus.ACTIVE:
        raise NotOnSale
    return await keep_in_step(tx, offering, venue, actor=actor)


async def generate_tonight(tx: Transaction, offering_id: UUID) -> None:
    """The night's timer rang. An offering archived meanwhile is left alone, without a new timer."""
    try:
        await generate_sessions(tx, offering_id, actor="timer")
    except (Unknown, NotOnSale):
        return
