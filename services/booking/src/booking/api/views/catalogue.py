"""Organisations, venues, offerings and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from pydantic import BaseModel

from booking.api.views.shared import Money
from booking.documents import document_of

if TYPE_CHECKING:
    from booking.domain import catalogue


class Organisation(BaseModel):
    """A tenant, as anybody may see it."""

    id: UUID
    slug: str
    name: str
    status: str
    default_country: str
    locale: str
    version: int

    @classmethod
    def of(cls, organisation: catalogue.Organisation) -> Organisation:
        return cls(
            id=organisation.org_id,
            slug=organisation.slug,
            name=organisation.name,
            status=organisation.status,
            default_country=organisation.default_country,
            locale=organisation.locale,
            version=organisation.version,
        )


class OrganisationSettings(Organisation):
    """A tenant, as its staff see it."""

    reference_template: str

    @classmethod
    def of(cls, organisation: catalogue.Organisation) -> OrganisationSettings:
        seen = Organisation.of(organisation).model_dump()
        return cls(**seen, reference_template=organisation.reference_template)


class Venue(BaseModel):
    """A venue, as its staff see it."""

    id: UUID
    slug: str
    name: str
    timezone: str
    currency: str
    locale: str
    contact_email: str | None
    contact_phone: str | None
    address: str | None
    manager_email: str | None
    kitchen_email: str | None
    review_url: str | None
    statement_descriptor: str | None
    billing_countries: list[str]
    embed_key: str
    theme: dict[str, Any]
    status: str
    version: int

    @classmethod
    def of(cls, venue: catalogue.Venue) -> Venue:
        return cls(
            id=venue.id,
            slug=venue.slug,
            name=venue.name,
            timezone=venue.timezone,
            currency=venue.currency,
            locale=venue.locale,
            contact_email=venue.contact_email,
            contact_phone=venue.contact_phone,
            address=venue.address,
            manager_email=venue.manager_email,
            kitchen_email=venue.kitchen_email,
            review_url=venue.review_url,
            statement_descriptor=venue.statement_descriptor,
            billing_countries=list(venue.billing_countries),
            embed_key=venue.embed_key,
            theme=dict(venue.theme),
            status=venue.status,
            version=venue.version,
        )


class EmbeddedVenue(BaseModel):
    """A venue as its own website shows it, with what is on sale there."""

    id: UUID
    slug: str
    name: str
    timezone: str
    currency: str
    locale: str
    contact_email: str | None
    contact_phone: str | None
    address: str | None
    theme: dict[str, Any]
    offerings: list[Offering]
    next_cursor: str | None

    @classmethod
    def of(
        cls, venue: catalogue.Venue, offerings: list[catalogue.Offering], next_cursor: str | None
    ) -> EmbeddedVenue:
        return cls(
            id=venue.id,
            slug=venue.slug,
            name=venue.name,
            timezone=venue.timezone,
            currency=venue.currency,
            locale=venue.locale,
            contact_email=venue.contact_email,
            contact_phone=venue.contact_phone,
            address=venue.address,
            theme=dict(venue.theme),
            offerings=[Offering.of(offering, venue) for offering in offerings],
            next_cursor=next_cursor,
        )


class Offering(BaseModel):
    """Something to book, with its settings.

    `price`: the least that a booking, or a head, costs; null where it depends on what is chosen.
    """

    id: UUID
    venue_id: UUID
    venue_name: str
    timezone: str
    currency: str
    preset: str
    title: str
    description: str | None
    image_url: str | None
    sort_order: int
    status: str
    version: int
    price: Money | None
    schedule: dict[str, Any]
    inventory: dict[str, Any]
    pricing: dict[str, Any]
    policy: dict[str, Any]

    @classmethod
    def of(cls, offering: catalogue.Offering, venue: catalogue.Venue) -> Offering:
        return cls(
            id=offering.id,
            venue_id=venue.id,
            venue_name=venue.name,
            timezone=venue.timezone,
            currency=venue.currency,
            preset=offering.preset,
            title=offering.title,
            description=offering.description,
            image_url=offering.image_url,
            sort_order=offering.sort_order,
            status=offering.status,
            version=offering.version,
            price=Money.maybe(offering.price(venue.currency)),
            schedule=orjson.loads(document_of(offering.schedule)),
            inventory=orjson.loads(document_of(offering.inventory)),
            pricing=orjson.loads(document_of(offering.pricing)),
            policy=orjson.loads(document_of(offering.policy)),
        )


class Resource(BaseModel):
    """A table."""

    id: UUID
    venue_id: UUID
    number: int
    label: str
    floor: str | None
    seats_min: int
    seats_max: int
    features: list[str]
    vip: bool
    description: str | None
    join_group: str | None
    priority: int
    status: str
    version: int

    @classmethod
    def of(cls, resource: catalogue.Resource) -> Resource:
        return cls(
            id=resource.id,
            venue_id=resource.venue_id,
            number=resource.number,
            label=resource.label,
            floor=resource.floor,
            seats_min=resource.seats.fewest,
            seats_max=resource.seats.most,
            features=list(resource.features),
            vip=resource.vip,
            description=resource.description,
            join_group=resource.join_group,
            priority=resource.priority,
            status=resource.status,
            version=resource.version,
        )
