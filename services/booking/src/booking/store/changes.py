"""Changes of bookings: those that were made, and those that wait for their payment."""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from sqlalchemy import update

from booking.documents import document_of, read_policy
from booking.domain.booking import Occasion
from booking.domain.inventory import Claim
from booking.domain.money import Money
from booking.domain.moving import Change, ChangeState, Place
from booking.domain.quote import Line, Quote
from booking.store import tables
from booking.store.bookings import StaleBooking
from booking.store.rows import COLUMNS, TABLES, booking_of

if TYPE_CHECKING:
    import asyncpg

    from booking.domain.booking import Booking
    from chassis.db import Transaction

_ADD = """
INSERT INTO changes (id, org_id, venue_id, booking_id, state, by_guest, ledger_version, amount_due,
    currency, expires_at, created_at, settled_at, place)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::jsonb)
"""
READ = """
SELECT id, booking_id, state, by_guest, ledger_version, amount_due, currency, expires_at,
    place::text AS place
FROM changes WHERE id = $1 AND booking_id = $2
"""
_SETTLE = """
UPDATE changes SET state = $2, settled_at = $3, payment_id = coalesce($4, payment_id)
WHERE id = $1 AND state = 'pending'
"""
_PROLONG = "UPDATE changes SET expires_at = $2 WHERE id = $1 AND state = 'pending'"

# Others may be deciding about the booking right now: theirs to settle, and no deadlock.
LAPSED = f"""
SELECT {COLUMNS} FROM {TABLES}
WHERE b.id IN (SELECT c.booking_id FROM changes c
        WHERE c.venue_id = $1 AND c.state = 'pending' AND c.expires_at <= $2)
ORDER BY b.id LIMIT 50
FOR UPDATE OF b SKIP LOCKED
"""

# Where each guest has one place: whether this guest has one there already (INV-05).
_HAS_ANOTHER = """
SELECT EXISTS (SELECT FROM bookings mine JOIN bookings o ON o.session_id = $2 AND o.id <> mine.id
        AND (o.email_hash = mine.email_hash OR o.phone_hash = mine.phone_hash)
    WHERE mine.id = $1 AND o.one_per_customer AND $3::boolean
        AND o.status IN ('pending_payment', 'requires_authentication', 'confirmed', 'checked_in',
            'completed', 'no_show'))
"""


async def add(tx: Transaction, change: Change, booking: Booking, now: datetime) -> None:
    """Record a change: pending, or made at once."""
    pending = change.state is ChangeState.PENDING
    await tx.execute(
        _ADD,
        change.id,
        booking.org_id,
        booking.venue_id,
        booking.id,
        change.state.value,
        change.by_guest,
        change.ledger_version,
        change.due.amount_minor,
        change.due.currency,
        change.expires_at,
        now,
        None if pending else now,
        _document(change.place),
    )


async def read(tx: Transaction, change_id: UUID, booking_id: UUID) -> Change | None:
    """A change of this booking. Whoever holds the booking's lock holds the change's as well."""
    row = await tx.fetchrow(READ, change_id, booking_id)
    return None if row is None else _change_of(row)


async def settle(
    tx: Transaction,
    change_id: UUID,
    state: ChangeState,
    now: datetime,
    *,
    payment_id: UUID | None = None,
) -> None:
    """End a pending change."""
    await tx.execute(_SETTLE, change_id, state.value, now, payment_id)


async def prolong(tx: Transaction, change_id: UUID, expires_at: datetime) -> None:
    """Hold a pending change's place until another instant."""
    await tx.execute(_PROLONG, change_id, expires_at)


async def lock_lapsed(tx: Transaction, venue_id: UUID, now: datetime) -> list[Booking]:
    """Bookings at a venue whose pending change has lapsed, locked; rivals' are left alone."""
    return [booking_of(row) for row in await tx.fetch(LAPSED, venue_id, now)]


async def guest_has_another(tx: Transaction, booking: Booking, place: Place) -> bool:
    """Whether the guest has another place in the session, where each guest has one."""
    found = await tx.fetchval(
        _HAS_ANOTHER, booking.id, place.session_id, place.policy.one_per_customer
    )
    return bool(found)


async def point_to(tx: Transaction, booking: Booking, change_id: UUID | None) -> None:
    """Say which change a locked booking waits for; its version rises by one.

    Raises:
        StaleBooking: the row is not at ``booking.version``.
    """
    await _update(tx, booking, {"change_id": change_id})


