"""What happened, in the words of the contracts. Contacts arrive here already sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

import contracts
from contracts import booking as wire
from contracts import changes, offerings, visits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from booking.domain.booking import BookedResource, Booking, Cancellation, Failure, Occasion
    from booking.domain.catalogue import Offering, Organisation, Venue
    from booking.domain.guarantee import Fee
    from booking.domain.money import Money
    from booking.domain.moving import Change
    from booking.domain.quote import Quote
    from booking.domain.transfers import Purpose, Transfer
    from booking.domain.waiting import Entry


class _Facts(TypedDict):
    booking_id: UUID
    org_id: UUID
    venue_id: UUID
    offering_id: UUID
    session_id: UUID
    reference: str


class _Visit(_Facts):
    at: datetime
    party_size: int
    starts_at: datetime


def _facts(booking: Booking) -> _Facts:
    return {
        "booking_id": booking.id,
        "org_id": booking.org_id,
        "venue_id": booking.venue_id,
        "offering_id": booking.offering_id,
        "session_id": booking.session_id,
        "reference": booking.reference,
    }


def _visit(booking: Booking, at: datetime) -> _Visit:
    return {
        **_facts(booking),
        "at": at,
        "party_size": booking.party_size,
        "starts_at": booking.occasion.starts_at,
    }


def _money(money: Money) -> contracts.Money:
    return contracts.Money(amount_minor=money.amount_minor, currency=money.currency)


def venue_changed(organisation: Organisation, venue: Venue) -> wire.VenueChanged:
    """The whole present state of a venue and its organisation."""
    return wire.VenueChanged(
        org_id=organisation.org_id,
        org_name=organisation.name,
        org_slug=organisation.slug,
        default_country=organisation.default_country,
        venue_id=venue.id,
        name=venue.name,
        slug=venue.slug,
        timezone=venue.timezone,
        currency=venue.currency,
        locale=venue.locale,
        contact_email=venue.contact_email,
        contact_phone=venue.contact_phone,
        statement_descriptor=venue.statement_descriptor,
        status=venue.status.value,
        address=venue.address,
        manager_email=venue.manager_email,
        kitchen_email=venue.kitchen_email,
        review_url=venue.review_url,
        billing_countries=venue.billing_countries,
    )


def offering_changed(offering: Offering, currency: str) -> offerings.OfferingChanged:
    """The whole present state of an offering, as far as it is sold."""
    return offerings.OfferingChanged(
        offering_id=offering.id,
        org_id=offering.org_id,
        venue_id=offering.venue_id,
        title=offering.title,
        description=offering.description,
        currency=currency,
        prices=tuple(
            offerings.OfferedPrice(
                key=tier.key, label=tier.label or None, amount_minor=tier.amount_minor
            )
            for tier in offering.pricing.price_list()
        ),
        payment_methods=offering.pricing.payment_methods,
        status=offering.status.value,
    )


def held(
    booking: Booking, expires_at: datetime, contact: str, *, received_by: str | None = None
) -> wire.BookingHeld:
    """A place waits for its payment; ``received_by``: who has it in hand already."""
    occasion = booking.occasion
    return wire.BookingHeld(
        **_facts(booking),
        offering_kind=occasion.offering_kind,
        title=occasion.title,
        starts_at=occasion.starts_at,
        ends_at=occasion.ends_at,
        timezone=occasion.timezone,
        party_size=booking.party_size,
        amount_total=_money(booking.quote.total),
        amount_due_now=_money(booking.quote.due_now),
        expires_at=expires_at,
        hold_minutes=booking.policy.minutes_to_pay(booking.method),
        payment_methods=booking.payment_methods,
        release_on_failure=booking.policy.release_on_failure,
        locale=booking.locale,
        contact=contact,
        source=booking.source,
        lines=_lines(booking.quote),
        payment_method=booking.method,
        received_by=received_by,
        guaranteed=booking.policy.no_show is not None,
    )


def requires_authentication(booking: Booking) -> wire.BookingRequiresAuthentication:
    """The bank asks for a further step."""
    return wire.BookingRequiresAuthentication(**_facts(booking))


def confirmed(
    booking: Booking, confirmed_at: datetime, contact: str, resources: Sequence[BookedResource]
) -> wire.BookingConfirmed:
    """The place is the guest's."""
    occasion = booking.occasion
    return wire.BookingConfirmed(
        **_facts(booking),
        title=occasion.title,
        venue_name=occasion.venue_name,
        starts_at=occasion.starts_at,
        ends_at=occasion.ends_at,
        timezone=occasion.timezone,
        party_size=booking.party_size,
        amount_total=_money(booking.quote.total),
        amount_paid=_money(booking.paid),
        confirmed_at=confirmed_at,
        contact=contact,
        locale=booking.locale,
        manage_epoch=booking.manage_epoch,
        manage_expires_at=occasion.manage_expires_at,
        resources=_resources(resources),
        payment_id=booking.payment_id,
    )


