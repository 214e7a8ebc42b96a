"""What staff send about organisations, venues and tables."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from booking.api.bodies.fields import (
    Description,
    Edit,
    Email,
    Link,
    Locale,
    Phone,
    Slug,
    Title,
    optional,
)
from booking.api.bodies.theme import Theme
from booking.domain.catalogue import ListingStatus, OrganisationStatus
from booking.domain.inventory import LARGEST_PARTY
from chassis.http import Body

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["GB"])]
ReferenceTemplate = Annotated[
    str, Field(max_length=30, description="X: a random character; {YYYY}: the year")
]
Timezone = Annotated[str, Field(max_length=64, examples=["Europe/London"])]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["GBP"])]
Descriptor = Annotated[str, Field(pattern=r"^[A-Za-z0-9 .&/-]{5,22}$", examples=["EXAMPLE HALL"])]
BillingCountries = Annotated[
    tuple[Country, ...],
    Field(
        max_length=50,
        description="Countries whose cards are asked for, by billing address; none: any",
    ),
]
Address = Annotated[str, Field(min_length=1, max_length=500)]
Seats = Annotated[int, Field(ge=1, le=LARGEST_PARTY)]
Label = Annotated[str, Field(min_length=1, max_length=100)]
Floor = Annotated[str, Field(min_length=1, max_length=20)]
Features = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=50)], ...], Field(max_length=20)
]
JoinGroup = Annotated[
    str, Field(min_length=1, max_length=50, description="Tables of one group can be put together")
]
Priority = Annotated[
    int, Field(ge=0, le=10_000, description="Of tables that fit, the lower is given out first")
]


class CreateOrganisation(Body):
    """A new tenant."""

    slug: Slug
    name: Title
    default_country: Country
    locale: Locale = "en"
    reference_template: ReferenceTemplate = "BK-XXXXXX-XXXX"


class EditOrganisation(Edit):
    """What to change; only operators change the status."""

    name: Title = optional()
    status: OrganisationStatus = optional()
    default_country: Country = optional()
    locale: Locale = optional()
    reference_template: ReferenceTemplate = optional()


class CreateVenue(Body):
    """A place in a time zone."""

    slug: Slug
    name: Title
    timezone: Timezone
    currency: Currency
    locale: Locale | None = None
    contact_email: Email | None = None
    contact_phone: Phone | None = None
    address: Address | None = None
    manager_email: Email | None = None
    kitchen_email: Email | None = None
    review_url: Link | None = None
    statement_descriptor: Descriptor | None = None
    billing_countries: BillingCountries = ()
    theme: Theme = Theme()

    def settings(self) -> dict[str, Any]:
        """The fields by name, the theme as it is stored."""
        return self.model_dump()


class EditVenue(Edit):
    """What to change; time zone and currency are fixed once there are bookings."""

    name: Title = optional()
    timezone: Timezone = optional()
    currency: Currency = optional()
    locale: Locale = optional()
    contact_email: Email | None = optional()
    contact_phone: Phone | None = optional()
    address: Address | None = optional()
    manager_email: Email | None = optional()
    kitchen_email: Email | None = optional()
    review_url: Link | None = optional()
    statement_descriptor: Descriptor | None = optional()
    billing_countries: BillingCountries = optional()
    theme: Theme = optional()
    status: ListingStatus = optional()

    def sent(self) -> dict[str, Any]:
        """The fields that were sent, by name; a theme replaces the one there was."""
        sent = super().sent()
        return {**sent, "theme": self.theme.model_dump()} if "theme" in sent else sent


class AddResource(Body):
    """A table."""

    venue_id: UUID
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    label: Label | None = None
    floor: Floor | None = None
    seats_min: Seats
    seats_max: Seats
    features: Features = ()
    vip: bool = False
    description: Description | None = None
    join_group: JoinGroup | None = None
    priority: Priority = 100


class EditResource(Edit):
    """What to change."""

    label: Label = optional()
    floor: Floor | None = optional()
    seats_min: Seats = optional()
    seats_max: Seats = optional()
    features: Features = optional()
    vip: bool = optional()
    description: Description | None = optional()
    join_group: JoinGroup | None = optional()
    priority: Priority = optional()
    status: ListingStatus = optional()
