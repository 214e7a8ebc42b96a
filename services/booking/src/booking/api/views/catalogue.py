"""Organisations, venues, offerings and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from pydantic import BaseModel

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

    @classmethod
    def of(cls, organisation: catalogue.Organisation) -> Organisation:
        return cls(
            id=organisation.org_id,
            slug=organisation.slug,
            name=organisation.name,
            status=organisation.status,
            default_country=organisation.default_country,
            locale=organisation.locale,
        )


class Venue(BaseModel):
    """A venue; its contact is public."""

    id: UUID
    slug: str
    name: str
    timezone: str
    currency: str
    locale: str
    contact_email: str | None
    contact_phone: str | None
    statement_descriptor: str | None
    status: str

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
            statement_descriptor=venue.statement_descriptor,
            status=venue.status,
        )


class Offering(BaseModel):
    """Something to book, with its settings."""

    id: UUID
    venue_id: UUID
    venue_name: str
    timezone: str
    currency: str
    preset: str
    title: str
    description: str | None
    status: str
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
            status=offering.status,
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
    status: str

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
            status=resource.status,
        )
