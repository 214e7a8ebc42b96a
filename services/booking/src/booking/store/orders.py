"""What bookings order from the menu, and what the kitchen makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from booking.domain.ordering import Dish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from booking.domain.booking import Booking
    from chassis.db import Transaction

_ADD = """
INSERT INTO booking_items
    (booking_id, position, org_id, menu_item_id, label, quantity, unit_minor, note, whom)
SELECT $1::uuid, dish.position, $2::uuid, dish.id, dish.label, dish.quantity, dish.unit_minor,
    dish.note, dish.whom
FROM unnest($3::uuid[], $4::text[], $5::integer[], $6::bigint[], $7::text[], $8::text[])
    WITH ORDINALITY AS dish (id, label, quantity, unit_minor, note, whom, position)
"""
_CLEAR = "DELETE FROM booking_items WHERE booking_id = $1"
OF_BOOKING = """
SELECT menu_item_id, label, quantity, unit_minor, note, whom FROM booking_items
WHERE booking_id = $1 ORDER BY position
"""
_REPRICE = """
UPDATE booking_items i SET unit_minor = line.unit_minor, label = line.label
FROM bookings b, jsonb_to_recordset(b.lines) AS line (key text, label text, unit_minor bigint)
WHERE b.id = $1 AND i.booking_id = b.id AND line.key = 'dish:' || i.menu_item_id
"""
_CHANGE = """
UPDATE bookings SET version = version + 1, amount_total = $3, lines = $4::text::jsonb,
    allergies = $5
WHERE id = $1 AND version = $2
"""

# Only bookings that the kitchen cooks for; the index holds no others.
_COOKED = """
b.session_id = $1 AND (b.allergies <> '{}' OR b.lines @? '$[*] ? (@.key starts with "dish:")')
    AND b.status IN ('confirmed', 'checked_in', 'completed')
"""
TOTALS = f"""
SELECT i.menu_item_id, i.label, sum(i.quantity)::integer AS quantity
FROM bookings b JOIN booking_items i ON i.booking_id = b.id
WHERE {_COOKED}
GROUP BY i.menu_item_id, i.label ORDER BY i.label, i.menu_item_id
"""  # noqa: S608 - constants
KITCHEN = f"""
SELECT b.id, b.reference, b.starts_at, b.party_size, b.display_name, b.allergies,
    coalesce((SELECT jsonb_agg(jsonb_build_object('menu_item_id', i.menu_item_id,
            'label', i.label, 'quantity', i.quantity, 'note', i.note, 'whom', i.whom)
            ORDER BY i.position)
        FROM booking_items i WHERE i.booking_id = b.id), '[]')::text AS dishes
FROM bookings b
WHERE {_COOKED} AND (b.starts_at, b.id) > ($2::timestamptz, $3::uuid)
ORDER BY b.starts_at, b.id LIMIT $4
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class DishTotal:
    """How many of a dish a session's parties have ordered."""

    menu_item_id: UUID
    label: str
    quantity: int


@dataclass(frozen=True, slots=True)
class OrderedDish:
    """A dish of one party, without its price."""

    menu_item_id: UUID
    label: str
    quantity: int
    note: str | None
    whom: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What the kitchen must know of one party."""

    booking_id: UUID
    reference: str
    starts_at: datetime
    party_size: int
    name: str
    allergies: tuple[str, ...]
    dishes: tuple[OrderedDish, ...]


async def add(tx: Transaction, booking: Booking, dishes: Sequence[Dish]) -> None:
    """Write what a booking orders."""
    await tx.execute(
        _ADD,
        booking.id,
        booking.org_id,
        [dish.menu_item_id for dish in dishes],
        [dish.label for dish in dishes],
        [dish.quantity for dish in dishes],
        [dish.unit_minor for dish in dishes],
        [dish.note for dish in dishes],
        [dish.whom for dish in dishes],
    )


async def of_booking(tx: Transaction, booking: Booking) -> list[Dish]:
    """What a booking orders; no query when it orders nothing."""
    if not booking.quote.has_dishes():
        return []
    return [Dish(**row) for row in await tx.fetch(OF_BOOKING, booking.id)]


async def change(tx: Transaction, before: Booking, after: Booking, dishes: Sequence[Dish]) -> None:
    """Replace the order of a locked booking, with its price and its allergies.

    ``after.version`` is one more than ``before.version``.
    """
    await tx.execute(
        _CHANGE,
        after.id,
        before.version,
        after.quote.total.amount_minor,
        orjson.dumps(after.quote.lines).decode(),
        after.allergies,
    )
    await tx.execute(_CLEAR, after.id)
    await add(tx, after, dishes)


async def reprice(tx: Transaction, booking: Booking) -> None:
    """Set what a booking's dishes cost to what its frozen price says."""
    await tx.execute(_REPRICE, booking.id)


async def totals(tx: Transaction, session_id: UUID) -> list[DishTotal]:
    """How many of each dish a session needs, by name."""
    return [DishTotal(**row) for row in await tx.fetch(TOTALS, session_id)]


async def tickets(
    tx: Transaction, session_id: UUID, *, after: tuple[datetime, UUID], limit: int
) -> list[Ticket]:
    """The session's parties with dishes or allergies, by the time they come."""
    return [
        Ticket(
            booking_id=row["id"],
            reference=row["reference"],
            starts_at=row["starts_at"],
            party_size=row["party_size"],
            name=row["display_name"],
            allergies=tuple(row["allergies"]),
            dishes=tuple(
                OrderedDish(**{**dish, "menu_item_id": UUID(dish["menu_item_id"])})
                for dish in orjson.loads(row["dishes"])
            ),
        )
        for row in await tx.fetch(KITCHEN, session_id, *after, limit)
    ]
