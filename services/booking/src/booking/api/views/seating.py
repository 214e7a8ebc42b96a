"""Tables, for staff: whose they are and what speaks against them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from booking.domain.explaining import Arrivals, Considered
    from booking.usecases.explain import Explanation as Explained


class Holder(BaseModel):
    """A booking that has a table at the wanted time."""

    booking_id: UUID
    reference: str | None


class ConsideredTable(BaseModel):
    """A table, and what speaks against it by itself: taken, vip, too_small, too_large or nothing.

    One that is only too small may do together with others of its `join_group`.
    """

    resource_id: UUID
    number: int
    seats_min: int
    seats_max: int
    join_group: str | None
    priority: int
    against: str | None
    taken_by: list[Holder]

    @classmethod
    def of(cls, one: Considered, references: dict[UUID, str]) -> ConsideredTable:
        table = one.table
        return cls(
            resource_id=table.id,
            number=table.number,
            seats_min=table.seats.fewest,
            seats_max=table.seats.most,
            join_group=table.group,
            priority=table.priority,
            against=one.against,
            taken_by=[
                Holder(booking_id=holder, reference=references.get(holder))
                for holder in one.holders
            ],
        )


class PacedArrivals(BaseModel):
    """Covers that arrive in the interval that begins at `slot`; `limit` null: none."""

    slot: datetime
    covers: int
    limit: int | None

    @classmethod
    def of(cls, arrivals: Arrivals) -> PacedArrivals:
        return cls(slot=arrivals.slot, covers=arrivals.covers, limit=arrivals.limit)


class Explanation(BaseModel):
    """What a hold would come to now: refused for `reason`, or given `resource_ids`.

    `covers`, `limit`: of the whole session.
    """

    allowed: bool
    reason: str | None
    message: str | None
    session_id: UUID | None
    starts_at: datetime | None
    ends_at: datetime | None
    resource_ids: list[UUID]
    tables: list[ConsideredTable]
    pacing: PacedArrivals | None
    covers: int | None
    limit: int | None

    @classmethod
    def of(cls, found: Explained) -> Explanation:
        covers, limit = found.covers or (None, None)
        return cls(
            allowed=found.reason is None,
            reason=found.reason,
            message=found.message,
            session_id=found.session_id,
            starts_at=found.span.starts_at if found.span else None,
            ends_at=found.span.ends_at if found.span else None,
            resource_ids=list(found.tables),
            tables=[ConsideredTable.of(one, found.references) for one in found.considered],
            pacing=PacedArrivals.of(found.arrivals) if found.arrivals else None,
            covers=covers,
            limit=limit,
        )


class TablesChanged(BaseModel):
    """The tables that the party has now."""

    booking_id: UUID
    version: int
    resource_ids: list[UUID]

    @classmethod
    def of(cls, booking: Booking) -> TablesChanged:
        return cls(
            booking_id=booking.id,
            version=booking.version,
            resource_ids=list(booking.claim.resource_ids),
        )
