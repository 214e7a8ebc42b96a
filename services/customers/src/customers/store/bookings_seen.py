"""What is known here of each booking: the guard that counts every fact once, in any order."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.db import Transaction
from customers.domain.standing import Money, Seen

# One statement that makes the row when it is missing and locks it either way: facts about one
# booking are noted one after the other, whichever workers they reach.
_LOCK = """
INSERT INTO bookings_seen AS seen (org_id, booking_id) VALUES ($1, $2)
ON CONFLICT (booking_id) DO UPDATE SET booking_id = seen.booking_id
RETURNING seen.*
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a booking's timeline, as this service saw it."""

    at: datetime
    type: str
    message_id: UUID
    summary: str
    data: dict[str, object]


async def lock(tx: Transaction, booking_id: UUID) -> Seen:
    row = await tx.fetchrow(_LOCK, tx.org_id, booking_id)
    if row is None:
        raise LookupError("locking a booking returned no row")
    return Seen(
        booking_id=booking_id,
        customer_id=row["customer_id"],
        confirmed_at=row["confirmed_at"],
        paid=_money(row, "paid"),
        cancelled_at=row["cancelled_at"],
        refunded=_money(row, "refunded"),
    )


async def confirmed(tx: Transaction, seen: Seen, *, by: UUID, resolved_by: UUID) -> None:
    """Note the confirmation; `by` is the message that told, `resolved_by` the one that answered."""
    await tx.execute(
        """UPDATE bookings_seen SET customer_id = $2, confirmed_at = $3, paid_minor = $4,
               paid_currency = $5, confirmed_by = $6, resolved_by = $7
           WHERE booking_id = $1""",
        seen.booking_id,
        seen.customer_id,
        seen.confirmed_at,
        seen.paid.amount_minor if seen.paid else None,
        seen.paid.currency if seen.paid else None,
        by,
        resolved_by,
    )


async def cancelled(tx: Transaction, seen: Seen, *, by: UUID) -> None:
    await tx.execute(
        "UPDATE bookings_seen SET cancelled_at = $2, cancelled_by = $3 WHERE booking_id = $1",
        seen.booking_id,
        seen.cancelled_at,
        by,
    )


async def refunded(tx: Transaction, seen: Seen, *, at: datetime, by: UUID) -> None:
    await tx.execute(
        """UPDATE bookings_seen SET refunded_minor = $2, refunded_currency = $3,
               refunded_at = $4, refunded_by = $5
           WHERE booking_id = $1""",
        seen.booking_id,
        seen.refunded.amount_minor if seen.refunded else None,
        seen.refunded.currency if seen.refunded else None,
        at,
        by,
    )


async def steps(tx: Transaction, booking_id: UUID) -> list[Step]:
    """What happened to a booking here, oldest first; empty when it was never heard of."""
    row = await tx.fetchrow("SELECT * FROM bookings_seen WHERE booking_id = $1", booking_id)
    if row is None:
        return []
    steps = []
    if row["confirmed_at"] is not None:
        steps.append(
            Step(
                at=row["confirmed_at"],
                type="customer.resolved.v1",
                message_id=row["resolved_by"],
                summary="The customer behind the booking is known; the booking is counted",
                data={"customer_id": row["customer_id"], "because_of": row["confirmed_by"]},
            )
        )
    if row["cancelled_at"] is not None:
        steps.append(
            Step(
                at=row["cancelled_at"],
                type="booking.cancelled.v1",
                message_id=row["cancelled_by"],
                summary="The cancellation is counted",
                data={},
            )
        )
    if row["refunded_at"] is not None:
        steps.append(
            Step(
                at=row["refunded_at"],
                type="payment.refunded.v1",
                message_id=row["refunded_by"],
                summary="What the customer spent is lowered by the refund",
                data={
                    "refunded": {
                        "amount_minor": row["refunded_minor"],
                        "currency": row["refunded_currency"],
                    }
                },
            )
        )
    return sorted(steps, key=lambda step: step.at)


def _money(row: asyncpg.Record, name: str) -> Money | None:
    amount = row[f"{name}_minor"]
    return None if amount is None else Money(amount, row[f"{name}_currency"])
