"""What the booking service publishes: facts about bookings and venues.

Ordering key: `booking_id`, sequence: the booking's version; for venues `venue_id` and its version.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.message import Message
from contracts.values import Currency, Instant, Money, Sealed


class VenueChanged(Message):
    """A venue or its organisation was created or changed; carries the whole present state."""

    TYPE: ClassVar[str] = "venue.changed.v1"

    org_id: UUID
    org_name: str
    org_slug: str
    default_country: str
    """ISO 3166-1 alpha-2; how phone numbers without a country are read."""
    venue_id: UUID
    name: str
    slug: str
    timezone: str
    """IANA zone name."""
    currency: Currency
    locale: str
    contact_email: str | None
    """The venue's own public address, not a guest's."""
    contact_phone: str | None
    statement_descriptor: str | None
    """What the guest reads on the card statement; null: the provider account's own."""
    status: str
    address: str | None = None
    manager_email: str | None = None
    """The venue's own mailbox for news of bookings; not for guests."""
    kitchen_email: str | None = None
    """The venue's own mailbox for what has to be prepared; not for guests."""
    review_url: str | None = None
    """Where a guest can leave a review; http or https."""
    billing_countries: tuple[str, ...] = ()
    """Whose cards are asked for, by billing address: ISO 3166-1 alpha-2; empty: any country's."""


class PriceLine(BaseModel):
    """One line of a booking's price."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    key: str
    """Of its tier; `booking` or `deposit`; `dish:…` and `promo:…` where it is of another kind."""
    label: str | None
    """For the guest; null where it is simply the price."""
    quantity: Annotated[int, Field(ge=1)]
    unit_minor: int
    """In minor units of the booking's currency; negative where something is taken off."""


class RefundGoal(BaseModel):
    """What is to be back in the end, whoever gave it back: it ends up right in any order."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    total: Money
    """All that is to be back of these payments together; refunds made or under way count."""
    payment_ids: Annotated[tuple[UUID, ...], Field(min_length=1)]
    """The first gives back first."""
    for_changes: bool = False
    """True: what changes of the booking to cheaper places give back in all, and only refunds of
    them count; false: all besides that."""


class BookingFact(Message):
    """What every booking message says about its booking."""

    booking_id: UUID
    org_id: UUID
    venue_id: UUID
    offering_id: UUID
    session_id: UUID
    reference: str
    """The reference the guest sees."""


class BookingHeld(BookingFact):
    """A place is held and, when something is due, waits for payment."""

    TYPE: ClassVar[str] = "booking.held.v1"

    offering_kind: str
    """Label of the offering's preset (`class`, `event_table`); for display, never for rules."""
    title: str
    starts_at: Instant
    ends_at: Instant
    timezone: str
    """IANA zone name of the venue."""
    party_size: Annotated[int, Field(ge=1)]
    amount_total: Money
    """The frozen price of the whole booking."""
    amount_due_now: Money
    """What to collect before `expires_at`; zero when nothing is due."""
    expires_at: Instant
    """The exact end of the hold; no payment is created after it."""
    hold_minutes: Annotated[int, Field(ge=1)]
    payment_methods: tuple[str, ...]
    """Methods the offering allows, in order of preference."""
    release_on_failure: bool
    """True: the first failed attempt is final."""
    locale: str
    contact: Sealed
    source: str
    """Where the booking came from (`web`, `staff`, ...)."""
    lines: tuple[PriceLine, ...] = ()
    """What the price is made of; adds up to `amount_total` and what a gift card paid."""
    payment_method: str | None = None
    """The one of `payment_methods` that the guest chose; null: the first."""
    received_by: str | None = None
    """Who of the staff has the money in hand already; null: it is still to come."""
    guaranteed: bool = False
    """True: the guest leaves something to charge a no-show fee to, even if nothing is due now."""


class BookingTransferAwaited(BookingFact):
    """A place waits for a payment that the guest makes by hand; told once for each payment."""

    TYPE: ClassVar[str] = "booking.transfer_awaited.v1"

    payment_id: UUID
    change_id: UUID | None
    """The change of the booking that is paid for; null: the booking itself."""
    method: str
    """How the guest pays (`swish`, `manual`); an open list."""
    payee: str | None
    """Where the money goes; null: the venue says it otherwise."""
    message: str
    """What the guest writes, so that the payment is known."""
    amount: Money
    pay_by: Instant
    """The place is given up then."""
    title: str
    starts_at: Instant
    """Of the change's new place, where it is a change."""
    timezone: str
    """IANA zone name of the venue."""
    locale: str
    contact: Sealed
    manage_epoch: Annotated[int, Field(ge=0)]
    """Epoch to mint the manage link with; the link itself never travels."""
    manage_expires_at: Instant