def payment_failed(
    booking: Booking, failure: Failure, contact: str, *, final: bool
) -> wire.BookingPaymentFailed:
    """An attempt to pay failed; ``final`` gave the place up."""
    return wire.BookingPaymentFailed(
        **_facts(booking),
        failure_code=failure.code,
        failure_message_key=failure.message_key,
        contact=contact,
        locale=booking.locale,
        title=booking.occasion.title,
        starts_at=booking.occasion.starts_at,
        timezone=booking.occasion.timezone,
        final=final,
    )


def expired(booking: Booking, expired_at: datetime) -> wire.BookingExpired:
    """The hold ended unpaid."""
    return wire.BookingExpired(**_facts(booking), expired_at=expired_at)


def cancelled(
    booking: Booking,
    cancelled_at: datetime,
    cancellation: Cancellation,
    contact: str,
    *,
    cause: Literal["customer", "staff"],
    reason: str | None,
    payment_ids: Sequence[UUID],
) -> wire.BookingCancelled:
    """Cancelled, its place freed, and this much goes back, now or when somebody has approved."""
    waits = cancellation.needs_approval
    nothing = contracts.Money(amount_minor=0, currency=cancellation.refund.currency)
    return wire.BookingCancelled(
        **_facts(booking),
        cancelled_at=cancelled_at,
        cause=cause,
        reason=reason,
        refund=nothing if waits else _money(cancellation.refund),
        refund_percent=0 if waits else cancellation.refund_percent,
        refund_awaiting=_money(cancellation.refund) if waits else None,
        refund_goal=None if waits else goal(cancellation.in_all, payment_ids),
        amount_paid=_money(booking.paid),
        contact=contact,
        locale=booking.locale,
        title=booking.occasion.title,
        starts_at=booking.occasion.starts_at,
        timezone=booking.occasion.timezone,
        release=True,
    )


def unfulfillable(
    booking: Booking, payment_id: UUID, refund: Money, cause: str, contact: str
) -> wire.BookingUnfulfillable:
    """Paid, but there is no place: all of it goes back."""
    return wire.BookingUnfulfillable(
        **_facts(booking),
        payment_id=payment_id,
        refund=_money(refund),
        cause=cause,
        contact=contact,
        locale=booking.locale,
        title=booking.occasion.title,
        starts_at=booking.occasion.starts_at,
        timezone=booking.occasion.timezone,
    )


def refund_due(
    booking: Booking,
    payment_id: UUID | None,
    refund: Money,
    cause: str,
    change_id: UUID | None = None,
    *,
    retry: bool = False,
    refund_goal: wire.RefundGoal | None = None,
) -> wire.BookingRefundDue:
    """Money that this booking cannot keep goes back; once per payment, cause and change.

    Without a payment ``refund_goal`` says of which payments, and what is to be back of them then.
    """
    return wire.BookingRefundDue(
        **_facts(booking),
        payment_id=payment_id,
        refund=_money(refund),
        cause=cause,
        change_id=change_id,
        retry=retry,
        refund_goal=refund_goal,
    )


