"""The kinds of value that messages share."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as beyond:
        raise ValueError("instant lies outside years 1 to 9999 in UTC") from beyond


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment in time: RFC 3339 on the wire, always normalised to UTC; a naive datetime is refused."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code."""

Sealed = Annotated[str, Field(min_length=1)]
"""Personal data encrypted as one object; only services that hold the contact keys can open it."""


class Money(BaseModel):
    """An amount of one currency, in its minor unit (pence, cents, öre). Never negative."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", hide_input_in_errors=True, title="Money"
    )

    # Above 2**53 - 1 a JSON reader that uses doubles would round the amount.
    amount_minor: Annotated[int, Field(ge=0, le=2**53 - 1)]
    currency: Currency
