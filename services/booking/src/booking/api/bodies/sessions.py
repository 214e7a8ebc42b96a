"""What staff send about sessions."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from booking.api.bodies.fields import (
    Description,
    Edit,
    Instant,
    Link,
    LocalTime,
    Title,
    optional,
    time_of,
)
from booking.domain.catalogue import Announcement, SessionStatus
from booking.domain.inventory import LARGEST_CAPACITY
from booking.usecases.open_session import Instants, LocalTimes
from chassis.http import Body

_TIMES = frozenset({"starts_at", "ends_at", "date", "start_time", "end_time"})
Capacity = Annotated[int, Field(ge=1, le=LARGEST_CAPACITY)]
Tables = Annotated[tuple[UUID, ...], Field(max_length=500)]


class _When(Body):
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    date: dt.date | None = None
    start_time: LocalTime | None = None
    end_time: Annotated[
        LocalTime | None, Field(description="Not after start_time: on the next day")
    ] = None

    @model_validator(mode="after")
    def _one_form(self) -> "_When":
        instants = [self.starts_at, self.ends_at]
        local = [self.date, self.start_time, self.end_time]
        if any(instants) and any(local):
            raise ValueError("give starts_at and ends_at, or date, start_time and end_time")
        if (any(instants) and not all(instants)) or (any(local) and not all(local)):
            raise ValueError("the time is incomplete")
        return self

    def when(self) -> Instants | LocalTimes | None:
        """When it takes place, if that was said."""
        if self.starts_at is not None and self.ends_at is not None:
            return Instants(starts_at=self.starts_at, ends_at=self.ends_at)
        if self.date is None or self.start_time is None or self.end_time is None:
            return None
        return LocalTimes(
            date=self.date, start_time=time_of(self.start_time), end_time=time_of(self.end_time)
        )


class OpenSession(_When):
    """A dated session: instants, or a local date with times at the venue."""

    offering_id: UUID
    title: Title | None = None
    description: Description | None = None
    image_url: Link | None = None
    ticket_url: Link | None = None
    capacity: Capacity | None = None
    resource_ids: Tables | None = None

    def announcement(self) -> Announcement:
        """How it is announced."""
        return Announcement(
            description=self.description, image_url=self.image_url, ticket_url=self.ticket_url
        )


class EditSession(_When, Edit):
    """What to change; `resource_ids` are all the tables that it offers from now on."""

    title: Title = optional()
    description: Description | None = optional()
    image_url: Link | None = optional()
    ticket_url: Link | None = optional()
    capacity: Capacity = optional()
    resource_ids: Tables = optional()
    status: SessionStatus = optional()

    def sent(self) -> dict[str, Any]:
        """The fields that were sent, by name, the time as one."""
        fields = {name: sent for name, sent in super().sent().items() if name not in _TIMES}
        when = self.when()
        return fields if when is None else {**fields, "when": when}
