"""What staff put right about a booking that is made: its guest's details, and its links."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from booking.api import views
from booking.api.bodies import EditBookingDetails, EditCustomer, Noted, time_of
from booking.api.callers import (
    FrontDesk,
    IdempotencyKey,
    ShopPart,
    actor_of,
    optional_key,
    org_of,
)
from booking.api.problems import IdempotencyKeyReused
from booking.domain.guest import name_of
from booking.usecases.edit_booking import EditBooking, edit_booking
from booking.usecases.once import Answer, once
from booking.usecases.read_booking import BookingView, read_booking
from booking.usecases.revoke_links import RevokeLinks, revoke_links
from chassis.db import Transaction
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, responses

router = APIRouter(tags=["bookings"])


@router.patch(
    "/bookings/{booking_id}",
    responses=responses(NotFound, Unauthenticated, Forbidden, Conflict, Invalid),
)
async def edit(
    booking_id: UUID, body: EditBookingDetails, caller: FrontDesk, db: DB, shop: ShopPart
) -> views.Booking:
    """Correct the guest's details, or note something. A new e-mail revokes the old links."""
    wanted = body.sent()
    wanted.update(_customer(wanted.pop("customer", None)))
    if wanted.get("arrival_time") is not None:
        wanted["arrival_time"] = time_of(wanted["arrival_time"])
    command = EditBooking(booking_id=booking_id, actor=actor_of(caller), **wanted)

    async def work(tx: Transaction) -> BookingView:
        await edit_booking(tx, command, vault=shop.vault)
        return await read_booking(tx, booking_id, by_staff=True)

    return views.Booking.of(await db.run(org_of(caller), work))


def _customer(given: EditCustomer | None) -> dict[str, Any]:
    """The parts of a contact that were sent, by the use case's names."""
    if given is None:
        return {}
    sent = {name: getattr(given, name) for name in given.model_fields_set}
    names = {part: sent.pop(part) for part in ("name", "given", "family") if part in sent}
    if names:
        sent["name"] = name_of(
            whole=names.get("name"), given=names.get("given"), family=names.get("family")
        )
    return sent


@router.post(
    "/bookings/{booking_id}/revoke-links",
    responses=responses(
        NotFound, Unauthenticated, Forbidden, Conflict, Invalid, IdempotencyKeyReused
    ),
)
async def revoke(
    *,
    booking_id: UUID,
    body: Noted,
    caller: FrontDesk,
    db: DB,
    shop: ShopPart,
    idempotency_key: IdempotencyKey = None,
) -> views.LinksRevoked:
    """Revoke all links to this booking; messages sent later carry a new one."""
    key = optional_key(caller, f"POST /bookings/{booking_id}/revoke-links", idempotency_key, body)
    command = RevokeLinks(booking_id=booking_id, actor=actor_of(caller), reason=body.reason)

    async def work(tx: Transaction) -> Answer:
        revoked = await revoke_links(tx, command, vault=shop.vault)
        return views.LinksRevoked.of(revoked).model_dump(mode="json")

    answer = await db.run(org_of(caller), lambda tx: once(tx, key, lambda: work(tx)))
    return views.LinksRevoked.model_validate(answer)