class BookingRequiresAuthentication(BookingFact):
    """The guest's bank asks for a further step before the payment can go on."""

    TYPE: ClassVar[str] = "booking.requires_authentication.v1"


class BookedResource(BaseModel):
    """A resource as the guest knows it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    number: str
    label: str


class BookingConfirmed(BookingFact):
    """The place is the guest's: paid, or nothing was due."""

    TYPE: ClassVar[str] = "booking.confirmed.v1"

    title: str
    venue_name: str
    starts_at: Instant
    ends_at: Instant
    timezone: str
    party_size: Annotated[int, Field(ge=1)]
    amount_total: Money
    amount_paid: Money
    """All that has been paid for this booking so far (cumulative)."""
    confirmed_at: Instant
    contact: Sealed
    locale: str
    manage_epoch: Annotated[int, Field(ge=0)]
    """Epoch to mint the manage link with; the link itself never travels."""
    manage_expires_at: Instant
    resources: tuple[BookedResource, ...]
    """Empty for offerings sold by capacity."""
    payment_id: UUID | None = None
    """The payment that paid for it; null when nothing was due."""


class BookingPaymentFailed(BookingFact):
    """A payment attempt failed."""

    TYPE: ClassVar[str] = "booking.payment_failed.v1"

    failure_code: str
    failure_message_key: str
    """Key of the text to show the guest."""
    contact: Sealed
    locale: str
    title: str
    starts_at: Instant
    timezone: str
    final: bool
    """True: the place is released. False: the guest may try again until the hold ends."""


class BookingExpired(BookingFact):
    """The hold ended unpaid and the place is free again."""

    TYPE: ClassVar[str] = "booking.expired.v1"

    expired_at: Instant


class BookingCancelled(BookingFact):
    """The booking was cancelled."""

    TYPE: ClassVar[str] = "booking.cancelled.v1"

    cancelled_at: Instant
    cause: Literal["customer", "staff", "payment_rejected"]
    reason: str | None
    """Free text of the person who cancelled."""
    refund: Money
    """What goes back to the guest by the frozen policy or by staff decision; may be zero."""
    refund_percent: Annotated[int, Field(ge=0, le=100)]
    amount_paid: Money
    """All that had been paid when it was cancelled (cumulative)."""
    contact: Sealed
    locale: str
    title: str
    starts_at: Instant
    timezone: str
    release: bool
    """Whether the place was freed."""
    refund_awaiting: Money | None = None
    """What goes back once somebody has approved it, told then by booking.refund_due; null or zero:
    nothing waits."""
    refund_goal: RefundGoal | None = None
    """What `refund` comes to in all; null: nothing goes back now."""


class BookingUnfulfillable(BookingFact):
    """Money arrived but the place was gone: refund it and apologise."""

    TYPE: ClassVar[str] = "booking.unfulfillable.v1"

    payment_id: UUID
    refund: Money
    cause: str
    """Why the place couldn't be given (`place_taken`, ...); an open list."""
    contact: Sealed
    locale: str
    title: str
    starts_at: Instant
    timezone: str


class BookingRefundDue(BookingFact):
    """Money of this booking that it can't keep: it came in vain, or a change made it cheaper."""

    TYPE: ClassVar[str] = "booking.refund_due.v1"

    payment_id: UUID | None
    """The payment it comes from; null: from all that the booking has, oldest first."""
    refund: Money
    cause: str
    """Why (`already_paid`, `cancelled`, `approved`, `wrong_amount`, `price_difference`, ...);
    an open list. The same payment, cause and change again is the same refund."""
    change_id: UUID | None = None
    """The change that made the booking cheaper, or whose payment came too late; null: none."""
    retry: bool = False
    """True: staff ask again; it counts only if all earlier refunds of this cause have failed."""
    refund_goal: RefundGoal | None = None
    """What `refund` comes to in all; null: it comes on top of what went back before."""


class BookingDetailsChanged(BookingFact):
    """The guest's name or contact was corrected, or the links given out so far were revoked."""

    TYPE: ClassVar[str] = "booking.details_changed.v1"

    contact: Sealed
    """Replaces the one told before."""
    locale: str
    manage_epoch: Annotated[int, Field(ge=0)]
    """Epoch to mint the manage link with; links of a lower one open nothing any more."""
    manage_expires_at: Instant
