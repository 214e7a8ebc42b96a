"""What staff say about tables that the house gives out."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from booking.api.bodies.bookings import ChosenTime
from booking.api.bodies.fields import ReadVersion
from booking.domain.inventory import LARGEST_PARTY
from chassis.http import Body


class ExplainTime(ChosenTime):
    """A party at a time."""

    party_size: Annotated[int, Field(ge=1, le=LARGEST_PARTY)]

    @model_validator(mode="after")
    def _some_time(self) -> "ExplainTime":
        if self.start is None:
            raise ValueError("name a time")
        return self


class ChangeTables(Body):
    """All the tables that the party shall have; any of the venue's that seat it together."""

    resource_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=20)]
    reason: Annotated[str | None, Field(max_length=500)] = None
    version: ReadVersion = None
