"""What staff send about organisations, venues and tables."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from booking.api.bodies.fields import Locale, Slug, Title
from booking.domain.catalogue import ListingStatus, OrganisationStatus
from booking.domain.inventory import LARGEST_PARTY
from chassis.http import Body

Seats = Annotated[int, Field(ge=1, le=LARGEST_PARTY)]
Features = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=50)], ...], Field(max_length=20)
]


class CreateOrganisation(Body):
    """A new tenant."""

    slug: Slug
    name: Title
    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["GB"])]
    locale: Locale = "en"
    reference_template: Annotated[
        str, Field(max_length=30, description="X: a random character; {YYYY}: the year")
    ] = "BK-XXXXXX-XXXX"


class EditOrganisation(Body):
    """What to change."""

    name: Title | None = None
    status: OrganisationStatus | None = None


class CreateVenue(Body):
    """A place in a time zone."""

    slug: Slug
    name: Title
    timezone: Annotated[str, Field(max_length=64, examples=["Europe/London"])]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["GBP"])]
    locale: Locale | None = None
    contact_email: Annotated[str | None, Field(max_length=254)] = None
    contact_phone: Annotated[str | None, Field(max_length=40)] = None
    statement_descriptor: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9 .&/-]{5,22}$", examples=["EXAMPLE HALL"])
    ] = None


class EditVenue(Body):
    """What to change."""

    name: Title | None = None
    locale: Locale | None = None
    contact_email: Annotated[str | None, Field(max_length=254)] = None
    contact_phone: Annotated[str | None, Field(max_length=40)] = None
    statement_descriptor: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9 .&/-]{5,22}$")] = None
    status: ListingStatus | None = None


class AddResource(Body):
    """A table."""

    venue_id: UUID
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    label: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    floor: Annotated[str | None, Field(min_length=1, max_length=20)] = None
    seats_min: Seats
    seats_max: Seats
    features: Features = ()
    vip: bool = False
    description: Annotated[str | None, Field(max_length=2000)] = None


class EditResource(Body):
    """What to change."""

    label: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    floor: Annotated[str | None, Field(min_length=1, max_length=20)] = None
    seats_min: Seats | None = None
    seats_max: Seats | None = None
    features: Features | None = None
    vip: bool | None = None
    description: Annotated[str | None, Field(max_length=2000)] = None
    status: ListingStatus | None = None
