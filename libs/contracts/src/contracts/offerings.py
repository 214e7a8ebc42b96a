"""What the booking service publishes about its catalogue.

Ordering key: `offering_id`, sequence: the offering's version.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.message import Message
from contracts.values import Currency


class OfferedPrice(BaseModel):
    """A price that an offering has: for one person of a tier, or for a booking."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    key: str
    """Of the tier; `booking` or `deposit` where there are none."""
    label: str | None
    """For the guest; null where it is simply the price."""
    amount_minor: Annotated[int, Field(ge=0)]


class OfferingChanged(Message):
    """An offering was made or changed; carries its whole present state as far as it is sold."""

    TYPE: ClassVar[str] = "offering.changed.v1"

    offering_id: UUID
    org_id: UUID
    venue_id: UUID
    title: str
    description: str | None
    currency: Currency
    prices: tuple[OfferedPrice, ...]
    """Empty for what is free, and where a booking costs what its dishes cost."""
    payment_methods: tuple[str, ...]
    """In order of preference; empty for what is free."""
    status: str
    """`active`, or any other word: not sold any more."""
