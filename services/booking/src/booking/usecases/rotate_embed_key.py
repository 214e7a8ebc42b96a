"""Give a venue another embed key; the one it had leads nowhere from now on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from booking.domain.embed import new_embed_key
from booking.domain.refusals import Unknown
from booking.store import venues
from booking.usecases.edit_venue import save_edited

if TYPE_CHECKING:
    from uuid import UUID

    from booking.domain.catalogue import Venue
    from chassis.db import Transaction


async def rotate_embed_key(tx: Transaction, venue_id: UUID, *, actor: str) -> Venue:
    """The venue with its new key (TEN-03).

    Raises:
        Unknown: there is no such venue.
    """
    before = await venues.read(tx, venue_id, lock=True)
    if before is None:
        raise Unknown
    after = replace(before, embed_key=new_embed_key())
    return await save_edited(tx, before, after, actor, "venue.embed_key_rotated")