def goal(
    in_all: Money, payment_ids: Sequence[UUID], *, for_changes: bool = False
) -> wire.RefundGoal | None:
    """What is to be back of these payments, by changes of the booking or besides; None: nothing."""
    if not in_all.amount_minor or not payment_ids:
        return None
    return wire.RefundGoal(
        total=_money(in_all), payment_ids=tuple(payment_ids), for_changes=for_changes
    )


def no_show_fee_due(
    booking: Booking, fee: Fee, contact: str, *, retry: bool = False
) -> visits.BookingNoShowFeeDue:
    """The saved card is to be charged; once per booking, and again when staff retry."""
    return visits.BookingNoShowFeeDue(
        **_facts(booking),
        fee=_money(fee.amount),
        pay_until=fee.pay_until,
        title=booking.occasion.title,
        locale=booking.locale,
        contact=contact,
        retry=retry,
    )


def no_show_fee_action_required(
    booking: Booking, fee: Fee, contact: str
) -> visits.BookingNoShowFeeActionRequired:
    """The guest's bank wants to hear from the guest before it pays the fee."""
    return visits.BookingNoShowFeeActionRequired(
        **_facts(booking),
        fee=_money(fee.amount),
        pay_until=fee.pay_until,
        title=booking.occasion.title,
        starts_at=booking.occasion.starts_at,
        timezone=booking.occasion.timezone,
        locale=booking.locale,
        contact=contact,
        manage_epoch=booking.manage_epoch,
        manage_expires_at=booking.occasion.manage_expires_at,
    )


def guarantee_released(booking: Booking) -> visits.BookingGuaranteeReleased:
    """Nothing will be charged to the saved card any more."""
    return visits.BookingGuaranteeReleased(**_facts(booking))


Visit = (
    visits.BookingCheckedIn
    | visits.BookingCompleted
    | visits.BookingNoShow
    | visits.BookingAttendanceUndone
)


def checked_in(booking: Booking, at: datetime) -> visits.BookingCheckedIn:
    """The guest is here."""
    return visits.BookingCheckedIn(**_visit(booking, at))


def completed(booking: Booking, at: datetime) -> visits.BookingCompleted:
    """The visit is over."""
    return visits.BookingCompleted(**_visit(booking, at))


def no_show(booking: Booking, at: datetime) -> visits.BookingNoShow:
    """The guest did not come."""
    return visits.BookingNoShow(**_visit(booking, at))


def attendance_undone(
    booking: Booking, undone: Literal["checked_in", "completed", "no_show"], at: datetime
) -> visits.BookingAttendanceUndone:
    """A slip is taken back; the booking is already what it is from now on."""
    return visits.BookingAttendanceUndone(
        **_facts(booking), undone=undone, status=booking.status.value, at=at
    )


def rescheduled(
    before: Booking,
    booking: Booking,
    at: datetime,
    contact: str,
    resources: Sequence[BookedResource],
) -> changes.BookingRescheduled:
    """The booking moved."""
    occasion = booking.occasion
    return changes.BookingRescheduled(
        **_facts(booking),
        old_session_id=before.session_id,
        old_starts_at=before.occasion.starts_at,
        starts_at=occasion.starts_at,
        ends_at=occasion.ends_at,
        timezone=occasion.timezone,
        title=occasion.title,
        venue_name=occasion.venue_name,
        amount_total=_money(booking.quote.total),
        amount_paid=_money(booking.paid),
        contact=contact,
        locale=booking.locale,
        resources=_resources(resources),
        rescheduled_at=at,
        manage_epoch=booking.manage_epoch,
        manage_expires_at=occasion.manage_expires_at,
    )


