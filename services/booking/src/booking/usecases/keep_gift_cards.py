"""Gift cards as staff keep them: issue, adjust, block (OPN-04)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.gift_card import CardStatus, GiftCard, last_four
from booking.domain.money import LARGEST_AMOUNT, Money
from booking.domain.refusals import Fault, InvalidRequest, Unknown
from booking.store import audit, gift_cards
from chassis.ids import uuid7

if TYPE_CHECKING:
    from booking.store.contacts import ContactVault
    from booking.store.gift_cards import Entry
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueGiftCard:
    """``value``: what is on it. It pays until ``expires_at``, or for good."""

    org_id: UUID
    value: Money
    expires_at: datetime | None
    note: str | None
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditGiftCard:
    """What to change; None clears a field that may be empty."""

    card_id: UUID
    actor: str
    status: CardStatus | Unset = UNSET
    expires_at: datetime | Unset | None = UNSET
    note: str | Unset | None = UNSET
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustGiftCard:
    """Add ``amount_minor`` to the balance; negative takes from it."""

    card_id: UUID
    amount_minor: int
    reason: str
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
            **_facts(card),
        },
    )
    return card


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
    old, new = audit.differing(_facts(before), _facts(after))
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


def _facts(card: GiftCard) -> dict[str, Any]:
    return {"status": card.status, "expires_at": card.expires_at, "has_note": bool(card.note)}
