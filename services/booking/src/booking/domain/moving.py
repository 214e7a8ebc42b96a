"""Moving a booking: who may, where it goes, and what the new place costs more or less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from booking.domain.booking import Booking, Occasion
from booking.domain.inventory import Claim
from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.money import Money, smallest_charge
from booking.domain.policy import Policy
from booking.domain.pricing import with_first
from booking.domain.quote import Quote
from booking.domain.refusals import CannotReschedule, ChangePending


class ChangeState(StrEnum):
    """Where a change stands; only a pending one holds anything."""

    PENDING = "pending"
    DONE = "done"
    EXPIRED = "expired"
    DROPPED = "dropped"  # cancelled with its booking, or its payment failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """All that a booking takes over from where it moves to; everything else stays as it was."""

    offering_id: UUID
    session_id: UUID
    occasion: Occasion
    claim: Claim
    party_size: int
    quantities: Mapping[str, int]
    quote: Quote
    policy: Policy
    payment_methods: tuple[str, ...]
    arrives_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One move of a booking. ``due``: what must be paid first; ``expires_at``: until when.

    ``ledger_version``: under which the ledger holds the new place while the change is pending.
    """

    id: UUID
    booking_id: UUID
    state: ChangeState
    by_guest: bool
    ledger_version: int
    due: Money
    expires_at: datetime | None
    place: Place

    def has_lapsed(self, now: datetime) -> bool:
        """Whether its time is over, whether or not anyone noticed: exact to the instant."""
        return self.expires_at is not None and now >= self.expires_at

    def seconds_left(self, now: datetime) -> int:
        """Whole seconds until the new place is given up."""
        if self.expires_at is None:
            return 0
        return max(0, int((self.expires_at - now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Difference:
    """What a new place costs: so much more to pay first, or so much that goes back."""

    due: Money
    back: Money


def check_may_move(booking: Booking, now: datetime, *, by_staff: bool) -> None:
    """Refuse a move that may not be made (RSC-03).

    Staff may while the booking is confirmed and has not started; guests also need their policy's
    permission, strictly more than its hours, and a move left of those it allows.

    Raises:
        CannotReschedule: with the reason. ChangePending: one waits for its payment.
    """
    rules = booking.policy.reschedule
    if booking.is_waiting():
        raise CannotReschedule("It is not paid yet: cancel it and book again instead.")
    if booking.status is not Status.CONFIRMED:
        raise CannotReschedule(f"A booking that is {booking.status} cannot be moved.")
    if now >= booking.occasion.starts_at:
        raise CannotReschedule("It has started.")
    if booking.change_id is not None:
        raise ChangePending
    if by_staff:
        return
    if not rules.allowed:
        raise CannotReschedule("Only the venue can move this booking.")
    if booking.occasion.starts_at - now <= timedelta(hours=rules.hours_before):
        raise CannotReschedule(f"It starts in {rules.hours_before} hours or less.")
    if booking.guest_moves >= rules.max_times:
        raise CannotReschedule(f"It has been moved {booking.guest_moves} times already.")


def may_move(booking: Booking, now: datetime, *, by_staff: bool) -> bool:
    """The same, as a question: what readers are told as ``can_reschedule``."""
    try:
        check_may_move(booking, now, by_staff=by_staff)
    except (CannotReschedule, ChangePending):
        return False
    return True


def place_in(candidate: Booking, moving: Booking) -> Place:
    """The place of a booking decided anew, for one that moves there.

    The policy stays the one the guest booked under, unless it becomes another offering's booking:
    then all but the no-show fee is that one's, since no card was given for another. They pay what
    it costs more as they paid before, where that can still be done.
    """
    same_offering = candidate.offering_id == moving.offering_id
    return Place(
        offering_id=candidate.offering_id,
        session_id=candidate.session_id,
        occasion=candidate.occasion,
        claim=candidate.claim,
        party_size=candidate.party_size,
        quantities=candidate.quantities,
        quote=candidate.quote,
        policy=moving.policy
        if same_offering
        else replace(candidate.policy, no_show=moving.policy.no_show),
        payment_methods=with_first(
            candidate.payment_methods, next(iter(moving.payment_methods), None)
        ),
        arrives_at=candidate.arrives_at,
    )


def is_there(booking: Booking, place: Place) -> bool:
    """Whether the booking has exactly this place already."""
    return (
        booking.session_id == place.session_id
        and booking.occasion.starts_at == place.occasion.starts_at
        and booking.occasion.ends_at == place.occasion.ends_at
        and (place.claim.assigned or booking.claim == place.claim)
        and booking.party_size == place.party_size
        and booking.quantities == place.quantities
        and booking.arrives_at == place.arrives_at
    )


def difference(booking: Booking, place: Place) -> Difference:
    """What is due now at the new place against what was kept of the guest's money.

    Only what is due now counts; what is paid at the venue is not ours to collect. Less than a
    provider can collect is waived (F-30), except from a guest who has paid nothing yet.
    """
    kept, due_now = booking.kept, place.quote.due_now
    nothing = Money(0, kept.currency)
    more = due_now.amount_minor - kept.amount_minor
    if more > 0:
        waived = kept.amount_minor > 0 and more < smallest_charge(kept.currency)
        return Difference(nothing if waived else due_now - kept, nothing)
    goes_back = booking.policy.reschedule.refund_difference
    return Difference(nothing, kept - due_now if goes_back else nothing)


def moved(booking: Booking, place: Place, *, by_guest: bool) -> Booking:
    """The booking at its new place: the same one, with the same reference (RSC-03)."""
    return replace(
        booking,
        version=booking.version + 1,
        offering_id=place.offering_id,
        session_id=place.session_id,
        occasion=place.occasion,
        claim=place.claim,
        party_size=place.party_size,
        quantities=place.quantities,
        quote=place.quote,
        policy=place.policy,
        payment_methods=place.payment_methods,
        arrives_at=place.arrives_at,
        change_id=None,
        guest_moves=booking.guest_moves + by_guest,
    )


def with_receipt(booking: Booking, payment_id: UUID, amount: Money) -> Booking:
    """The booking after a further payment."""
    status = booking.payment_status
    if status in {PaymentStatus.NOT_REQUIRED, PaymentStatus.UNPAID}:
        status = PaymentStatus.PAID
    elif status is PaymentStatus.REFUNDED:
        status = PaymentStatus.PARTIALLY_REFUNDED
    return replace(
        booking,
        paid=booking.paid + amount,
        payment_status=status,
        payment_id=booking.payment_id or payment_id,
    )
