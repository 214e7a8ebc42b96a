"""The one place where a price is made: for the quote, the hold and the change alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.codes import NO_CODES, Codes
from booking.domain.dues import AT_THE_VENUE, collectable
from booking.domain.gift_card import share
from booking.domain.money import Money
from booking.domain.ordering import lines_of
from booking.domain.quote import DISH, PROMO, Line, Quote

if TYPE_CHECKING:
    from booking.domain.dues import Due
    from booking.domain.pricing import Order, Pricing
    from booking.domain.promo import Promo


def quoted(pricing: Pricing, order: Order, currency: str, codes: Codes = NO_CODES) -> Quote:
    """What an order costs: people, dishes, less the promo code; and what of it is due now.

    Raises:
        PromoTooSmall: see ``Promo.line``.
    """
    lines = (*pricing.lines(order), *lines_of(order.dishes))
    if codes.promo is not None:
        lines = (*lines, codes.promo.line(_sum(lines, currency)))
    balance = 0 if codes.card is None else codes.card.balance.amount_minor
    return priced(lines, pricing.due, order.party_size, currency, balance=balance)


def requoted(
    before: Quote,
    dishes: tuple[Line, ...],
    pricing: Pricing,
    party_size: int,
    promo: Promo | None,
) -> Quote:
    """A frozen price with other dishes: people stay at their price, the card at its share.

    ``promo``: the code that the booking has; its window and limits are behind it.

    Raises:
        PromoTooSmall: the booking would cost less than the code asks for.
    """
    currency = before.total.currency
    kept = tuple(line for line in before.lines if not line.key.startswith((DISH, PROMO)))
    lines = (*kept, *dishes)
    if promo is not None:
        lines = (*lines, promo.line(_sum(lines, currency)))
    balance = 0 if before.gift is None else before.gift.amount_minor
    # Where all of a price was left for the venue, as staff may do, so is the new one.
    left = before.total.amount_minor > 0 and before.total == before.at_venue
    due = AT_THE_VENUE if left else pricing.due
    return priced(lines, due, party_size, currency, balance=balance)


def priced(
    lines: tuple[Line, ...], due: Due, party_size: int, currency: str, *, balance: int = 0
) -> Quote:
    """The quote of these lines, of which a gift card pays up to ``balance`` minor units.

    What remains due now can be collected, or is nothing (F-30).
    """
    total = _sum(lines, currency)
    now = collectable(due.now(total.amount_minor, party_size), total.amount_minor, currency)
    paid, left = share(balance, total.amount_minor, now, currency)
    return Quote(
        total=total,
        due_now=Money(left, currency),
        lines=lines,
        gift=Money(paid, currency) if paid else None,
    )


def _sum(lines: tuple[Line, ...], currency: str) -> Money:
    return Money(sum(line.amount_minor for line in lines), currency)
