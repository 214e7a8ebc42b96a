"""Deciding on a hold: everything but whether the place is free, which only the database knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.booking import Booking, Occasion
from booking.domain.catalogue import check_on_sale
from booking.domain.codes import NO_CODES, Codes
from booking.domain.floor import Floor
from booking.domain.guest import Name
from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.local_time import NoSuchLocalTime, Span, arrival, instant, zone
from booking.domain.making import BY_GUEST, Making
from booking.domain.money import Money
from booking.domain.ordering import Choice, Dish, chosen
from booking.domain.pricing import CARD, Order, chosen_method
from booking.domain.quoting import quoted
from booking.domain.refusals import Fault, InvalidRequest, PaymentsOff

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from booking.domain.catalogue import Listing, Session
    from booking.domain.floor import Taken


@dataclass(frozen=True, slots=True)
class LocalStart:
    """A start by the venue's clock."""

    date: date
    time: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a guest asks for: a session, or an offering and a time, or a time in a session."""

    session_id: UUID | None = None
    offering_id: UUID | None = None
    start: datetime | LocalStart | None = None
    party_size: int | None
    resource_ids: tuple[UUID, ...]
    name: Name
    locale: str | None
    arrival_time: time | None
    special_requests: str | None
    drinks_package: str | None
    source: str
    quantities: Mapping[str, int] = field(default_factory=dict)
    minimum_age_attested: bool = False
    making: Making = BY_GUEST
    items: tuple[Choice, ...] = ()
    allergies: tuple[str, ...] = ()
    promo_code: str | None = None
    gift_card: str | None = None
    payment_method: str | None = None


def start_of(wish: Wish, listing: Listing) -> datetime | None:
    """The instant at which the guest wants to come, if the wish says so.

    Raises:
        InvalidRequest: the clocks at the venue skip it.
    """
    if not isinstance(wish.start, LocalStart):
        return wish.start
    try:
        return instant(wish.start.date, wish.start.time, zone(listing.venue.timezone))
    except (NoSuchLocalTime, OverflowError) as wrong:
        raise InvalidRequest(Fault("start_time", str(wrong))) from wrong


def party_of(wish: Wish, listing: Listing) -> int:
    """How many people come.

    Raises:
        InvalidRequest: the wish does not say, or contradicts itself.
    """
    return listing.offering.pricing.party_of(wish.party_size, wish.quantities)


def span_of(wish: Wish, listing: Listing, session: Session, now: datetime) -> Span:
    """When the booking would be.

    Raises:
        InvalidRequest: by the offering's schedule, such a party may not come then.
        NotOnSale, SessionClosed, SessionStarted: no booking may be made here now.
    """
    schedule, tz = listing.offering.schedule, zone(listing.venue.timezone)
    span = schedule.booking_span(
        Span(session.starts_at, session.ends_at),
        start_of(wish, listing),
        party_of(wish, listing),
        tz,
    )
    check_on_sale(listing, session, now, span.starts_at)
    if not wish.making.overrides:
        schedule.check_advance(now, span.starts_at, tz)
    return span


def decide(
    wish: Wish,
    listing: Listing,
    session: Session,
    offered: Collection[UUID],
    *,
    span: Span,
    taken: Taken | None = None,
    booking_id: UUID,
    reference: str,
    sealed_contact: str,
    payments_enabled: bool,
    now: datetime,
    codes: Codes = NO_CODES,
) -> Booking:
    """The booking that this wish becomes if its place is free.

    A no-show guarantee is waited for like a payment, though nothing may be due (OPN-06).

    ``offered`` are those of the wished resources that the session has; ``span`` is what
    ``span_of`` says; ``taken`` is known where tables are assigned. Nothing due: confirmed at once.
    Otherwise the place is held for exactly ``hold_minutes``, or ``by_hand_minutes`` where somebody
    must see the money arrive.

    Raises:
        InvalidRequest: the wish does not fit the offering, a dish cannot be had, or a code is
            not valid here, or the payment method is not offered; the field is named.
        NotPermitted: a guest wants to pay in a way that is for staff.
        CoversReached, PacingReached, NoTableFree: the house has no table for the party then.
        PaymentsOff: something is due, or a card to be saved, and payments are off (SEC-10).
        NoPaymentMethod: something is due, and no method clears before the start (F-11).
    """
    offering, venue = listing.offering, listing.venue
    policy = wish.making.terms(offering.policy, wish.payment_method)
    policy.check_age(attested=wish.minimum_age_attested)
    seats = {resource: listing.seats[resource] for resource in offered if resource in listing.seats}
    party_size = party_of(wish, listing)
    floor = None if taken is None else Floor(session, listing.tables, taken)
    claim = offering.inventory.claim(party_size, wish.resource_ids, seats, floor)
    arrives_at = None
    if wish.arrival_time is not None:
        arrives_at = arrival(wish.arrival_time, *span, zone(venue.timezone))
        if arrives_at is None:
            raise InvalidRequest(Fault("arrival_time", "must lie within the session"))
    dishes = dishes_of(
        wish.items, listing, party_size=party_size, starts_at=span.starts_at, now=now
    )
    codes.check(offering.id, now, venue.currency)
    order = Order(party_size, wish.quantities, dishes)
    quote = wish.making.due(quoted(offering.pricing, order, venue.currency, codes))
    waits = quote.due_now.amount_minor > 0 or policy.no_show is not None
    if waits and not payments_enabled:
        raise PaymentsOff
    methods = offering.pricing.payment_methods
    if waits:
        methods = wish.making.methods(methods, wish.payment_method)
        methods = policy.methods_for(policy.saving(methods, CARD), now, span.starts_at)
        methods = chosen_method(methods, wish.payment_method)
    method = methods[0] if waits else None
    wish.making.check_received(method)
    nothing = Money(0, venue.currency)
    return Booking(
        id=booking_id,
        org_id=listing.organisation.org_id,
        venue_id=venue.id,
        offering_id=offering.id,
        session_id=session.id,
        reference=reference,
        status=Status.PENDING_PAYMENT if waits else Status.CONFIRMED,
        payment_status=(
            PaymentStatus.UNPAID if quote.owed.amount_minor > 0 else PaymentStatus.NOT_REQUIRED
        ),
        version=1,
        party_size=party_size,
        quantities=wish.quantities,
        allergies=wish.allergies,
        claim=claim,
        quote=quote,
        paid=nothing,
        refunded=nothing,
        policy=policy,
        payment_methods=methods,
        name=wish.name,
        sealed_contact=sealed_contact,
        locale=wish.locale or venue.locale,
        source=wish.source,
        arrives_at=arrives_at,
        special_requests=wish.special_requests,
        drinks_package=wish.drinks_package,
        created_at=now,
        expires_at=policy.hold_ends(now, method, span.starts_at) if waits else None,
        occasion=Occasion(
            title=session.title,
            starts_at=span.starts_at,
            ends_at=span.ends_at,
            timezone=venue.timezone,
            venue_name=venue.name,
            offering_kind=offering.preset.value,
        ),
        confirmed_at=None if waits else now,
        status_at=now,
        age_attested=policy.minimum_age,
    )


def dishes_of(
    choices: Sequence[Choice],
    listing: Listing,
    *,
    party_size: int,
    starts_at: datetime,
    now: datetime,
) -> tuple[Dish, ...]:
    """The dishes a party orders for a visit that starts then; see ``MenuChoice.dishes``.

    Raises:
        InvalidRequest: a dish cannot be had, or the order is too small, too large or too late.
    """
    return chosen(
        listing.offering.pricing.menu,
        choices,
        listing.menu,
        party_size=party_size,
        day=starts_at.astimezone(zone(listing.venue.timezone)).date(),
        starts_at=starts_at,
        now=now,
    )
