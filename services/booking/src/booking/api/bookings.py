"""Bookings: hold, read, timeline."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from booking.api import views
from booking.api.again import until_decided
from booking.api.bodies import CreateBooking, QuoteBooking, time_of
from booking.api.callers import (
    IdempotencyKey,
    ShopPart,
    Viewer,
    actor_of,
    check_guest_or,
    is_staff,
    org_of,
    org_of_booking,
    required_key,
)
from booking.api.problems import (
    CapacityExceeded,
    FeatureOff,
    IdempotencyInProgress,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    ResourceTaken,
)
from booking.domain.guest import Name, name_of
from booking.domain.holding import Wish
from booking.domain.making import making
from booking.domain.refusals import Unknown
from booking.shop import Shop
from booking.store.idempotency import Key
from booking.usecases.hold import Held, Hold, hold
from booking.usecases.quote_booking import quote_booking
from booking.usecases.read_booking import read_booking
from booking.usecases.timeline import timeline
from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Caller, json_reply
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(tags=["bookings"])

_CREATE = "POST /bookings"


@router.post(
    "/bookings",
    status_code=201,
    responses={
        201: {"model": views.BookingCreated, "description": "The place is held"},
        **responses(
            NotFound,
            CapacityExceeded,
            ResourceTaken,
            IdempotencyInProgress,
            IdempotencyKeyReused,
            IdempotencyKeyRequired,
            FeatureOff,
            Forbidden,
        ),
    },
)
async def create_booking(
    body: CreateBooking,
    caller: Caller,
    db: DB,
    shop: ShopPart,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Hold a place. Due now: pay before `expires_at`. Nothing due: confirmed at once.

    Staff may let the guest pay at the venue, and set limits aside with a reason.
    """
    if caller.kind not in {"guest", "manage"} and not caller.has("bookings:create"):
        raise Forbidden("This needs the permission bookings:create.")
    key = required_key(caller, _CREATE, idempotency_key, body)
    org_id = await _organisation(body, shop)
    if caller.org_id not in (None, org_id):
        raise Unknown

    command = _hold(body, key, caller)

    async def work(tx: Transaction) -> tuple[Held, datetime]:
        held = await hold(
            tx,
            command,
            listings=shop.listings,
            vault=shop.vault,
            payments_enabled=shop.payments_enabled,
        )
        return held, await tx.now()

    held, now = await until_decided(db, org_id, work, plan_once=True)
    return json_reply(
        views.booking_created(held, org_id, now, shop),
        201,
        {"Location": f"/v1/bookings/{held.booking_id}"},
    )


def _wish(body: QuoteBooking, name: Name, caller: Principal) -> Wish:
    by_staff = caller.kind not in {"guest", "manage"}
    source = body.source or ("staff" if by_staff else "web")
    return Wish(
        session_id=body.session_id,
        offering_id=body.offering_id,
        start=body.start,
        party_size=body.party_size,
        quantities=body.quantities,
        resource_ids=body.resource_ids,
        items=tuple(item.choice() for item in body.items),
        allergies=body.allergies,
        promo_code=body.promo_code,
        gift_card=body.gift_card,
        payment_method=body.payment_method,
        name=name,
        locale=body.locale,
        arrival_time=None if body.arrival_time is None else time_of(body.arrival_time),
        special_requests=body.special_requests,
        drinks_package=body.drinks_package,
        source=source,
        minimum_age_attested=body.minimum_age_attested,
        making=making(
            by_staff=by_staff,
            may_override=caller.has("bookings:manage"),
            at_venue=body.payment == "at_venue",
            override=body.override.reason if body.override else None,
            source=source,
            received=body.payment_received,
            may_receive=by_staff and caller.has("payments:manage"),
        ),
    )


async def _organisation(body: QuoteBooking, shop: Shop) -> UUID:
    if body.session_id is not None:
        return await shop.tenants.of_session(body.session_id)
    assert body.offering_id is not None  # noqa: S101 - the body has one of the two
    return await shop.tenants.of_offering(body.offering_id)


def _hold(body: CreateBooking, key: Key, caller: Principal) -> Hold:
    customer = body.customer
    name = name_of(whole=customer.name, given=customer.given, family=customer.family)
    return Hold(
        wish=_wish(body, name, caller),
        email=customer.email,
        phone=customer.phone,
        key=key,
        actor=actor_of(caller),
    )


@router.post("/quotes", responses=responses(NotFound, Conflict, FeatureOff))
async def quote(body: QuoteBooking, caller: Caller, db: DB, shop: ShopPart) -> views.Quote:
    """What a booking would cost, or why it would be refused. No place is taken."""
    org_id = await _organisation(body, shop)
    if caller.org_id not in (None, org_id):
        raise Unknown
    nobody = Name("", "", "")
    quoted = await db.run(
        org_id,
        lambda tx: quote_booking(
            tx,
            _wish(body, nobody, caller),
            listings=shop.listings,
            vault=shop.vault,
            payments_enabled=shop.payments_enabled,
        ),
    )
    return views.Quote.of(quoted)


@router.get("/bookings/{booking_id}", responses=responses(NotFound, Unauthenticated, Forbidden))
async def get_booking(booking_id: UUID, caller: Caller, db: DB) -> views.Booking:
    """A booking, with what may be done with it now. For its guest and for staff."""
    check_guest_or(caller, "bookings:view")
    view = await db.run(
        org_of_booking(caller, booking_id),
        lambda tx: read_booking(
            tx, booking_id, manage_epoch=caller.epoch, by_staff=is_staff(caller)
        ),
    )
    return views.Booking.of(view)


@router.get(
    "/bookings/{booking_id}/timeline", responses=responses(NotFound, Unauthenticated, Forbidden)
)
async def get_timeline(booking_id: UUID, caller: Viewer, db: DB) -> views.Timeline:
    """Everything that happened to a booking in this service, with message ids. For staff."""
    entries = await db.run(org_of(caller), lambda tx: timeline(tx, booking_id))
    return views.Timeline(
        entries=[
            views.TimelineEntry(
                at=entry.at,
                type=entry.type,
                message_id=entry.message_id,
                summary=entry.summary,
                data=entry.data,
            )
            for entry in entries
        ]
    )
