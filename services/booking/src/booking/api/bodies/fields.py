"""What fields of several bodies have in common."""

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
Title = Annotated[
    str,
    Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$"),
]
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