async def save_moved(tx: Transaction, before: Booking, after: Booking) -> None:
    """Write a locked booking at its new place; the ledger is written apart.

    Raises:
        StaleBooking: the row is not at ``before.version``.
        sqlalchemy.exc.IntegrityError: a rule of the database forbids it.
    """
    quote, occasion = after.quote, after.occasion
    await _update(
        tx,
        before,
        {
            "offering_id": after.offering_id,
            "session_id": after.session_id,
            "starts_at": occasion.starts_at,
            "ends_at": occasion.ends_at,
            "units": after.claim.units,
            "resource_ids": list(after.claim.resource_ids),
            "party_size": after.party_size,
            "quantities": dict(after.quantities),
            "lines": [asdict(line) for line in quote.lines],
            "amount_total": quote.total.amount_minor,
            "amount_due_now": quote.due_now.amount_minor,
            "amount_gift": quote.gift.amount_minor if quote.gift else 0,
            "amount_paid": after.paid.amount_minor,
            "amount_returned": after.returned_minor,
            "payment_status": after.payment_status.value,
            "payment_id": after.payment_id,
            "policy": orjson.loads(document_of(after.policy)),
            "payment_methods": list(after.payment_methods),
            "one_per_customer": after.policy.one_per_customer,
            "arrives_at": after.arrives_at,
            "guest_moves": after.guest_moves,
            "change_id": after.change_id,
        },
    )


async def change_tables(tx: Transaction, before: Booking, after: Booking) -> None:
    """Write a locked booking's other tables; the ledger is written apart.

    Raises:
        StaleBooking: the row is not at ``before.version``.
    """
    await _update(tx, before, {"resource_ids": list(after.claim.resource_ids)})


async def _update(tx: Transaction, before: Booking, values: dict[str, Any]) -> None:
    table = tables.bookings
    written = await tx.core(
        update(table)
        .where(table.c.id == before.id, table.c.version == before.version)
        .values(version=before.version + 1, **values)
    )
    if written.rowcount != 1:
        raise StaleBooking(f"booking {before.id} is not at version {before.version}")


def _document(place: Place) -> str:
    quote = place.quote
    return orjson.dumps(
        {
            "offering_id": str(place.offering_id),
            "session_id": str(place.session_id),
            "occasion": asdict(place.occasion),
            "units": place.claim.units,
            "resource_ids": [str(resource) for resource in place.claim.resource_ids],
            "party_size": place.party_size,
            "quantities": dict(place.quantities),
            "currency": quote.total.currency,
            "total": quote.total.amount_minor,
            "due_now": quote.due_now.amount_minor,
            "gift": quote.gift.amount_minor if quote.gift else None,
            "lines": [asdict(line) for line in quote.lines],
            "policy": document_of(place.policy),
            "payment_methods": list(place.payment_methods),
            "arrives_at": place.arrives_at,
        }
    ).decode()


def _change_of(row: asyncpg.Record) -> Change:
    return Change(
        id=row["id"],
        booking_id=row["booking_id"],
        state=ChangeState(row["state"]),
        by_guest=row["by_guest"],
        ledger_version=row["ledger_version"],
        due=Money(row["amount_due"], row["currency"]),
        expires_at=row["expires_at"],
        place=_place_of(orjson.loads(row["place"])),
    )


def _place_of(document: dict[str, Any]) -> Place:
    currency, gift, arrives_at = document["currency"], document["gift"], document["arrives_at"]
    occasion = document["occasion"]
    return Place(
        offering_id=UUID(document["offering_id"]),
        session_id=UUID(document["session_id"]),
        occasion=Occasion(
            **{
                **occasion,
                "starts_at": datetime.fromisoformat(occasion["starts_at"]),
                "ends_at": datetime.fromisoformat(occasion["ends_at"]),
            }
        ),
        claim=Claim(document["units"], tuple(UUID(one) for one in document["resource_ids"])),
        party_size=document["party_size"],
        quantities=document["quantities"],
        quote=Quote(
            total=Money(document["total"], currency),
            due_now=Money(document["due_now"], currency),
            lines=tuple(Line(**line) for line in document["lines"]),
            gift=None if gift is None else Money(gift, currency),
        ),
        policy=read_policy(document["policy"]),
        payment_methods=tuple(document["payment_methods"]),
        arrives_at=None if arrives_at is None else datetime.fromisoformat(arrives_at),
    )
