"""Promo codes: their rows, and which booking has which.

The code's row is always locked before the counters of its guests, so that uses and returns of one
code wait for each other instead of deadlocking.
"""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from booking.domain.catalogue import ListingStatus
from booking.domain.promo import (
    AmountOff,
    Discount,
    PercentOff,
    Promo,
    PromoUsedByGuest,
    PromoUsedUp,
    promo_key,
)
from booking.store import tables
from booking.store.rows import COLUMNS, TABLES, booking_of
from booking.store.writing import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Row

    from booking.domain.booking import Booking
    from chassis.db import Transaction

# One conditional statement decides: the code's counter and its guests' have the last word.
USE = """
WITH counted AS (
    UPDATE promo_codes p SET used = p.used + 1
    WHERE p.id = $1 AND p.status = 'active' AND (p.max_uses IS NULL OR p.used < p.max_uses)
    RETURNING p.id, p.org_id
),
guests AS (
    INSERT INTO promo_guests AS g (promo_id, hash, org_id, used)
    SELECT counted.id, guest.hash, counted.org_id, 1
    FROM counted, unnest(ARRAY[$3::bytea, $4::bytea]) AS guest (hash)
    WHERE guest.hash IS NOT NULL
    ORDER BY guest.hash
    ON CONFLICT (promo_id, hash) DO UPDATE SET used = g.used + 1
        WHERE $5::integer IS NULL OR g.used < $5::integer
    RETURNING 1
),
noted AS (
    INSERT INTO promo_uses (booking_id, org_id, promo_id, email_hash, phone_hash)
    SELECT $2::uuid, counted.org_id, counted.id, $3::bytea, $4::bytea FROM counted
    ON CONFLICT (booking_id) DO UPDATE SET returned_at = NULL
)
SELECT EXISTS (SELECT FROM counted) AS counted, (SELECT count(*) FROM guests) AS guests
"""

GIVE_BACK = """
WITH returned AS (
    UPDATE promo_uses SET returned_at = $2 WHERE booking_id = $1 AND returned_at IS NULL
    RETURNING promo_id, email_hash, phone_hash
),
counted AS (
    UPDATE promo_codes p SET used = p.used - 1 FROM returned r WHERE p.id = r.promo_id
    RETURNING r.promo_id, r.email_hash, r.phone_hash
)
UPDATE promo_guests g SET used = g.used - 1
FROM counted c CROSS JOIN unnest(ARRAY[c.email_hash, c.phone_hash]) AS guest (hash)
WHERE g.promo_id = c.promo_id AND g.hash = guest.hash
"""

# Of a booking that lost its code: whether it can have it again. Nobody else can decide meanwhile.
_LOCK_AGAIN = """
SELECT p.id, p.max_per_customer, u.email_hash, u.phone_hash, p.status,
    p.max_uses IS NULL OR p.used < p.max_uses AS is_left,
    p.max_per_customer IS NULL OR NOT EXISTS (
        SELECT FROM promo_guests g WHERE g.promo_id = p.id
            AND g.hash = ANY (ARRAY[u.email_hash, u.phone_hash]) AND g.used >= p.max_per_customer
    ) AS is_left_for_guest
FROM promo_uses u JOIN promo_codes p ON p.id = u.promo_id
WHERE u.booking_id = $1 FOR UPDATE OF p
"""

LAPSED = f"""
SELECT {COLUMNS} FROM {TABLES}
WHERE b.id IN (SELECT booking_id FROM promo_uses WHERE promo_id = $1 AND returned_at IS NULL)
    AND b.status IN ('pending_payment', 'requires_authentication') AND b.expires_at <= $2
ORDER BY b.id LIMIT 50
FOR UPDATE OF b SKIP LOCKED
"""


async def find(tx: Transaction, code: str) -> Promo | None:
    """The organisation's code of that name, whatever the case."""
    table = tables.promo_codes
    query = select(table).where(table.c.org_id == tx.org_id, table.c.code_key == promo_key(code))
    row = (await tx.core(query)).one_or_none()
    return None if row is None else promo_of(row)


async def uses_by(tx: Transaction, promo: Promo, hashes: Sequence[bytes]) -> int:
    """How often a guest, known by these hashes, has the code now."""
    table = tables.promo_guests
    query = select(table.c.used).where(table.c.promo_id == promo.id, table.c.hash.in_(hashes))
    return max((await tx.core(query)).scalars(), default=0)


async def use(
    tx: Transaction, promo: Promo, booking: Booking, hashes: tuple[bytes, bytes | None]
) -> None:
    """Give a booking the code.

    Raises:
        PromoUsedUp, PromoUsedByGuest: others were faster.
    """
    await _use(tx, promo.id, promo.max_per_customer, booking.id, hashes)


