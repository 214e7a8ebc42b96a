"""What staff send about sessions."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from booking.api.bodies.fields import Instant, LocalTime, Title, time_of
from booking.domain.catalogue import SessionStatus
from booking.domain.inventory import LARGEST_CAPACITY
from booking.usecases.open_session import Instants, LocalTimes
from chassis.http import Body


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
    capacity: Annotated[int | None, Field(ge=1, le=LARGEST_CAPACITY)] = None
    resource_ids: Annotated[tuple[UUID, ...] | None, Field(max_length=500)] = None


class EditSession(_When):
    """What to change."""

    title: Title | None = None
    capacity: Annotated[int | None, Field(ge=1, le=LARGEST_CAPACITY)] = None
    status: SessionStatus | None = None
