"""Change what is on a gift card, with a reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.money import LARGEST_AMOUNT, Money
from booking.domain.refusals import Fault, InvalidRequest, Unknown
from booking.store import audit, gift_cards

if TYPE_CHECKING:
    from booking.domain.gift_card import GiftCard
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustGiftCard:
    """Add ``amount_minor`` to the balance; negative takes from it."""

    card_id: UUID
    amount_minor: int
    reason: str
    actor: str


async def adjust_gift_card(tx: Transaction, command: AdjustGiftCard) -> GiftCard:
    """Change what is on a card, with a reason.

    Raises:
        Unknown: there is no such card.
        InvalidRequest: nothing, more than it has, or more than a card may have.
    """
    card = await gift_cards.read(tx, command.card_id, lock=True)
    if card is None:
        raise Unknown
    left = card.balance.amount_minor + command.amount_minor
    if command.amount_minor == 0 or not 0 <= left <= LARGEST_AMOUNT:
        raise InvalidRequest(
            Fault("amount_minor", f"must leave 0 to {LARGEST_AMOUNT} on the card, and not be 0")
        )
    now = await tx.now()
    await gift_cards.adjust(
        tx, card, command.amount_minor, at=now, actor=command.actor, reason=command.reason
    )
    await audit.note(
        tx,
        "gift_card",
        card.id,
        "gift_card.adjusted",
        actor=command.actor,
        at=now,
        reason=command.reason,
        before={"balance_minor": card.balance.amount_minor},
        after={"balance_minor": left},
    )
    return replace(card, balance=Money(left, card.balance.currency))
