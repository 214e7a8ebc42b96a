"""Bookings that were paid but got no place, and what became of their money."""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.money import Money
from booking.domain.recovery import RefundState, refund_state

if TYPE_CHECKING:
    import asyncpg

    from chassis.db import Transaction

REFUND_FAILED, REFUND_RETRIED = "booking.refund_failed", "booking.refund_retried"

# A booking has few lines in the audit log, and they are found by its id.
_SELECT = f"""
SELECT b.id, b.reference, b.display_name, b.sealed_contact, b.party_size, b.currency,
    b.amount_paid, b.amount_refunded, b.payment_id, b.status_at, b.starts_at, b.session_id,
    s.title, h.cause, h.refusal, h.refused_at, h.refunded_at,
    coalesce(h.last = '{REFUND_FAILED}', false)
        AND b.amount_unasked <= b.amount_refunded AS refused
FROM bookings b JOIN sessions s ON s.id = b.session_id
CROSS JOIN LATERAL (
    SELECT max(a.reason) FILTER (WHERE a.action = 'booking.unfulfillable') AS cause,
        (array_agg(a.action ORDER BY a.position DESC) FILTER (WHERE of_refund))[1] AS last,
        (array_agg(a.reason ORDER BY a.position DESC)
            FILTER (WHERE of_refund AND a.action = '{REFUND_FAILED}'))[1] AS refusal,
        max(a.at) FILTER (WHERE of_refund AND a.action = '{REFUND_FAILED}') AS refused_at,
        max(a.at) FILTER (WHERE a.action = 'booking.refunded') AS refunded_at
    FROM (SELECT *, action IN ('{REFUND_FAILED}', '{REFUND_RETRIED}')
            AND after ->> 'payment_id' = b.payment_id::text AS of_refund
          FROM audit WHERE entity_id = b.id) a
) h
"""
PAGE = f"{_SELECT} WHERE b.status = 'unfulfillable' AND b.id < $1 ORDER BY b.id DESC LIMIT $2"
ONE = f"{_SELECT} WHERE b.status = 'unfulfillable' AND b.id = $1"
_NEWEST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One of them. ``cause``: why there was no place; ``refusal``: why the last refund failed."""

    id: UUID
    reference: str
    name: str
    sealed_contact: str
    party_size: int
    session_id: UUID
    title: str
    starts_at: datetime
    failed_at: datetime
    cause: str
    payment_id: UUID | None
    paid: Money
    refunded: Money
    refund_state: RefundState
    refusal: str | None
    refused_at: datetime | None
    refunded_at: datetime | None


async def page(tx: Transaction, after: UUID | None, limit: int) -> list[Failure]:
    """Those booked before ``after``, the newest first."""
    return [_failure(row) for row in await tx.fetch(PAGE, after or _NEWEST, limit)]


async def of(tx: Transaction, booking_id: UUID) -> Failure | None:
    """One booking, if it is without a place."""
    row = await tx.fetchrow(ONE, booking_id)
    return None if row is None else _failure(row)


def _failure(row: asyncpg.Record) -> Failure:
    paid = Money(row["amount_paid"], row["currency"])
    refunded = Money(row["amount_refunded"], row["currency"])
    return Failure(
        id=row["id"],
        reference=row["reference"],
        name=row["display_name"],
        sealed_contact=row["sealed_contact"],
        party_size=row["party_size"],
        session_id=row["session_id"],
        title=row["title"],
        starts_at=row["starts_at"],
        failed_at=row["status_at"],
        cause=row["cause"] or "unknown",
        payment_id=row["payment_id"],
        paid=paid,
        refunded=refunded,
        refund_state=refund_state(paid, refunded, refused=row["refused"]),
        refusal=row["refusal"],
        refused_at=row["refused_at"],
        refunded_at=row["refunded_at"],
    )
