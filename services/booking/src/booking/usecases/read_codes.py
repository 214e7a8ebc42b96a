"""Promo codes and gift cards, as staff read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.refusals import Unknown
from booking.store import gift_cards, promos

if TYPE_CHECKING:
    from uuid import UUID

    from booking.domain.gift_card import GiftCard
    from booking.domain.promo import Promo
    from booking.store.gift_cards import Entry
    from chassis.db import Transaction


async def read_promo(tx: Transaction, promo_id: UUID) -> Promo:
    """Raises Unknown when the organisation has no such code."""
    found = await promos.read(tx, promo_id)
    if found is None:
        raise Unknown
    return found


async def read_gift_card(tx: Transaction, card_id: UUID) -> GiftCard:
    """Raises Unknown when the organisation has no such card."""
    found = await gift_cards.read(tx, card_id)
    if found is None:
        raise Unknown
    return found


async def entries_of(
    tx: Transaction, card_id: UUID, *, after: UUID | None, limit: int
) -> list[Entry]:
    """What moved a card's balance, oldest first; raises Unknown when there is no such card."""
    await read_gift_card(tx, card_id)
    return await gift_cards.entries(tx, card_id, after=after, limit=limit)
