"""What is known here of each booking: the guard that counts every fact once, in any order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from chassis.db import Transaction
from customers.domain.attendance import Attendance, Outcome, Said
from customers.domain.standing import Money, Refunded, Seen

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
        refunds=_refunds(row),
        attendance=_attendance(row),
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


async def refunded(tx: Transaction, seen: Seen, *, at: datetime, kind: str, by: UUID) -> None:
    """Note what went back; `kind` is the message that told."""
    await tx.execute(
        """UPDATE bookings_seen SET refunded_minor = $2, refunded_currency = $3,
               refunded_at = $4, refunded_type = $5, refunded_by = $6, refunds = $7::text::jsonb,
               refund_versions = $8::text::jsonb
           WHERE booking_id = $1""",
        seen.booking_id,
        seen.refunded.amount_minor if seen.refunded else None,
        seen.refunded.currency if seen.refunded else None,
        at,
        kind,
        by,
        _document({str(payment): one.total.amount_minor for payment, one in seen.refunds.items()}),
        _document({str(payment): one.version for payment, one in seen.refunds.items()}),
    )


async def attended(
    tx: Transaction, seen: Seen, *, starts_at: datetime | None, at: datetime, kind: str, by: UUID
) -> None:
    """Note how the visit stands; `kind` is the message that told."""
    said = seen.attendance.said
    await tx.execute(
        """UPDATE bookings_seen SET attendance = $2::text::jsonb, visited = $3, missed = $4,
               starts_at = coalesce($5, starts_at), attended_at = $6, attended_type = $7,
               attended_by = $8
           WHERE booking_id = $1""",
        seen.booking_id,
        _document({outcome: [each.version, each.holds] for outcome, each in said.items()}),
        seen.attendance.visited,
        seen.attendance.missed,
        starts_at,
        at,
        kind,
        by,
    )


async def rescheduled(tx: Transaction, seen: Seen, *, at: datetime, by: UUID) -> None:
    await tx.execute(
        """UPDATE bookings_seen SET paid_minor = $2, paid_currency = $3,
               rescheduled_at = greatest(rescheduled_at, $4),
               rescheduled_by = CASE WHEN rescheduled_at > $4 THEN rescheduled_by ELSE $5 END
           WHERE booking_id = $1""",
        seen.booking_id,
        seen.paid.amount_minor if seen.paid else None,
        seen.paid.currency if seen.paid else None,
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
    if row["rescheduled_at"] is not None:
        steps.append(
            Step(
                at=row["rescheduled_at"],
                type="booking.rescheduled.v1",
                message_id=row["rescheduled_by"],
                summary="The booking moved; it is counted once all the same",
                data={},
            )
        )
    if row["attended_at"] is not None:
        steps.append(
            Step(
                at=row["attended_at"],
                type=row["attended_type"],
                message_id=row["attended_by"],
                summary="How the visit went is counted",
                data={"visited": row["visited"], "no_show": row["missed"]},
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
                type=row["refunded_type"],
                message_id=row["refunded_by"],
                summary="What the customer spent is lowered by what is refunded now",
                data={
                    "refunded": {
                        "amount_minor": row["refunded_minor"],
                        "currency": row["refunded_currency"],
                    }
                },
            )
        )
    return sorted(steps, key=lambda step: step.at)


def _refunds(row: asyncpg.Record) -> Mapping[UUID, Refunded]:
    totals: dict[str, int] = row["refunds"]
    versions: dict[str, int] = row["refund_versions"]
    return {
        UUID(payment): Refunded(Money(n, row["refunded_currency"]), versions.get(payment, 0))
        for payment, n in totals.items()
    }


def _attendance(row: asyncpg.Record) -> Attendance:
    said: dict[Outcome, tuple[int, bool]] = row["attendance"]
    return Attendance({outcome: Said(*each) for outcome, each in said.items()})


def _document(facts: Mapping[str, object]) -> str:
    return orjson.dumps(facts).decode()


def _money(row: asyncpg.Record, name: str) -> Money | None:
    amount = row[f"{name}_minor"]
    return None if amount is None else Money(amount, row[f"{name}_currency"])