async def _use(
    tx: Transaction,
    promo_id: UUID,
    max_per_customer: int | None,
    booking_id: UUID,
    hashes: tuple[bytes, bytes | None],
) -> None:
    row = await tx.fetchrow(USE, promo_id, booking_id, *hashes, max_per_customer)
    assert row is not None  # noqa: S101 - the outer SELECT has no FROM
    if not row["counted"]:
        raise PromoUsedUp
    if row["guests"] < len([one for one in hashes if one is not None]):
        raise PromoUsedByGuest


async def give_back(tx: Transaction, booking: Booking) -> None:
    """Take the code from a booking, so that another may have it; once."""
    await tx.execute(GIVE_BACK, booking.id, await tx.now())


async def use_again(tx: Transaction, booking: Booking) -> bool:
    """Give a booking the code that it had; False, and nothing done, when it is used up."""
    row = await tx.fetchrow(_LOCK_AGAIN, booking.id)
    if row is None or row["status"] != ListingStatus.ACTIVE:
        return False
    if not (row["is_left"] and row["is_left_for_guest"]):
        return False
    hashes = row["email_hash"], row["phone_hash"]
    await _use(tx, row["id"], row["max_per_customer"], booking.id, hashes)
    return True


async def lock_lapsed(tx: Transaction, promo: Promo, now: datetime) -> list[Booking]:
    """Lapsed holds that have the code, locked; those that others decide about are left alone."""
    return [booking_of(row) for row in await tx.fetch(LAPSED, promo.id, now)]


async def of_booking(tx: Transaction, booking_id: UUID) -> Promo | None:
    """The code that a booking has."""
    table, uses = tables.promo_codes, tables.promo_uses
    query = (
        select(table)
        .join(uses, uses.c.promo_id == table.c.id)
        .where(uses.c.booking_id == booking_id, uses.c.returned_at.is_(None))
    )
    row = (await tx.core(query)).one_or_none()
    return None if row is None else promo_of(row)


async def add(tx: Transaction, promo: Promo, now: datetime) -> None:
    """Raises AlreadyExists when the organisation has a code of this name."""
    await write(
        tx,
        insert(tables.promo_codes).values(
            id=promo.id,
            org_id=promo.org_id,
            code=promo.code,
            code_key=promo_key(promo.code),
            created_at=now,
            **_content(promo),
        ),
    )


async def save(tx: Transaction, promo: Promo) -> None:
    """Write everything that may be edited."""
    table = tables.promo_codes
    await write(tx, update(table).values(**_content(promo)).where(table.c.id == promo.id))


async def read(tx: Transaction, promo_id: UUID, *, lock: bool = False) -> Promo | None:
    """A promo code of this organisation."""
    query = select(tables.promo_codes).where(tables.promo_codes.c.id == promo_id)
    row = (await tx.core(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else promo_of(row)


async def page(tx: Transaction, *, after: UUID | None, limit: int) -> list[Promo]:
    """All codes in the order of their making, archived ones too."""
    table = tables.promo_codes
    query = select(table).where(table.c.org_id == tx.org_id).order_by(table.c.id).limit(limit)
    if after is not None:
        query = query.where(table.c.id > after)
    return [promo_of(row) for row in await tx.core(query)]


def _content(promo: Promo) -> dict[str, Any]:
    percent = promo.discount.percent if isinstance(promo.discount, PercentOff) else None
    amount = promo.discount.amount_minor if isinstance(promo.discount, AmountOff) else None
    return {
        "percent": percent,
        "amount_minor": amount,
        "currency": promo.currency,
        "minimum_minor": promo.minimum_minor,
        "valid_from": promo.valid_from,
        "valid_until": promo.valid_until,
        "max_uses": promo.max_uses,
        "max_per_customer": promo.max_per_customer,
        "offering_ids": list(promo.offering_ids),
        "status": promo.status,
        "version": promo.version,
    }


def promo_of(row: Row[Any]) -> Promo:
    """The promo code in a row of its table."""
    discount: Discount = (
        AmountOff(row.amount_minor) if row.percent is None else PercentOff(row.percent)
    )
    return Promo(
        id=row.id,
        org_id=row.org_id,
        code=row.code,
        discount=discount,
        currency=row.currency,
        minimum_minor=row.minimum_minor,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        max_uses=row.max_uses,
        max_per_customer=row.max_per_customer,
        offering_ids=tuple(row.offering_ids),
        used=row.used,
        status=ListingStatus(row.status),
        version=row.version,
    )
