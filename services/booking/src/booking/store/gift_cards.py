"""Gift cards and the entries that their balances are the sums of.

A balance and its entry are written by one statement; nothing else writes a balance.
"""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, select, update

from booking.domain.gift_card import CardStatus, GiftCard
from booking.domain.money import Money
from booking.store import tables
from booking.store.rows import COLUMNS, TABLES, booking_of
from chassis.ids import uuid7

if TYPE_CHECKING:
    from sqlalchemy import Row

    from booking.domain.booking import Booking
    from chassis.db import Transaction

_ENTRY = """
INSERT INTO gift_entries (card_id, id, org_id, kind, amount_minor, balance_minor, booking_id,
    booking_version, at, actor, reason)
"""

# Writes nothing when the balance would be less than nothing, or a blocked card should pay.
MOVE = f"""
WITH card AS (
    UPDATE gift_cards SET balance_minor = balance_minor + $2::bigint
    WHERE id = $1 AND balance_minor + $2::bigint >= 0
        AND ($4::text <> 'redeemed' OR status = 'active')
    RETURNING id, org_id, balance_minor
)
{_ENTRY}
SELECT card.id, $3::uuid, card.org_id, $4::text, $2::bigint, card.balance_minor, $5::uuid,
    $6::integer, $7::timestamptz, $8::text, $9::text
FROM card
"""

# A booking gives back at most what it has of its card.
GIVE_BACK = f"""
WITH held AS (
    SELECT card_id, -sum(amount_minor)::bigint AS amount FROM gift_entries
    WHERE booking_id = $1 GROUP BY card_id
),
card AS (
    UPDATE gift_cards c SET balance_minor = c.balance_minor + least(held.amount, $2::bigint)
    FROM held WHERE c.id = held.card_id AND least(held.amount, $2::bigint) > 0
    RETURNING c.id, c.org_id, c.balance_minor, least(held.amount, $2::bigint) AS amount
)
{_ENTRY}
SELECT card.id, $3::uuid, card.org_id, 'returned', card.amount, card.balance_minor, $1,
    $4::integer, $5::timestamptz, $6::text, NULL
FROM card
"""

_CARD_OF = "SELECT card_id FROM gift_entries WHERE booking_id = $1 LIMIT 1"

LAPSED = f"""
SELECT {COLUMNS} FROM {TABLES}
WHERE b.id IN (SELECT booking_id FROM gift_entries WHERE card_id = $1 AND kind = 'redeemed')
    AND b.status IN ('pending_payment', 'requires_authentication') AND b.expires_at <= $2
ORDER BY b.id LIMIT 50
FOR UPDATE OF b SKIP LOCKED
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of a balance, in minor units; negative where the card paid."""

    id: UUID
    kind: str
    amount_minor: int
    balance_minor: int
    booking_id: UUID | None
    at: datetime
    actor: str
    reason: str | None


