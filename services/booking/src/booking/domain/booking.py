"""A booking, and the questions that its own facts can answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from booking.domain.guest import Name
from booking.domain.inventory import Claim
from booking.domain.lifecycle import WAITING, PaymentStatus, Status, Verb, allows
from booking.domain.money import Money
from booking.domain.policy import Policy, RefundMode
from booking.domain.quote import Quote
from booking.domain.refusals import Fault, InvalidRequest

MANAGEABLE_AFTER_END = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the booking is for, as the guest would say it; the times are the booking's own."""

    title: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    venue_name: str
    offering_kind: str

    @property
    def manage_expires_at(self) -> datetime:
        """Until when the guest may look at the booking, in whole seconds."""
        return (self.ends_at + MANAGEABLE_AFTER_END).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class BookedResource:
    """A resource as a guest knows it."""

    number: int
    label: str
    floor: str | None
    seats_min: int
    seats_max: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt to pay failed: the provider's code and the key of the guest's text."""

    code: str
    message_key: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """A guest's signature: the name they signed with, and when."""

    signed_name: str
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One booking. ``version`` rises with every change; messages carry it as their sequence.

    ``status_at``: when its status last changed. ``change_id``: of the change that waits for its
    payment. ``guest_moves``: how often the guest has moved it. ``returned_minor``: what its changes
    to cheaper places gave back, in minor units, from the moment they were made. ``unasked_minor``:
    what staff, or somebody at the provider, gave or are giving back besides. ``age_attested``: the
    minimum age, in years, that the guest said everybody has reached. ``notes``: of staff, for
    staff.
    """

    id: UUID
    org_id: UUID
    venue_id: UUID
    offering_id: UUID
    session_id: UUID
    reference: str
    status: Status
    payment_status: PaymentStatus
    version: int
    party_size: int
    claim: Claim
    quote: Quote
    paid: Money
    refunded: Money
    policy: Policy
    payment_methods: tuple[str, ...]
    name: Name
    sealed_contact: str
    locale: str
    source: str
    arrives_at: datetime | None
    special_requests: str | None
    drinks_package: str | None
    created_at: datetime
    expires_at: datetime | None
    occasion: Occasion
    status_at: datetime
    quantities: Mapping[str, int] = field(default_factory=dict)
    allergies: tuple[str, ...] = ()
    manage_epoch: int = 1
    confirmed_at: datetime | None = None
    cancelled_at: datetime | None = None
    customer_id: UUID | None = None
    payment_id: UUID | None = None
    payment_sequence: int = -1
    failure: Failure | None = None
    change_id: UUID | None = None
    guest_moves: int = 0
    returned_minor: int = 0
    unasked_minor: int = 0
    age_attested: int | None = None
    waiver: Waiver | None = None
    notes: str | None = None

    @property
    def method(self) -> str | None:
        """How it is to be paid: what was chosen; None where nothing can be."""
        return next(iter(self.payment_methods), None)

    @property
    def is_paid_at_venue(self) -> bool:
        """Whether it was confirmed without payment, to be paid at the venue."""
        unpaid = self.payment_status is PaymentStatus.UNPAID and not self.is_waiting()
        return unpaid and not self.quote.due_now.amount_minor

    @property
    def kept(self) -> Money:
        """What was paid less what changes to cheaper places gave back."""
        return Money(self.paid.amount_minor - self.returned_minor, self.paid.currency)

    @property
    def left(self) -> Money:
        """What could still go back."""
        return self.less_unasked(self.kept)

    def less_unasked(self, money: Money) -> Money:
        """What is left of it after what went back unasked, which counts towards what is owed."""
        return Money(max(0, money.amount_minor - self.unasked_minor), money.currency)

    @property
    def awaits_only_card(self) -> bool:
        """Whether nothing is due now, and a card guarantees that the guest comes."""
        return self.policy.no_show is not None and not self.quote.due_now.amount_minor

    def is_waiting(self) -> bool:
        """Whether the place is held for a payment, lapsed or not."""
        return self.status in WAITING

    def has_lapsed(self, now: datetime) -> bool:
        """Whether the hold has ended, whether or not anyone noticed: exact to the instant."""
        return self.is_waiting() and self.expires_at is not None and now >= self.expires_at

    def is_paid_for(self) -> bool:
        """Whether something was paid for it; a held place has its gift card's share on loan."""
        by_card = self.quote.gift is not None and not self.is_waiting()
        return by_card or self.paid.amount_minor > 0

    def seconds_left(self, now: datetime) -> int:
        """Whole seconds until the hold ends, 0 when there is none (HLD-06)."""
        if not self.is_waiting() or self.expires_at is None:
            return 0
        return max(0, int((self.expires_at - now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What cancelling would do at a given moment.

    ``in_all``: what is to be back then, with what went back unasked; changes apart. ``to_card``:
    what goes back onto the gift card that paid for the booking.
    ``needs_approval``: what would go back waits until somebody has decided about it.
    """

    allowed: bool
    refund_percent: int
    refund: Money
    in_all: Money
    to_card: Money
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class StaffRefund:
    """What goes back because staff say so, whatever the policy says: one of the two."""

    percent: int | None = None
    amount_minor: int | None = None

    def of(self, booking: Booking) -> tuple[int, Money]:
        """The percentage, in whole percent, and what is to be back in all, changes apart.

        What was refunded before counts towards a percentage, but not towards an amount.
        """
        kept = booking.kept
        if self.amount_minor is None:
            percent = self.percent or 0
            return percent, kept.percent(percent)
        percent = self.amount_minor * 100 // max(kept.amount_minor, 1)
        in_all = self.amount_minor + (booking.unasked_minor if self.amount_minor else 0)
        return min(percent, 100), Money(in_all, kept.currency)


def cancellation(
    booking: Booking,
    now: datetime,
    *,
    by_staff: bool = False,
    staff_refund: StaffRefund | None = None,
) -> Cancellation:
    """Whether the booking can be cancelled and what would go back (CAN-02, F-66).

    The same answer serves the reader (``can_cancel``) and the cancelling. A guest may until the
    start; staff may as long as the state allows it. The percentage is of what was paid; what was
    refunded before counts towards it. What a gift card paid goes back onto the card, by the same
    percentage; all of it while the place is only held. What staff decide themselves waits for
    nobody.

    Raises:
        InvalidRequest: staff want to give back more than is left of what was paid.
    """
    started = now >= booking.occasion.starts_at
    allowed = allows(Verb.CANCEL, booking.status) and (by_staff or not started)
    if allowed and staff_refund is not None:
        return _as_staff_say(booking, staff_refund)
    percent = booking.policy.refund_percent(now, booking.occasion.starts_at) if allowed else 0
    # What a cheaper place gave back is no longer part of what was paid.
    in_all = booking.kept.percent(percent)
    refund = booking.less_unasked(in_all)
    approve = booking.policy.refund_mode is RefundMode.APPROVE and refund.amount_minor > 0
    return Cancellation(allowed, percent, refund, in_all, _to_card(booking, percent), approve)


def cancellation_with_refund(booking: Booking) -> Cancellation | None:
    """What cancelling does once staff gave back all that was kept; None: some is still kept.

    Nothing goes back with it: it is on its way already.
    """
    if (
        booking.left.amount_minor
        or not booking.unasked_minor
        or not allows(Verb.CANCEL, booking.status)
    ):
        return None
    back = Money(booking.unasked_minor, booking.paid.currency)
    return Cancellation(
        allowed=True, refund_percent=100, refund=back, in_all=back, to_card=_to_card(booking, 100)
    )


def _as_staff_say(booking: Booking, staff_refund: StaffRefund) -> Cancellation:
    percent, in_all = staff_refund.of(booking)
    refund = booking.less_unasked(in_all)
    if refund.amount_minor > booking.left.amount_minor:
        most = booking.left.amount_minor
        raise InvalidRequest(Fault("refund.amount_minor", f"no more than {most} is left"))
    to_card = _to_card(booking, percent)
    return Cancellation(
        allowed=True, refund_percent=percent, refund=refund, in_all=in_all, to_card=to_card
    )


def _to_card(booking: Booking, percent: int) -> Money:
    gift = booking.quote.gift or Money(0, booking.paid.currency)
    return gift if booking.is_waiting() else gift.percent(percent)
