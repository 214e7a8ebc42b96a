"""Late money: the codes that a booking gave back with its place are needed once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.store import gift_cards, promos

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from chassis.db import Transaction


async def use_again(tx: Transaction, booking: Booking, *, actor: str) -> bool:
    """Take both codes of a locked booking again; False, and nothing taken, when one is gone.

    No query where the booking used none.
    """
    gift = booking.quote.gift
    version = booking.version + 1
    if gift is not None and not await gift_cards.redeem_again(tx, booking, version, actor=actor):
        return False
    if not booking.quote.has_promo() or await promos.use_again(tx, booking):
        return True
    if gift is not None:
        await gift_cards.give_back(tx, booking, gift, version, actor=actor)
    return False


async def return_again(tx: Transaction, booking: Booking, *, actor: str) -> None:
    """Give back what ``use_again`` took: the place could not be had."""
    if booking.quote.gift is not None:
        version = booking.version + 1
        await gift_cards.give_back(tx, booking, booking.quote.gift, version, actor=actor)
    if booking.quote.has_promo():
        await promos.give_back(tx, booking)
