"""Bookings, as their guest and staff see them. Nothing of a provider, nothing of another guest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from pydantic import BaseModel

from booking.api.texts import text
from booking.api.views.shared import Money

if TYPE_CHECKING:
    from booking.domain.booking import Booking as DomainBooking
    from booking.domain.booking import Cancellation
    from booking.domain.guarantee import Fee
    from booking.domain.money import Money as DomainMoney
    from booking.domain.moving import Change as DomainChange
    from booking.domain.ordering import Dish
    from booking.domain.policy import Policy
    from booking.domain.quote import Line
    from booking.shop import Shop
    from booking.usecases.hold import Held
    from booking.usecases.read_booking import BookingView


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
    floor: str | None
    seats_min: int
    seats_max: int


class CancelPreview(BaseModel):
    """What cancelling now would give back: as money, and to the gift card it was paid with.

    With `needs_approval` staff decide about the money first.
    """

    refund_percent: int
    refund: Money
    to_gift_card: Money
    needs_approval: bool


class RefundTerm(BaseModel):
    """`percent` goes back to who cancels with more than `hours` to go; `text` says so."""

    hours: int
    percent: int
    text: str

    @classmethod
    def of(cls, policy: Policy, locale: str) -> list[RefundTerm]:
        """Those of a policy, the earliest first; that nothing goes back is said too."""
        tiers = sorted(policy.refund_tiers, key=lambda tier: tier.hours, reverse=True)
        return [
            cls(
                hours=tier.hours,
                percent=tier.percent,
                text=text("refund.tier", locale, hours=tier.hours, percent=tier.percent),
            )
            for tier in tiers
        ] or [cls(hours=0, percent=0, text=text("refund.none", locale))]


class PendingChange(BaseModel):
    """A new time that waits for the difference to be paid; the old one stands until then."""

    id: UUID
    session_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    party_size: int
    amount_total: Money
    amount_due: Money
    expires_at: datetime | None
    seconds_left: int

    @classmethod
    def of(cls, change: DomainChange, now: datetime) -> PendingChange:
        place = change.place
        return cls(
            id=change.id,
            session_id=place.session_id,
            title=place.occasion.title,
            starts_at=place.occasion.starts_at,
            ends_at=place.occasion.ends_at,
            party_size=place.party_size,
            amount_total=Money.of(place.quote.total),
            amount_due=Money.of(change.due),
            expires_at=change.expires_at,
            seconds_left=change.seconds_left(now),
        )


class Rescheduled(BaseModel):
    """What became of the wish to move: done, or waiting for the difference to be paid."""

    moved: bool
    session_id: UUID
    starts_at: datetime
    ends_at: datetime
    amount_total: Money
    refund: Money
    change: PendingChange | None
    message: str


class Failure(BaseModel):
    """Why the last attempt to pay failed, in the guest's language."""

    code: str
    message: str


class PriceLine(BaseModel):
    """A line of the price; what is taken off is negative."""

    key: str
    label: str
    quantity: int
    unit_minor: int
    amount_minor: int

    @classmethod
    def of(cls, line: Line) -> PriceLine:
        return cls(
            key=line.key,
            label=line.label,
            quantity=line.quantity,
            unit_minor=line.unit_minor,
            amount_minor=line.amount_minor,
        )


class OrderedItem(BaseModel):
    """A dish of a booking, at the price it was ordered for."""

    menu_item_id: UUID
    label: str
    quantity: int
    unit_minor: int
    note: str | None
    whom: str | None

    @classmethod
    def of(cls, dish: Dish) -> OrderedItem:
        return cls(
            menu_item_id=dish.menu_item_id,
            label=dish.label,
            quantity=dish.quantity,
            unit_minor=dish.unit_minor,
            note=dish.note,
            whom=dish.whom,
        )


class NoShowFee(BaseModel):
    """What the guest is charged for not coming, and how that stands.

    `promised` until it is due. `action_required`: the guest's bank wants to hear from the guest;
    the fee can be paid through `GET /v1/bookings/{id}/payment` until `pay_until`.
    """

    amount: Money
    status: Literal["promised", "due", "declined", "action_required", "charged", "given_up"]
    pay_until: datetime | None = None
    failure_code: str | None = None

    @classmethod
    def of(cls, booking: DomainBooking, fee: Fee | None) -> NoShowFee | None:
        terms = booking.policy.no_show
        if terms is None:
            return None
        if fee is None:
            amount, currency = terms.amount(booking.party_size), booking.quote.total.currency
            return cls(amount=Money(amount_minor=amount, currency=currency), status="promised")
        return cls.due(fee)

    @classmethod
    def due(cls, fee: Fee) -> NoShowFee:
        return cls(
            amount=Money.of(fee.amount),
            status=fee.state.value,
            pay_until=fee.pay_until,
            failure_code=fee.failure_code,
        )


