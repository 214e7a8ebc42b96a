"""What fields of several bodies have in common."""

import datetime as dt
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field

from booking.domain.edits import UNSET
from chassis.http import Body

Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
Title = Annotated[
    str,
    Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$"),
]
Description = Annotated[str, Field(min_length=1, max_length=2000)]
Link = Annotated[
    str,
    Field(
        max_length=500,
        pattern=r"^https?://[^\s\x00-\x20/?#@\\<>\"]+([/?#][^\s\x00-\x20<>\"]*)?$",
        examples=["https://example.com/tickets"],
        description="An http or https address",
    ),
]
Email = Annotated[str, Field(max_length=254)]
Phone = Annotated[str, Field(max_length=40)]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$", examples=["en"])]
LocalTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:30"])]


def _in_utc(value: dt.datetime) -> dt.datetime:
    try:
        return value.astimezone(dt.UTC)
    except OverflowError as beyond:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from beyond


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]


def time_of(text: str) -> dt.time:
    """The time in a ``LocalTime``."""
    return dt.time.fromisoformat(text)


def optional() -> Any:
    """The default of a field that an edit may leave out; then it is not among what was sent."""
    return Field(default_factory=lambda: UNSET)


ReadVersion = Annotated[
    int | None,
    Field(ge=1, le=2**31 - 1, description="The version you read; refused if it has changed since"),
]


class Edit(Body):
    """What to change: fields left out stay as they are, null clears what may be empty."""

    version: ReadVersion = None

    def sent(self) -> dict[str, Any]:
        """The fields that were sent, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}
