"""A customer as staff see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from customers.domain.matching import Kind
from customers.domain.standing import Money


@dataclass(frozen=True, slots=True)
class Name:
    """How a person is called; `display` is what they typed when it was one field."""

    given: str
    family: str
    display: str


class Status(StrEnum):
    """How staff decided that a customer stands (CUS-17)."""

    ACTIVE = "active"
    INACTIVE = "inactive"  # put aside by staff; nothing is refused
    BLOCKED = "blocked"  # further bookings are refused


@dataclass(frozen=True, slots=True)
class Customer:
    """One person of one organisation; identifiers are (kind, sealed value)."""

    id: UUID
    name: Name
    identifiers: tuple[tuple[Kind, str], ...]
    status: Status
    notes: str
    version: int
    total_bookings: int
    cancellations: int
    visits: int
    completed: int
    no_shows: int
    spend: tuple[Money, ...]
    first_booking_at: datetime | None
    last_booking_at: datetime | None
    last_visit_at: datetime | None
    last_no_show_at: datetime | None
    last_activity_at: datetime | None
    created_at: datetime