class Booking(BaseModel):
    """A booking, for its guest and for staff; `notes` and `cancel_reason` are for staff alone."""

    id: UUID
    reference: str
    status: str
    payment_status: str
    offering_id: UUID
    offering_kind: str
    venue_id: UUID
    session: SessionSummary
    starts_at: datetime
    ends_at: datetime
    party_size: int
    quantities: dict[str, int]
    allergies: list[str]
    resources: list[ResourceSummary]
    lines: list[PriceLine]
    items: list[OrderedItem]
    name: str
    amount_total: Money
    amount_due_now: Money
    amount_gift_card: Money
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
    cancel_reason: str | None
    checked_in_at: datetime | None
    completed_at: datetime | None
    no_show_at: datetime | None
    seconds_left: int
    seconds_until_start: int
    status_at: datetime
    version: int
    waiver_required: bool
    waiver_signed_at: datetime | None
    minimum_age: int | None
    notes: str | None
    can_cancel: bool
    cancel: CancelPreview
    refund_terms: list[RefundTerm]
    """What the guest agreed to when booking, whatever the offering says now."""
    can_reschedule: bool
    change: PendingChange | None
    failure: Failure | None
    no_show_fee: NoShowFee | None = None

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
            starts_at=occasion.starts_at,
            ends_at=occasion.ends_at,
            party_size=booking.party_size,
            quantities=dict(booking.quantities),
            allergies=list(booking.allergies),
            lines=[PriceLine.of(line) for line in booking.quote.lines],
            items=[OrderedItem.of(dish) for dish in view.dishes],
            resources=[
                ResourceSummary(
                    number=resource.number,
                    label=resource.label,
                    floor=resource.floor,
                    seats_min=resource.seats_min,
                    seats_max=resource.seats_max,
                )
                for resource in view.resources
            ],
            name=booking.name.display,
            amount_total=Money.of(booking.quote.total),
            amount_due_now=Money.of(booking.quote.due_now),
            amount_gift_card=Money(
                amount_minor=booking.quote.gift.amount_minor if booking.quote.gift else 0,
                currency=booking.quote.total.currency,
            ),
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
            cancel_reason=view.visit.cancel_reason if view.by_staff else None,
            checked_in_at=view.visit.checked_in_at,
            completed_at=view.visit.completed_at,
            no_show_at=view.visit.no_show_at,
            seconds_left=booking.seconds_left(view.now),
            seconds_until_start=max(0, until_start),
            status_at=booking.status_at,
            version=booking.version,
            waiver_required=booking.policy.waiver_required,
            waiver_signed_at=booking.waiver.signed_at if booking.waiver else None,
            minimum_age=booking.age_attested,
            notes=booking.notes if view.by_staff else None,
            can_cancel=view.cancellation.allowed,
            cancel=CancelPreview(
                refund_percent=view.cancellation.refund_percent,
                refund=Money.of(view.cancellation.refund),
                needs_approval=view.cancellation.needs_approval,
                to_gift_card=Money.of(view.cancellation.to_card),
            ),
            refund_terms=RefundTerm.of(booking.policy, booking.locale),
            can_reschedule=view.can_reschedule,
            change=None if view.change is None else PendingChange.of(view.change, view.now),
            failure=booking.failure
            and Failure(
                code=booking.failure.code,
                message=text(booking.failure.message_key, booking.locale),
            ),
            no_show_fee=NoShowFee.of(booking, view.fee),
        )


class Cancelled(BaseModel):
    """What cancelling did. With `needs_approval` the refund waits for staff to decide."""

    status: str
    refund_eligible: bool
    refund: Money
    needs_approval: bool = False
    message: str

    @classmethod
    def of(cls, booking: DomainBooking, terms: Cancellation) -> Cancelled:
        eligible = terms.refund.amount_minor > 0
        said = "cancel.refund_awaiting" if terms.needs_approval else "cancel.refund"
        return cls(
            status=booking.status,
            refund_eligible=eligible,
            refund=Money.of(terms.refund),
            needs_approval=terms.needs_approval,
            message=text(said if eligible else "cancel.no_refund", booking.locale),
        )


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
