"""What guests and staff send about bookings."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from booking.api.bodies.fields import Locale, LocalTime
from booking.domain.inventory import LARGEST_PARTY
from chassis.http import Body

TierKey = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]


class Customer(Body):
    """The guest: one name, or given and family."""

    name: Annotated[str | None, Field(max_length=255, description="2 to 255 characters")] = None
    given: Annotated[str | None, Field(max_length=255)] = None
    family: Annotated[str | None, Field(max_length=255)] = None
    email: Annotated[str, Field(max_length=254)]
    phone: Annotated[
        str | None,
        Field(max_length=40, description="Without +country: of the organisation's country"),
    ] = None


class CreateBooking(Body):
    """A place to hold."""

    session_id: UUID
    party_size: Annotated[
        int | None, Field(ge=1, le=LARGEST_PARTY, description="1 unless quantities say otherwise")
    ] = None
    quantities: Annotated[
        dict[TierKey, Annotated[int, Field(ge=0, le=LARGEST_PARTY)]],
        Field(
            default_factory=dict,
            max_length=20,
            description="People by price tier",
            examples=[{"adult": 2}],
        ),
    ]
    resource_ids: Annotated[
        tuple[UUID, ...], Field(max_length=20, description="Tables, where there are any")
    ] = ()
    customer: Customer
    locale: Locale | None = None
    arrival_time: LocalTime | None = None
    special_requests: Annotated[str | None, Field(max_length=1000)] = None
    drinks_package: Annotated[str | None, Field(max_length=255)] = None
    source: Annotated[str | None, Field(pattern=r"^[a-z0-9_-]{1,32}$")] = None


class RescheduleBooking(Body):
    """What should be different; what is left out stays as it is."""

    session_id: UUID | None = None
    party_size: Annotated[int | None, Field(ge=1, le=LARGEST_PARTY)] = None
    quantities: Annotated[
        dict[TierKey, Annotated[int, Field(ge=0, le=LARGEST_PARTY)]] | None,
        Field(max_length=20, description="People by price tier"),
    ] = None
    resource_ids: Annotated[
        tuple[UUID, ...], Field(max_length=20, description="Other tables, where there are any")
    ] = ()
    arrival_time: LocalTime | None = None
    reason: Annotated[str | None, Field(max_length=500, description="Staff must give one")] = None

    @model_validator(mode="after")
    def _something(self) -> "RescheduleBooking":
        if not self.model_fields_set - {"reason"}:
            raise ValueError("say what should be different")
        return self


class CancelBooking(Body):
    """Why; staff must say."""

    reason: Annotated[str | None, Field(max_length=500)] = None
