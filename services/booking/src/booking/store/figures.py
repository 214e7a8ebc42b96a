"""Counts and sums. Amounts of different currencies are never added (F-40)."""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from booking.domain.lifecycle import Status
from booking.domain.periods import Span
from booking.store.receipts import COUNTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chassis.db import Transaction

KEPT = (Status.CONFIRMED, Status.CHECKED_IN, Status.COMPLETED, Status.NO_SHOW)
"""Bookings that count: places that were sold, not those still waiting or given back."""

Instant = Literal["starts_at", "created_at"]

# One range of an index for each venue and period: what lies outside is not looked at.
_PERIODS = """unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
    AS p (venue_id, label, since, until)"""
COUNT = """
SELECT p.label, count(*) AS bookings, sum(b.party_size) AS guests
FROM {periods} JOIN bookings b
    ON b.venue_id = p.venue_id AND b.{instant} >= p.since AND b.{instant} < p.until
WHERE b.status = ANY($5::text[])
GROUP BY p.label
"""
# A refund lowers the day on which its payment came, so no day's figure is ever below nothing.
REVENUE = f"""
SELECT p.label, r.currency, sum(r.amount_minor - r.refunded_minor)::bigint AS net
FROM {_PERIODS} JOIN receipts r ON r.received_at >= p.since AND r.received_at < p.until
JOIN bookings b ON b.id = r.booking_id AND b.venue_id = p.venue_id
WHERE r.outcome = $5 AND b.status <> 'unfulfillable'
GROUP BY p.label, r.currency ORDER BY p.label, r.currency
"""
_VENUES = """
SELECT id, timezone FROM venues WHERE $1::uuid IS NULL OR id = $1 ORDER BY created_at, id
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """So many bookings, of so many people."""

    bookings: int = 0
    guests: int = 0


@dataclass(frozen=True, slots=True)
class Period:
    """A venue's own span of time, and the name under which it is added to other venues'."""

    venue_id: UUID
    label: str
    span: Span


async def zones(tx: Transaction, venue_id: UUID | None) -> dict[UUID, str]:
    """The time zone of each venue, or of one; the oldest venue first."""
    return {row["id"]: row["timezone"] for row in await tx.fetch(_VENUES, venue_id)}


async def count(
    tx: Transaction, instant: Instant, periods: Sequence[Period]
) -> Mapping[str, Counted]:
    """Bookings that begin (``starts_at``) or were made (``created_at``) in each period."""
    rows = await tx.fetch(
        COUNT.format(periods=_PERIODS, instant=instant), *_columns(periods), list(KEPT)
    )
    return {row["label"]: Counted(row["bookings"], row["guests"]) for row in rows}


async def revenue(tx: Transaction, periods: Sequence[Period]) -> Mapping[str, Mapping[str, int]]:
    """What was paid in each period less what of it went back, by currency, in minor units."""
    found: dict[str, dict[str, int]] = {}
    for row in await tx.fetch(REVENUE, *_columns(periods), COUNTED):
        found.setdefault(row["label"], {})[row["currency"]] = row["net"]
    return found


def _columns(periods: Sequence[Period]) -> tuple[list[object], ...]:
    return (
        [period.venue_id for period in periods],
        [period.label for period in periods],
        [period.span.since for period in periods],
        [period.span.until for period in periods],
    )
