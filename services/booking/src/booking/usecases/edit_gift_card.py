"""Block a gift card, let it pay again, or change until when it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.gift_card import CardStatus, GiftCard
from booking.domain.refusals import Unknown
from booking.store import audit, gift_cards
from booking.usecases.issue_gift_card import card_facts

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditGiftCard:
    """What to change; None clears a field that may be empty."""

    card_id: UUID
    actor: str
    status: CardStatus | Unset = UNSET
    expires_at: datetime | Unset | None = UNSET
    note: str | Unset | None = UNSET
    version: int | None = None


async def edit_gift_card(tx: Transaction, command: EditGiftCard) -> GiftCard:
    """Block it, let it pay again, or change until when it does.

    Raises:
        Unknown: there is no such card.
        StaleVersion: it was changed since the caller read it.
    """
    before = await gift_cards.read(tx, command.card_id, lock=True)
    if before is None:
        raise Unknown
    check_version(command.version, before.version)
    after = replace(
        before,
        status=keep(command.status, before.status),
        expires_at=keep(command.expires_at, before.expires_at),
        note=keep(command.note, before.note),
    )
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    await gift_cards.save(tx, after)
    old, new = audit.differing(card_facts(before), card_facts(after))
    await audit.note(
        tx,
        "gift_card",
        after.id,
        "gift_card.edited",
        actor=command.actor,
        at=await tx.now(),
        before=old,
        after=new,
    )
    return after
