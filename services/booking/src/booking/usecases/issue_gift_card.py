"""Issue a gift card (OPN-04)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking.domain.gift_card import CardStatus, GiftCard, last_four
from booking.domain.money import Money
from booking.domain.refusals import Fault, InvalidRequest
from booking.store import audit, gift_cards
from chassis.ids import uuid7

if TYPE_CHECKING:
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueGiftCard:
    """``value``: what is on it. It pays until ``expires_at``, or for good."""

    org_id: UUID
    value: Money
    expires_at: datetime | None
    note: str | None
    actor: str


async def issue_gift_card(
    tx: Transaction, command: IssueGiftCard, *, vault: ContactVault
) -> GiftCard:
    """A new card; its code is told to whoever issues it, and only its hash is kept.

    Raises:
        InvalidRequest: it would have expired already.
    """
    now = await tx.now()
    if command.expires_at is not None and command.expires_at <= now:
        raise InvalidRequest(Fault("expires_at", "is in the past"))
    card_id = uuid7(now)
    code = vault.card_code(card_id)
    card = GiftCard(
        id=card_id,
        org_id=command.org_id,
        last4=last_four(code),
        balance=command.value,
        issued=command.value,
        expires_at=command.expires_at,
        status=CardStatus.ACTIVE,
        note=command.note,
        version=1,
    )
    await gift_cards.add(tx, card, vault.hash_code(code), now, actor=command.actor)
    await audit.note(
        tx,
        "gift_card",
        card.id,
        "gift_card.issued",
        actor=command.actor,
        at=now,
        after={
            "amount_minor": command.value.amount_minor,
            "currency": command.value.currency,
            **card_facts(card),
        },
    )
    return card


def card_facts(card: GiftCard) -> dict[str, Any]:
    """What the audit log keeps of a card."""
    return {"status": card.status, "expires_at": card.expires_at, "has_note": bool(card.note)}
