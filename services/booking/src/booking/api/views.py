"""Answers. Nothing of a provider, nothing of another guest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel

from booking.api.texts import text
from booking.documents import document_of

if TYPE_CHECKING:
    from booking.domain import catalogue
    from booking.domain.money import Money as DomainMoney
    from booking.shop import Shop
    from booking.store.sessions import SessionView
    from booking.store.sessions import TableView as StoredTable
    from booking.usecases.availability import Availability as Found
    from booking.usecases.hold import Held
    from booking.usecases.read_booking import BookingView

T = TypeVar("T")


class Money(BaseModel):
    """An amount in the currency's minor unit."""

    amount_minor: int
    currency: str

    @classmethod
    def of(cls, money: DomainMoney) -> Money:
        return cls(amount_minor=money.amount_minor, currency=money.currency)


class Page(BaseModel, Generic[T]):
    """Rows, and the cursor of the next page if there is one."""

    items: list[T]
    next_cursor: str | None


class BookingCreated(BaseModel):
    """What a new booking's guest needs; the manage token is shown only here and in messages."""

    id: UUID
    reference: str
    status: str
    payment_status: str
    amount_total: Money
    amount_due_now: Money
    expires_at: datetime | None
    seconds_left: int
    manage_token: str


def booking_created(held: Held, org_id: UUID, now: datetime, shop: Shop) -> dict[str, Any]:
    """``BookingCreated`` as a plain object: this is the busiest answer of all."""
    left = 0 if held.expires_at is None else max(0, int((held.expires_at - now).total_seconds()))
    return {
        "id": held.booking_id,
        "reference": held.reference,
        "status": held.status,
        "payment_status": held.payment_status,
        "amount_total": _plain(held.total),
        "amount_due_now": _plain(held.due_now),
        "expires_at": held.expires_at,
        "seconds_left": left,
        "manage_token": shop.manage_tokens.mint(
            org_id, held.booking_id, held.manage_epoch, held.manage_expires_at
        ),
    }


def _plain(money: DomainMoney) -> dict[str, Any]:
    return {"amount_minor": money.amount_minor, "currency": money.currency}


class SessionSummary(BaseModel):
    """What the booking is for."""

    id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    venue_name: str


class ResourceSummary(BaseModel):
    """A table as the guest knows it."""

    number: int
    label: str


class CancelPreview(BaseModel):
    """What cancelling now would give back."""

    refund_percent: int
    refund: Money


class Failure(BaseModel):
    """Why the last attempt to pay failed, in the guest's language."""

    code: str
    message: str


class Booking(BaseModel):
    """A booking, for its guest and for staff."""

    id: UUID
    reference: str
    status: str
    payment_status: str
    offering_id: UUID
    offering_kind: str
    venue_id: UUID
    session: SessionSummary
    party_size: int
    resources: list[ResourceSummary]
    name: str
    amount_total: Money
    amount_due_now: Money
    amount_paid: Money
    amount_refunded: Money
    locale: str
    source: str
    arrives_at: datetime | None
    special_requests: str | None
    drinks_package: str | None
    created_at: datetime
    expires_at: datetime | None
    confirmed_at: datetime | None
    cancelled_at: datetime | None
    seconds_left: int
    seconds_until_start: int
    can_cancel: bool
    cancel: CancelPreview
    failure: Failure | None

    @classmethod
    def of(cls, view: BookingView) -> Booking:
        booking, occasion = view.booking, view.booking.occasion
        until_start = int((occasion.starts_at - view.now).total_seconds())
        return cls(
            id=booking.id,
            reference=booking.reference,
            status=booking.status,
            payment_status=booking.payment_status,
            offering_id=booking.offering_id,
            offering_kind=occasion.offering_kind,
            venue_id=booking.venue_id,
            session=SessionSummary(
                id=booking.session_id,
                title=occasion.title,
                starts_at=occasion.starts_at,
                ends_at=occasion.ends_at,
                timezone=occasion.timezone,
                venue_name=occasion.venue_name,
            ),
            party_size=booking.party_size,
            resources=[
                ResourceSummary(number=resource.number, label=resource.label)
                for resource in view.resources
            ],
            name=booking.name.display,
            amount_total=Money.of(booking.quote.total),
            amount_due_now=Money.of(booking.quote.due_now),
            amount_paid=Money.of(booking.paid),
            amount_refunded=Money.of(booking.refunded),
            locale=booking.locale,
            source=booking.source,
            arrives_at=booking.arrives_at,
            special_requests=booking.special_requests,
            drinks_package=booking.drinks_package,
            created_at=booking.created_at,
            expires_at=booking.expires_at,
            confirmed_at=booking.confirmed_at,
            cancelled_at=booking.cancelled_at,
            seconds_left=booking.seconds_left(view.now),
            seconds_until_start=max(0, until_start),
            can_cancel=view.cancellation.allowed,
            cancel=CancelPreview(
                refund_percent=view.cancellation.refund_percent,
                refund=Money.of(view.cancellation.refund),
            ),
            failure=booking.failure
            and Failure(
                code=booking.failure.code,
                message=text(booking.failure.message_key, booking.locale),
            ),
        )


class Cancelled(BaseModel):
    """What cancelling did."""

    status: str
    refund_eligible: bool
    refund: Money
    message: str


class TimelineEntry(BaseModel):
    """One thing that happened in this service."""

    at: datetime
    service: str = "booking"
    type: str
    message_id: UUID | None
    summary: str
    data: dict[str, Any]


class Timeline(BaseModel):
    """Oldest first."""

    entries: list[TimelineEntry]


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


class Session(BaseModel):
    """A dated session; `capacity` and `remaining` are null where tables are sold."""

    id: UUID
    offering_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    status: str
    capacity: int | None
    remaining: int | None

    @classmethod
    def of(cls, view: SessionView) -> Session:
        session = view.session
        return cls(
            id=session.id,
            offering_id=session.offering_id,
            title=session.title,
            starts_at=session.starts_at,
            ends_at=session.ends_at,
            status=session.status,
            capacity=session.capacity,
            remaining=view.remaining,
        )


class Table(BaseModel):
    """A table of a session and whether it is to be had: available, pending or booked."""

    resource_id: UUID
    number: int
    label: str
    floor: str | None
    seats_min: int
    seats_max: int
    features: list[str]
    vip: bool
    status: str

    @classmethod
    def of(cls, table: StoredTable) -> Table:
        return cls(
            resource_id=table.resource_id,
            number=table.number,
            label=table.label,
            floor=table.floor,
            seats_min=table.seats_min,
            seats_max=table.seats_max,
            features=table.features,
            vip=table.vip,
            status=table.status,
        )


class Availability(BaseModel):
    """What is left: places, or tables one by one."""

    session_id: UUID
    status: str
    starts_at: datetime
    ends_at: datetime
    capacity: int | None
    remaining: int | None
    tables: list[Table]

    @classmethod
    def of(cls, found: Found) -> Availability:
        session = found.view.session
        return cls(
            session_id=session.id,
            status=session.status,
            starts_at=session.starts_at,
            ends_at=session.ends_at,
            capacity=session.capacity,
            remaining=found.view.remaining,
            tables=[Table.of(table) for table in found.tables],
        )
