"""Customers, for staff."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from chassis.auth import Principal
from chassis.http import DB, Body, part, require
from chassis.problems import responses
from customers.domain.customer import Customer, Status
from customers.identity import IdentityKeys
from customers.problems import NoIdentifier, NoSuchCustomer, StaleVersion
from customers.store import bookings_seen
from customers.usecases.edit_customer import Edit, edit_customer
from customers.usecases.find import changes_of, find, get

router = APIRouter(tags=["customers"])

Viewer = Annotated[Principal, Depends(require("customers:view"))]
Editor = Annotated[Principal, Depends(require("customers:edit"))]
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
    """A customer. `spend` is net of refunds, one amount per currency, never added up.

    `visits` counts bookings whose guest came, `completed` those of them that are over.
    """

    id: UUID
    given: str
    family: str
    display: str
    identifiers: list[IdentifierView]
    status: Status
    notes: str
    version: int
    total_bookings: int
    cancellations: int
    visits: int
    completed: int
    no_show_count: int
    spend: list[AmountView]
    first_booking_at: datetime | None
    last_booking_at: datetime | None
    last_visit_at: datetime | None
    last_no_show_at: datetime | None
    last_activity_at: datetime | None
    created_at: datetime


class CustomerEdit(Body):
    """What to change of a customer; what is left out stays."""

    status: Status | None = None
    """`blocked`: bookings by any of the customer's numbers and addresses are refused."""
    notes: Annotated[str | None, Field(max_length=2000)] = None
    reason: Annotated[str | None, Field(min_length=1, max_length=500)] = None
    """Why, for the record."""
    version: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    """The version that was read: a later one is not overwritten."""


class CustomersFound(BaseModel):
    """At most one customer per identifier that was asked for."""

    items: list[CustomerView]


class ChangeView(BaseModel):
    """Who changed a customer, when and why. What notes say is never kept, only their length."""

    id: UUID
    action: str
    at: datetime
    actor: str
    reason: str | None
    before: dict[str, object]
    after: dict[str, object]


class Changes(BaseModel):
    """A page, newest first; `next_cursor` is null on the last one."""

    items: list[ChangeView]
    next_cursor: UUID | None


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


@router.patch("/customers/{customer_id}", responses=responses(NoSuchCustomer, StaleVersion))
async def edit(
    customer_id: UUID, body: CustomerEdit, editor: Editor, keys: Keys, db: DB
) -> CustomerView:
    """Block, unblock or put aside a customer, and note what staff should know."""
    order = Edit(customer_id=customer_id, actor=f"{editor.kind}:{editor.id}", **body.model_dump())
    return _view(await db.run(editor.org_id, lambda tx: edit_customer(tx, order)), keys)


@router.get("/customers/{customer_id}/changes", responses=responses(NoSuchCustomer))
async def changes(
    customer_id: UUID,
    viewer: Viewer,
    db: DB,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before")] = None,
) -> Changes:
    """Who blocked a customer, put them aside or noted something, and why."""
    found = await db.run(
        viewer.org_id, lambda tx: changes_of(tx, customer_id, before=cursor, limit=limit)
    )
    return Changes(
        items=[
            ChangeView(
                id=change.id,
                action=change.action,
                at=change.at,
                actor=change.actor,
                reason=change.reason,
                before=dict(change.before),
                after=dict(change.after),
            )
            for change in found
        ],
        next_cursor=found[-1].id if len(found) == limit else None,
    )


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
        status=customer.status,
        notes=customer.notes,
        version=customer.version,
        total_bookings=customer.total_bookings,
        cancellations=customer.cancellations,
        visits=customer.visits,
        completed=customer.completed,
        no_show_count=customer.no_shows,
        spend=[
            AmountView(amount_minor=money.amount_minor, currency=money.currency)
            for money in customer.spend
        ],
        first_booking_at=customer.first_booking_at,
        last_booking_at=customer.last_booking_at,
        last_visit_at=customer.last_visit_at,
        last_no_show_at=customer.last_no_show_at,
        last_activity_at=customer.last_activity_at,
        created_at=customer.created_at,
    )