async def find(tx: Transaction, code_hash: bytes, *, lock: bool) -> GiftCard | None:
    """The card whose code has this hash."""
    table = tables.gift_cards
    query = select(table).where(table.c.org_id == tx.org_id, table.c.code_hash == code_hash)
    row = (await tx.core(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else card_of(row)


async def of_booking(tx: Transaction, booking_id: UUID) -> GiftCard | None:
    """The card that a booking has a share of."""
    table, moved = tables.gift_cards, tables.gift_entries
    card = select(moved.c.card_id).where(moved.c.booking_id == booking_id).limit(1)
    row = (await tx.core(select(table).where(table.c.id == card.scalar_subquery()))).one_or_none()
    return None if row is None else card_of(row)


async def redeem(tx: Transaction, card_id: UUID, booking: Booking, *, actor: str) -> bool:
    """Take a booking's share from a card; False, and nothing done, when it no longer has it."""
    assert booking.quote.gift is not None  # noqa: S101 - callers ask for bookings with a card
    return await _move(
        tx,
        card_id,
        -booking.quote.gift.amount_minor,
        "redeemed",
        at=await tx.now(),
        actor=actor,
        booking=(booking.id, booking.version),
    )


async def redeem_again(tx: Transaction, booking: Booking, version: int, *, actor: str) -> bool:
    """Take the share of a booking that had given it back; False when its card cannot pay it."""
    card_id = await tx.fetchval(_CARD_OF, booking.id)
    assert booking.quote.gift is not None  # noqa: S101 - callers ask for bookings with a card
    return card_id is not None and await _move(
        tx,
        card_id,
        -booking.quote.gift.amount_minor,
        "redeemed",
        at=await tx.now(),
        actor=actor,
        booking=(booking.id, version),
    )


async def give_back(
    tx: Transaction, booking: Booking, amount: Money, version: int, *, actor: str
) -> None:
    """Put ``amount``, and at most what the booking has of its card, back onto the card."""
    now = await tx.now()
    await tx.execute(GIVE_BACK, booking.id, amount.amount_minor, uuid7(now), version, now, actor)


async def adjust(
    tx: Transaction, card: GiftCard, amount_minor: int, *, at: datetime, actor: str, reason: str
) -> bool:
    """Add to a card, or take from it; False when that is more than it has."""
    return await _move(tx, card.id, amount_minor, "adjusted", at=at, actor=actor, reason=reason)


async def _move(
    tx: Transaction,
    card_id: UUID,
    amount_minor: int,
    kind: str,
    *,
    at: datetime,
    actor: str,
    booking: tuple[UUID, int] | tuple[None, None] = (None, None),
    reason: str | None = None,
) -> bool:
    tag = await tx.execute(
        MOVE, card_id, amount_minor, uuid7(at), kind, *booking, at, actor, reason
    )
    return tag.endswith(" 1")


async def lock_lapsed(tx: Transaction, card: GiftCard, now: datetime) -> list[Booking]:
    """Lapsed holds that have a share of the card, locked; rivals' are left alone."""
    return [booking_of(row) for row in await tx.fetch(LAPSED, card.id, now)]


async def add(
    tx: Transaction, card: GiftCard, code_hash: bytes, now: datetime, *, actor: str
) -> None:
    """Write a new card with its first entry."""
    await tx.core(
        insert(tables.gift_cards).values(
            id=card.id,
            org_id=card.org_id,
            code_hash=code_hash,
            last4=card.last4,
            currency=card.issued.currency,
            issued_minor=card.issued.amount_minor,
            balance_minor=0,
            expires_at=card.expires_at,
            status=card.status,
            note=card.note,
            version=card.version,
            created_at=now,
        )
    )
    await _move(tx, card.id, card.issued.amount_minor, "issued", at=now, actor=actor)


async def save(tx: Transaction, card: GiftCard) -> None:
    """Write what may be edited; never the balance."""
    table = tables.gift_cards
    await tx.core(
        update(table)
        .values(
            status=card.status,
            expires_at=card.expires_at,
            note=card.note,
            version=card.version,
        )
        .where(table.c.id == card.id)
    )


async def read(tx: Transaction, card_id: UUID, *, lock: bool = False) -> GiftCard | None:
    """A card of this organisation."""
    query = select(tables.gift_cards).where(tables.gift_cards.c.id == card_id)
    row = (await tx.core(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else card_of(row)


async def page(
    tx: Transaction, *, last4: str | None, after: UUID | None, limit: int
) -> list[GiftCard]:
    """All cards in the order of their issue, or those whose code ends in ``last4``."""
    table = tables.gift_cards
    query = select(table).where(table.c.org_id == tx.org_id).order_by(table.c.id).limit(limit)
    if last4 is not None:
        query = query.where(table.c.last4 == last4)
    if after is not None:
        query = query.where(table.c.id > after)
    return [card_of(row) for row in await tx.core(query)]


async def entries(tx: Transaction, card_id: UUID, *, after: UUID | None, limit: int) -> list[Entry]:
    """What moved a card's balance, oldest first."""
    table = tables.gift_entries
    query = select(table).where(table.c.card_id == card_id).order_by(table.c.id).limit(limit)
    if after is not None:
        query = query.where(table.c.id > after)
    return [
        Entry(
            id=row.id,
            kind=row.kind,
            amount_minor=row.amount_minor,
            balance_minor=row.balance_minor,
            booking_id=row.booking_id,
            at=row.at,
            actor=row.actor,
            reason=row.reason,
        )
        for row in await tx.core(query)
    ]


def card_of(row: Row[Any]) -> GiftCard:
    """The gift card in a row of its table."""
    return GiftCard(
        id=row.id,
        org_id=row.org_id,
        last4=row.last4,
        balance=Money(row.balance_minor, row.currency),
        issued=Money(row.issued_minor, row.currency),
        expires_at=row.expires_at,
        status=CardStatus(row.status),
        note=row.note,
        version=row.version,
    )
