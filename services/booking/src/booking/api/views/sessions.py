"""Sessions, and what is left of them: no trace of who has it."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel

if TYPE_CHECKING:
    from booking.store.sessions import SessionView


class Session(BaseModel):
    """A dated session; `capacity` and `remaining` are null where tables are sold."""

    id: UUID
    offering_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    status: str
    capacity: int | None
    remaining: int | None

    @classmethod
    def of(cls, view: SessionView) -> Session:
        session = view.session
        return cls(
            id=session.id,
            offering_id=session.offering_id,
            title=session.title,
            starts_at=session.starts_at,
            ends_at=session.ends_at,
            status=session.status,
            capacity=session.capacity,
            remaining=view.remaining,
        )


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


class DayAvailability(BaseModel):
    """The sessions that begin on one day at the venue, by start."""

    offering_id: UUID
    date: date
    timezone: str
    sessions: list[SessionLeft]
