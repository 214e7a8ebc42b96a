"""Request bodies. Types and bounds only; what they mean is decided further in."""

import datetime as dt
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from booking.domain.catalogue import ListingStatus, OrganisationStatus, SessionStatus
from booking.domain.inventory import LARGEST_CAPACITY, LARGEST_PARTY
from booking.domain.presets import Preset
from booking.usecases.open_session import Instants, LocalTimes
from chassis.http import Body

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
DEEPEST_SETTINGS = 5


def _shallow(settings: dict[str, Any]) -> dict[str, Any]:
    # Deeper than a few hundred levels could be read, but not written again.
    level: list[Any] = [settings]
    for _ in range(DEEPEST_SETTINGS):
        inside = [part for one in level for part in (one.values() if type(one) is dict else one)]
        level = [part for part in inside if isinstance(part, dict | list)]
    if level:
        raise ValueError("is nested too deeply")
    return settings


Overrides: TypeAlias = Annotated[
    Annotated[dict[str, Any], AfterValidator(_shallow)] | None,
    Field(description="What differs from the preset, or from the present settings"),
]
Seats = Annotated[int, Field(ge=1, le=LARGEST_PARTY)]
Features = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=50)], ...], Field(max_length=20)
]


def time_of(text: str) -> dt.time:
    """The time in a ``LocalTime``."""
    return dt.time.fromisoformat(text)


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
    party_size: Annotated[int, Field(ge=1, le=LARGEST_PARTY)] = 1
    resource_ids: Annotated[
        tuple[UUID, ...], Field(max_length=20, description="Tables, where there are any")
    ] = ()
    customer: Customer
    locale: Locale | None = None
    arrival_time: LocalTime | None = None
    special_requests: Annotated[str | None, Field(max_length=1000)] = None
    drinks_package: Annotated[str | None, Field(max_length=255)] = None
    source: Annotated[str | None, Field(pattern=r"^[a-z0-9_-]{1,32}$")] = None


class CancelBooking(Body):
    """Why; staff must say."""

    reason: Annotated[str | None, Field(max_length=500)] = None


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


class _Settings(Body):
    schedule: Overrides = None
    inventory: Overrides = None
    pricing: Overrides = None
    policy: Overrides = None

    def overrides(self) -> dict[str, dict[str, Any]]:
        """The settings that were sent, by name."""
        documents = {
            "schedule": self.schedule,
            "inventory": self.inventory,
            "pricing": self.pricing,
            "policy": self.policy,
        }
        return {name: sent for name, sent in documents.items() if sent is not None}


class CreateOffering(_Settings):
    """Something to book: a preset, and what differs from it."""

    venue_id: UUID
    preset: Preset
    title: Title
    description: Annotated[str | None, Field(max_length=2000)] = None


class EditOffering(_Settings):
    """What to change."""

    title: Title | None = None
    description: Annotated[str | None, Field(max_length=2000)] = None
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
