"""Find what a guest brings to lower or pay the price, making room where lapsed holds have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.codes import Codes
from booking.domain.gift_card import GiftCard, GiftCardUnknown
from booking.domain.promo import Promo, PromoUnknown, PromoUsedByGuest, PromoUsedUp
from booking.store import gift_cards, promos
from booking.usecases.expire import expire_locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from booking.domain.booking import Booking
    from booking.domain.holding import Wish
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction


async def find_codes(
    tx: Transaction,
    wish: Wish,
    *,
    hashes: tuple[bytes, bytes | None],
    vault: ContactVault,
    now: datetime,
) -> Codes:
    """The promo code and the gift card of a guest who is about to book; no query without them.

    A lapsed hold keeps neither (HLD-01): where one stands in the way it is expired first. The card
    is locked, so that its balance is the one that is paid from.

    Raises:
        PromoUnknown, PromoUsedUp, PromoUsedByGuest, GiftCardUnknown: not to be had.
    """
    promo = card = None
    if wish.gift_card is not None:
        card = await _card(tx, vault.hash_code(wish.gift_card), now)
    if wish.promo_code is not None:
        known = [one for one in hashes if one is not None]
        promo = await _promo(tx, wish.promo_code, known, now)
    return Codes(promo, card)


async def look_up_codes(tx: Transaction, wish: Wish, *, vault: ContactVault) -> Codes:
    """The same for a guest who only asks for the price: nothing is locked or expired.

    Raises:
        PromoUnknown, PromoUsedUp, GiftCardUnknown: not to be had.
    """
    promo = card = None
    if wish.gift_card is not None:
        card = _known(await gift_cards.find(tx, vault.hash_code(wish.gift_card), lock=False))
    if wish.promo_code is not None:
        promo = await promos.find(tx, wish.promo_code)
        if promo is None:
            raise PromoUnknown
        if promo.is_used_up():
            raise PromoUsedUp
    return Codes(promo, card)


async def codes_of(tx: Transaction, booking: Booking) -> Codes:
    """What a booking has of its codes, to price it anew with; no query where it used none."""
    promo = card = None
    if booking.quote.has_promo():
        found = await promos.of_booking(tx, booking.id)
        promo = None if found is None else found.granted()
    if booking.quote.gift is not None:
        known = await gift_cards.of_booking(tx, booking.id)
        card = None if known is None else known.share(booking.quote.gift)
    return Codes(promo, card)


async def spend(
    tx: Transaction,
    codes: Codes,
    booking: Booking,
    *,
    hashes: tuple[bytes, bytes | None],
    actor: str,
) -> None:
    """Take what a new booking uses of its codes, in its own transaction (OPN-04).

    Raises:
        PromoUsedUp, PromoUsedByGuest: others were faster; nothing is booked.
    """
    if codes.card is not None and booking.quote.gift is not None:
        taken = await gift_cards.redeem(tx, codes.card.id, booking, actor=actor)
        assert taken  # noqa: S101 - the card was locked when its balance was read
    if codes.promo is not None:
        await promos.use(tx, codes.promo, booking, hashes)


async def _card(tx: Transaction, code_hash: bytes, now: datetime) -> GiftCard:
    card = _known(await gift_cards.find(tx, code_hash, lock=True))
    lapsed = await gift_cards.lock_lapsed(tx, card, now)
    if not lapsed:
        return card
    await _expire(tx, lapsed, now)
    return _known(await gift_cards.find(tx, code_hash, lock=True))


def _known(card: GiftCard | None) -> GiftCard:
    if card is None:
        raise GiftCardUnknown
    return card


async def _promo(tx: Transaction, code: str, hashes: Sequence[bytes], now: datetime) -> Promo:
    promo, refusal = await _judged(tx, code, hashes)
    if refusal is None:
        return promo
    await _expire(tx, await promos.lock_lapsed(tx, promo, now), now)
    promo, refusal = await _judged(tx, code, hashes)
    if refusal is not None:
        raise refusal
    return promo


async def _judged(
    tx: Transaction, code: str, hashes: Sequence[bytes]
) -> tuple[Promo, PromoUsedUp | PromoUsedByGuest | None]:
    promo = await promos.find(tx, code)
    if promo is None:
        raise PromoUnknown
    if promo.is_used_up():
        return promo, PromoUsedUp()
    most = promo.max_per_customer
    if most is not None and await promos.uses_by(tx, promo, hashes) >= most:
        return promo, PromoUsedByGuest()
    return promo, None


async def _expire(tx: Transaction, lapsed: Sequence[Booking], now: datetime) -> None:
    for booking in lapsed:
        await expire_locked(tx, booking, now, actor="hold")