def change_held(
    booking: Booking, change: Change, expires_at: datetime, contact: str
) -> changes.BookingChangeHeld:
    """A dearer new place waits for the difference."""
    place = change.place
    return changes.BookingChangeHeld(
        **_facts(booking),
        change_id=change.id,
        amount_due=_money(change.due),
        expires_at=expires_at,
        hold_minutes=place.policy.hold_minutes,
        title=place.occasion.title,
        starts_at=place.occasion.starts_at,
        ends_at=place.occasion.ends_at,
        timezone=place.occasion.timezone,
        payment_methods=place.payment_methods,
        release_on_failure=place.policy.release_on_failure,
        locale=booking.locale,
        contact=contact,
        lines=_lines(place.quote),
        payment_method=next(iter(place.payment_methods), None),
    )


def change_expired(booking: Booking, change_id: UUID) -> changes.BookingChangeExpired:
    """The change was given up; the booking stays where it was."""
    return changes.BookingChangeExpired(**_facts(booking), change_id=change_id)


def _lines(quote: Quote) -> tuple[wire.PriceLine, ...]:
    return tuple(
        wire.PriceLine(
            key=line.key,
            label=line.label or None,
            quantity=line.quantity,
            unit_minor=line.unit_minor,
        )
        for line in quote.lines
    )


def _resources(resources: Sequence[BookedResource]) -> tuple[wire.BookedResource, ...]:
    return tuple(
        wire.BookedResource(number=str(resource.number), label=resource.label)
        for resource in resources
    )


def details_changed(booking: Booking, contact: str) -> wire.BookingDetailsChanged:
    """How to reach the guest from now on, and with which link."""
    return wire.BookingDetailsChanged(
        **_facts(booking),
        contact=contact,
        locale=booking.locale,
        manage_epoch=booking.manage_epoch,
        manage_expires_at=booking.occasion.manage_expires_at,
    )


def offered(booking: Booking, expires_at: datetime, contact: str) -> changes.BookingOffered:
    """A waiting group's turn."""
    occasion = booking.occasion
    return changes.BookingOffered(
        **_facts(booking),
        title=occasion.title,
        venue_name=occasion.venue_name,
        starts_at=occasion.starts_at,
        ends_at=occasion.ends_at,
        timezone=occasion.timezone,
        party_size=booking.party_size,
        amount_due_now=_money(booking.quote.due_now),
        expires_at=expires_at,
        contact=contact,
        locale=booking.locale,
        manage_epoch=booking.manage_epoch,
        manage_expires_at=occasion.manage_expires_at,
    )


def transfer_awaited(
    booking: Booking, transfer: Transfer, purpose: Purpose, contact: str
) -> wire.BookingTransferAwaited:
    """The guest has to send money, and has this much time."""
    return wire.BookingTransferAwaited(
        **_facts(booking),
        payment_id=transfer.payment_id,
        change_id=transfer.change_id,
        method=transfer.method,
        payee=transfer.payee,
        message=transfer.message,
        amount=_money(transfer.amount),
        pay_by=purpose.pay_by,
        title=purpose.occasion.title,
        starts_at=purpose.occasion.starts_at,
        timezone=purpose.occasion.timezone,
        locale=booking.locale,
        contact=contact,
        manage_epoch=booking.manage_epoch,
        manage_expires_at=booking.occasion.manage_expires_at,
    )


def waitlisted(entry: Entry, occasion: Occasion, contact: str) -> changes.BookingWaitlisted:
    """A group is in line; there is no booking yet."""
    return changes.BookingWaitlisted(
        org_id=entry.org_id,
        venue_id=entry.venue_id,
        offering_id=entry.offering_id,
        session_id=entry.session_id,
        entry_id=entry.id,
        party_size=entry.party_size,
        title=occasion.title,
        venue_name=occasion.venue_name,
        starts_at=entry.earliest or occasion.starts_at,
        timezone=occasion.timezone,
        contact=contact,
        locale=entry.locale,
    )
