"""Create a venue: a place with a time zone and a currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from booking import published
from booking.domain.catalogue import ListingStatus, Venue
from booking.domain.embed import new_embed_key
from booking.domain.guest import normal_email
from booking.domain.refusals import Fault, InvalidRequest, Unknown
from booking.domain.schedule import zone
from booking.phones import normal_phone
from booking.store import audit, organisations, venues
from chassis.ids import uuid7

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVenue:
    """``timezone``: IANA name; ``currency``: ISO 4217. Both are fixed once there are bookings."""

    slug: str
    name: str
    timezone: str
    currency: str
    locale: str | None
    contact_email: str | None
    contact_phone: str | None
    statement_descriptor: str | None
    actor: str
    address: str | None = None
    manager_email: str | None = None
    kitchen_email: str | None = None
    review_url: str | None = None
    theme: Mapping[str, Any] = field(default_factory=dict)
    billing_countries: tuple[str, ...] = ()


async def create_venue(tx: Transaction, command: CreateVenue) -> Venue:
    """Create it and tell the other services (TEN-10).

    Raises:
        Unknown: the organisation does not exist.
        InvalidRequest: unknown time zone, wrong contact e-mail or phone.
        AlreadyExists: the organisation has a venue with this slug.
    """
    organisation = await organisations.read(tx)
    if organisation is None:
        raise Unknown
    check_timezone(command.timezone)
    now = await tx.now()
    venue = Venue(
        id=uuid7(now),
        org_id=organisation.org_id,
        slug=command.slug,
        name=command.name,
        timezone=command.timezone,
        currency=command.currency,
        locale=command.locale or organisation.locale,
        contact_email=venue_email(command.contact_email, "contact_email"),
        contact_phone=venue_phone(command.contact_phone, organisation.default_country),
        address=command.address,
        manager_email=venue_email(command.manager_email, "manager_email"),
        kitchen_email=venue_email(command.kitchen_email, "kitchen_email"),
        review_url=command.review_url,
        statement_descriptor=command.statement_descriptor,
        billing_countries=command.billing_countries,
        embed_key=new_embed_key(),
        theme=command.theme,
        status=ListingStatus.ACTIVE,
        version=1,
    )
    await venues.add(tx, venue, now)
    tx.publish(
        published.venue_changed(organisation, venue), key=str(venue.id), sequence=venue.version
    )
    await audit.note(
        tx,
        "venue",
        venue.id,
        "venue.created",
        actor=command.actor,
        at=now,
        after={"slug": venue.slug, "timezone": venue.timezone, "currency": venue.currency},
    )
    return venue


def check_timezone(name: str) -> None:
    """Raise InvalidRequest unless there is such a time zone."""
    try:
        zone(name)
    except ValueError as wrong:
        raise InvalidRequest(Fault("timezone", "is not an IANA time zone")) from wrong


def venue_email(text: str | None, name: str) -> str | None:
    """An address of the venue in normal form; raises InvalidRequest."""
    if text is None:
        return None
    try:
        return normal_email(text)
    except InvalidRequest as wrong:
        raise InvalidRequest(Fault(name, wrong.faults[0].message)) from wrong


def venue_phone(text: str | None, country: str) -> str | None:
    """The venue's public number in E.164; raises InvalidRequest."""
    return None if text is None else normal_phone(text, country, field="contact_phone")
