"""Bookings and figures as staff see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel

from booking.api.views.shared import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from booking.domain.guest import Contact
    from booking.domain.money import Money as DomainMoney
    from booking.store import figures
    from booking.store.failures import Failure
    from booking.store.front_desk import Listed
    from booking.usecases.figures import Figures, TrendDay


class BookingRow(BaseModel):
    """A line of the list. `email` and `phone` are null without the permission customers:view.

    `quantities` are people by price tier, `tables` the numbers of the booking's tables.
    """

    id: UUID
    reference: str
    status: str
    payment_status: str
    version: int
    offering_id: UUID
    offering: str
    offering_kind: str
    venue_id: UUID
    venue: str
    session_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    arrives_at: datetime | None
    party_size: int
    quantities: dict[str, int]
    tables: list[int]
    name: str
    email: str | None
    phone: str | None
    customer_id: UUID | None
    amount_total: Money
    amount_due_now: Money
    amount_paid: Money
    amount_refunded: Money
    source: str
    created_at: datetime


def booking_row(listed: Listed, contact: Contact | None) -> dict[str, Any]:
    """``BookingRow`` as a plain object: lists and exports make thousands."""
    return {
        "id": str(listed.id),
        "reference": listed.reference,
        "status": listed.status,
        "payment_status": listed.payment_status,
        "version": listed.version,
        "offering_id": str(listed.offering_id),
        "offering": listed.offering,
        "offering_kind": listed.offering_kind,
        "venue_id": str(listed.venue_id),
        "venue": listed.venue,
        "session_id": str(listed.session_id),
        "title": listed.title,
        "starts_at": listed.starts_at,
        "ends_at": listed.ends_at,
        "timezone": listed.timezone,
        "arrives_at": listed.arrives_at,
        "party_size": listed.party_size,
        "quantities": dict(listed.quantities),
        "tables": list(listed.tables),
        "name": listed.name,
        "email": contact.email if contact else None,
        "phone": contact.phone if contact else None,
        "customer_id": None if listed.customer_id is None else str(listed.customer_id),
        "amount_total": _money(listed.amount_total),
        "amount_due_now": _money(listed.amount_due_now),
        "amount_paid": _money(listed.amount_paid),
        "amount_refunded": _money(listed.amount_refunded),
        "source": listed.source,
        "created_at": listed.created_at,
    }


def _money(money: DomainMoney) -> dict[str, Any]:
    return {"amount_minor": money.amount_minor, "currency": money.currency}


class Counted(BaseModel):
    """Bookings, and the people in them."""

    bookings: int
    guests: int

    @classmethod
    def of(cls, counted: figures.Counted) -> Counted:
        return cls(bookings=counted.bookings, guests=counted.guests)


class TrendEntry(Counted):
    """One day."""

    date: date

    @classmethod
    def on(cls, day: TrendDay) -> TrendEntry:
        return cls(date=day.day, bookings=day.counted.bookings, guests=day.counted.guests)


class Trend(BaseModel):
    """Oldest day first, today last; days without bookings are there too."""

    days: list[TrendEntry]


class PeriodFigures(BaseModel):
    """What takes place, what was booked, and what was paid less refunds, one sum per currency."""

    taking_place: Counted
    made: Counted
    revenue: list[Money]

    @classmethod
    def of(cls, found: Figures) -> PeriodFigures:
        return cls(
            taking_place=Counted.of(found.taking_place),
            made=Counted.of(found.made),
            revenue=[
                Money(amount_minor=net, currency=currency)
                for currency, net in found.revenue.items()
            ],
        )


class Dashboard(BaseModel):
    """Each venue's day, week (from Monday) and month are its own."""

    today: PeriodFigures
    this_week: PeriodFigures
    this_month: PeriodFigures

    @classmethod
    def of(cls, found: Mapping[str, Figures]) -> Dashboard:
        return cls(**{label: PeriodFigures.of(figures) for label, figures in found.items()})


class BookingSubject(BaseModel):
    """The booking that a change is about."""

    reference: str
    type: str
    party_size: int
    starts_at: datetime


class AuditEntry(BaseModel):
    """One change: who, what, when, why, before and after. Never a personal value."""

    id: UUID
    at: datetime
    entity: str
    entity_id: UUID
    action: str
    actor: str
    reason: str | None
    message_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    booking: BookingSubject | None


class Refund(BaseModel):
    """Where a refund stands: pending, failed, partially_refunded or refunded."""

    state: str
    amount_refunded: Money
    failure_code: str | None
    failed_at: datetime | None
    refunded_at: datetime | None


class FailedBooking(BaseModel):
    """A booking that was paid but got no place, and why."""

    id: UUID
    reference: str
    name: str
    email: str | None
    phone: str | None
    party_size: int
    session_id: UUID
    title: str
    starts_at: datetime
    failed_at: datetime
    cause: str
    payment_id: UUID | None
    amount_paid: Money
    refund: Refund

    @classmethod
    def of(cls, failure: Failure, contact: Contact | None) -> FailedBooking:
        return cls(
            id=failure.id,
            reference=failure.reference,
            name=failure.name,
            email=contact.email if contact else None,
            phone=contact.phone if contact else None,
            party_size=failure.party_size,
            session_id=failure.session_id,
            title=failure.title,
            starts_at=failure.starts_at,
            failed_at=failure.failed_at,
            cause=failure.cause,
            payment_id=failure.payment_id,
            amount_paid=Money.of(failure.paid),
            refund=Refund(
                state=failure.refund_state,
                amount_refunded=Money.of(failure.refunded),
                failure_code=failure.refusal,
                failed_at=failure.refused_at,
                refunded_at=failure.refunded_at,
            ),
        )


class Recovered(BaseModel):
    """What the booking is now, and where its refund stands if it still has no place."""

    id: UUID
    status: str
    refund: str | None
