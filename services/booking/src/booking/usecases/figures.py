"""The figures on the front desk's first page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from booking.domain import periods
from booking.domain.refusals import Fault, InvalidRequest
from booking.domain.schedule import zone
from booking.store import figures
from booking.store.figures import Counted, Period

if TYPE_CHECKING:
    from uuid import UUID

    from booking.store.figures import Instant
    from chassis.db import Transaction

_PERIODS = {
    "today": periods.today,
    "this_week": periods.this_week,
    "this_month": periods.this_month,
}


@dataclass(frozen=True, slots=True)
class Figures:
    """One period: what takes place in it, what was booked in it, and what was paid, by currency."""

    taking_place: Counted
    made: Counted
    revenue: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TrendDay:
    """One day of the trend."""

    day: date
    counted: Counted


async def dashboard(tx: Transaction, venue_id: UUID | None) -> dict[str, Figures]:
    """Figures of today, this week and this month, each venue by its own clock (ADM-01, F-40).

    Raises:
        InvalidRequest: there is no such venue.
    """
    zones = await _zones(tx, venue_id)
    now = await tx.now()
    wanted = [
        Period(venue, label, span_of(now, zone(name)))
        for venue, name in zones.items()
        for label, span_of in _PERIODS.items()
    ]
    begin = await figures.count(tx, "starts_at", wanted)
    made = await figures.count(tx, "created_at", wanted)
    revenue = await figures.revenue(tx, wanted)
    return {
        label: Figures(
            begin.get(label, Counted()), made.get(label, Counted()), revenue.get(label, {})
        )
        for label in _PERIODS
    }


async def trend(tx: Transaction, count: int, by: Instant, venue_id: UUID | None) -> list[TrendDay]:
    """Bookings of each of the last ``count`` days, today last, days without any included (ADM-07).

    Days are each venue's own; today is the first venue's.

    Raises:
        InvalidRequest: there is no such venue.
    """
    zones = await _zones(tx, venue_id)
    if not zones:
        return []
    now = await tx.now()
    today = now.astimezone(zone(next(iter(zones.values())))).date()
    days = [today - timedelta(days=back) for back in reversed(range(count))]
    wanted = [
        Period(venue, day.isoformat(), periods.days(day, 1, zone(name)))
        for venue, name in zones.items()
        for day in days
    ]
    counted = await figures.count(tx, by, wanted)
    return [TrendDay(day, counted.get(day.isoformat(), Counted())) for day in days]


async def _zones(tx: Transaction, venue_id: UUID | None) -> dict[UUID, str]:
    zones = await figures.zones(tx, venue_id)
    if venue_id is not None and not zones:
        raise InvalidRequest(Fault("venue_id", "there is no such venue"))
    return zones
