"""Customers, for staff."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from chassis.auth import Principal
from chassis.http import DB, part, require
from chassis.problems import responses
from customers.domain.customer import Customer
from customers.identity import IdentityKeys
from customers.problems import NoIdentifier, NoSuchCustomer
from customers.store import bookings_seen
from customers.usecases.find import find, get

router = APIRouter(tags=["customers"])

Viewer = Annotated[Principal, Depends(require("customers:view"))]
BookingViewer = Annotated[Principal, Depends(require("bookings:view"))]
Keys = Annotated[IdentityKeys, Depends(part(IdentityKeys))]
Search = Query(min_length=1, max_length=254)


class AmountView(BaseModel):
    """An amount in the currency's minor unit."""

    amount_minor: int
    currency: str


class IdentifierView(BaseModel):
    """A phone number in E.164, or an e-mail address."""

    kind: Literal["phone", "email", "account"]
    value: str


class CustomerView(BaseModel):
    """A customer. `spend` is net of refunds, one amount per currency, never added up."""

    id: UUID
    given: str
    family: str
    display: str
    identifiers: list[IdentifierView]
    total_bookings: int
    cancellations: int
    spend: list[AmountView]
    first_booking_at: datetime | None
    last_booking_at: datetime | None
    last_activity_at: datetime | None
    created_at: datetime


class CustomersFound(BaseModel):
    """At most one customer per identifier that was asked for."""

    items: list[CustomerView]


class TimelineEntry(BaseModel):
    """One thing that this service did because of a booking."""

    at: datetime
    service: Literal["customers"]
    type: str
    message_id: UUID
    summary: str
    data: dict[str, object]


class Timeline(BaseModel):
    """What happened to a booking here, oldest first."""

    entries: list[TimelineEntry]


@router.get("/customers", responses=responses(NoIdentifier))
async def search(
    viewer: Viewer,
    keys: Keys,
    db: DB,
    phone: Annotated[str | None, Search] = None,
    email: Annotated[str | None, Search] = None,
) -> CustomersFound:
    """Find customers by phone (as written nationally, or with country code) or by e-mail."""
    found = await db.run(viewer.org_id, lambda tx: find(tx, keys, phone=phone, email=email))
    return CustomersFound(items=[_view(customer, keys) for customer in found])


@router.get("/customers/{customer_id}", responses=responses(NoSuchCustomer))
async def read(customer_id: UUID, viewer: Viewer, keys: Keys, db: DB) -> CustomerView:
    """One customer."""
    return _view(await db.run(viewer.org_id, lambda tx: get(tx, customer_id)), keys)


@router.get("/bookings/{booking_id}/timeline")
async def timeline(booking_id: UUID, viewer: BookingViewer, db: DB) -> Timeline:
    """This service's part of a booking's timeline."""
    steps = await db.run(viewer.org_id, lambda tx: bookings_seen.steps(tx, booking_id))
    return Timeline(
        entries=[
            TimelineEntry(
                at=step.at,
                service="customers",
                type=step.type,
                message_id=step.message_id,
                summary=step.summary,
                data=step.data,
            )
            for step in steps
        ]
    )


def _view(customer: Customer, keys: IdentityKeys) -> CustomerView:
    return CustomerView(
        id=customer.id,
        given=customer.name.given,
        family=customer.name.family,
        display=customer.name.display,
        identifiers=[
            IdentifierView(kind=kind, value=keys.open(kind, sealed))
            for kind, sealed in customer.identifiers
        ],
        total_bookings=customer.total_bookings,
        cancellations=customer.cancellations,
        spend=[
            AmountView(amount_minor=money.amount_minor, currency=money.currency)
            for money in customer.spend
        ],
        first_booking_at=customer.first_booking_at,
        last_booking_at=customer.last_booking_at,
        last_activity_at=customer.last_activity_at,
        created_at=customer.created_at,
    )
