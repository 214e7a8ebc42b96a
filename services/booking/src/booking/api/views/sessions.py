"""Sessions, and what is left of them: no trace of who has it."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from booking.api.views.shared import Money
from booking.domain.schedule import zone

if TYPE_CHECKING:
    from booking.domain.catalogue import Venue
    from booking.domain.money import Money as DomainMoney
    from booking.store.sessions import SessionView


class Session(BaseModel):
    """A session; `capacity` and `remaining` are null where tables are sold.

    `origin` is `rule` while the offering's schedule keeps it, `manual` once staff do.
    """

    id: UUID
    offering_id: UUID
    title: str
    description: str | None
    image_url: str | None
    ticket_url: str | None
    starts_at: datetime
    ends_at: datetime
    status: str
    origin: str
    capacity: int | None
    remaining: int | None
    version: int

    @classmethod
    def of(cls, view: SessionView) -> Session:
        return cls(**_shown(view))


class SessionOnSale(Session):
    """A session as guests find it: by the venue's clock, with the least that a place costs."""

    timezone: str
    date: date
    start_time: str
    end_time: str
    price: Money | None

    @classmethod
    def at(cls, view: SessionView, venue: Venue, price: DomainMoney | None) -> SessionOnSale:
        """The session where it takes place."""
        tz = zone(venue.timezone)
        starts_at, ends_at = view.session.starts_at.astimezone(tz), view.session.ends_at
        return cls(
            **_shown(view),
            timezone=venue.timezone,
            date=starts_at.date(),
            start_time=f"{starts_at:%H:%M}",
            end_time=f"{ends_at.astimezone(tz):%H:%M}",
            price=Money.maybe(price),
        )


def _shown(view: SessionView) -> dict[str, Any]:
    session, announcement = view.session, view.announcement
    return {
        "id": session.id,
        "offering_id": session.offering_id,
        "title": session.title,
        "description": announcement.description,
        "image_url": announcement.image_url,
        "ticket_url": announcement.ticket_url,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "status": session.status,
        "origin": session.origin,
        "capacity": session.capacity,
        "remaining": view.remaining,
        "version": session.version,
    }


class Table(BaseModel):
    """A table of a session and whether it is to be had: available, pending or booked."""

    resource_id: UUID
    number: int
    label: str
    floor: str | None
    seats_min: int
    seats_max: int
    features: list[str]
    vip: bool
    status: str


class Availability(BaseModel):
    """What is left: places, or tables one by one."""

    session_id: UUID
    status: str
    starts_at: datetime
    ends_at: datetime
    capacity: int | None
    remaining: int | None
    tables: list[Table]


class SessionLeft(Availability):
    """A session of the day, and what is left of it."""

    title: str


class StartLeft(BaseModel):
    """A start that guests may choose; `reason`: the rule that says no to such a party then.

    COVERS, PACING or TABLES: full by that rule; or the code of a refusal.
    """

    session_id: UUID
    date: date
    time: Annotated[str, Field(description="By the venue's clock")]
    starts_at: datetime
    ends_at: datetime
    available: bool
    reason: str | None


class ClosedDay(BaseModel):
    """Why there is no start at all."""

    reason: str
    message: str


class WantedTime(BaseModel):
    """The wanted time, and when it is not free what is near: up to three each."""

    starts_at: datetime
    available: bool
    reason: str | None
    message: str | None
    before: list[StartLeft]
    after: list[StartLeft]
    other_days: list[StartLeft]


class DayAvailability(BaseModel):
    """The sessions that begin on one day at the venue, by start.

    Where the house assigns tables: `starts` for a party of `party_size` instead.
    """

    offering_id: UUID
    date: date
    timezone: str
    sessions: list[SessionLeft]
    party_size: int | None = None
    starts: list[StartLeft] | None = None
    closed: ClosedDay | None = None
    wanted: WantedTime | None = None
