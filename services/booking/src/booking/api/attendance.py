"""The day itself: arrivals, completions, no-shows, slips taken back, and the waiver."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

from fastapi import APIRouter

from booking.api import views
from booking.api.bodies import CheckIn, Noted, SignWaiver
from booking.api.callers import (
    Creation,
    FrontDesk,
    IdempotencyKey,
    Manager,
    ShopPart,
    actor_of,
    check_guest_or,
    optional_key,
    org_of_booking,
)
from booking.api.problems import IdempotencyKeyReused
from booking.domain.booking import Booking
from booking.usecases import attend, sign_waiver
from booking.usecases.attend import Attend
from booking.usecases.charge_fee_again import ChargeAgain, charge_fee_again
from booking.usecases.once import Answer, once
from chassis.db import Database, Transaction
from chassis.http import DB, Caller
from chassis.problems import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, responses

router = APIRouter(tags=["attendance"])

Step: TypeAlias = Callable[[Transaction, Attend], Awaitable[Booking]]
_REFUSALS = responses(NotFound, Unauthenticated, Forbidden, Conflict, Invalid, IdempotencyKeyReused)


@router.post("/bookings/{booking_id}/check-in", responses=_REFUSALS)
async def check_in(
    *,
    booking_id: UUID,
    body: CheckIn,
    caller: FrontDesk,
    db: DB,
    idempotency_key: IdempotencyKey = None,
) -> views.Attendance:
    """The guest is here. Outside the time for it only with a reason; a waiver comes first."""
    reason = body.override.reason if body.override else None
    command = Attend(booking_id=booking_id, actor=actor_of(caller), reason=reason)
    route = f"POST /bookings/{booking_id}/check-in"
    request = Creation.of(caller, None, route, idempotency_key, body)
    return await _record(attend.check_in, command, request, db)


@router.post("/bookings/{booking_id}/complete", responses=_REFUSALS)
async def complete(
    *,
    booking_id: UUID,
    body: Noted,
    caller: FrontDesk,
    db: DB,
    idempotency_key: IdempotencyKey = None,
) -> views.Attendance:
    """The visit of a guest who was checked in is over."""
    command = Attend(booking_id=booking_id, actor=actor_of(caller), reason=body.reason)
    route = f"POST /bookings/{booking_id}/complete"
    request = Creation.of(caller, None, route, idempotency_key, body)
    return await _record(attend.complete, command, request, db)


@router.post("/bookings/{booking_id}/no-show", responses=_REFUSALS)
async def mark_no_show(
    *,
    booking_id: UUID,
    body: Noted,
    caller: FrontDesk,
    db: DB,
    idempotency_key: IdempotencyKey = None,
) -> views.Attendance:
    """The guest did not come: possible from the start on. What was paid is kept.

    A no-show fee is charged to the saved card when this can no longer be undone.
    """
    command = Attend(booking_id=booking_id, actor=actor_of(caller), reason=body.reason)
    route = f"POST /bookings/{booking_id}/no-show"
    request = Creation.of(caller, None, route, idempotency_key, body)
    return await _record(attend.mark_no_show, command, request, db)


@router.post("/bookings/{booking_id}/no-show-fee", responses=_REFUSALS)
async def charge_again(
    *,
    booking_id: UUID,
    body: Noted,
    caller: Manager,
    db: DB,
    shop: ShopPart,
    idempotency_key: IdempotencyKey = None,
) -> views.NoShowFee:
    """Charge a no-show fee once more, after the saved card was declined."""
    command = ChargeAgain(booking_id=booking_id, actor=actor_of(caller), reason=body.reason)
    route = f"POST /bookings/{booking_id}/no-show-fee"
    request = Creation.of(caller, None, route, idempotency_key, body)

    async def work(tx: Transaction) -> Answer:
        fee = await charge_fee_again(tx, command, vault=shop.vault)
        return views.NoShowFee.due(fee).model_dump(mode="json")

    return views.NoShowFee.model_validate(await request.run(db, work))


@router.post("/bookings/{booking_id}/undo", responses=_REFUSALS)
async def undo(
    *,
    booking_id: UUID,
    body: Noted,
    caller: FrontDesk,
    db: DB,
    idempotency_key: IdempotencyKey = None,
) -> views.Attendance:
    """Take back a check-in, a completion or a no-show that was a slip, within `undo_minutes`."""
    command = Attend(booking_id=booking_id, actor=actor_of(caller), reason=body.reason)
    route = f"POST /bookings/{booking_id}/undo"
    request = Creation.of(caller, None, route, idempotency_key, body)
    return await _record(attend.undo, command, request, db)


@router.post("/bookings/{booking_id}/waiver", responses=_REFUSALS)
async def sign(
    *,
    booking_id: UUID,
    body: SignWaiver,
    caller: Caller,
    db: DB,
    idempotency_key: IdempotencyKey = None,
) -> views.WaiverSigned:
    """Sign the waiver: the guest by their link, or staff at the desk on their behalf."""
    check_guest_or(caller, "bookings:edit")
    key = optional_key(caller, f"POST /bookings/{booking_id}/waiver", idempotency_key, body)
    command = sign_waiver.SignWaiver(
        booking_id=booking_id,
        signed_name=body.signed_name,
        actor=actor_of(caller),
        manage_epoch=caller.epoch,
    )

    async def work(tx: Transaction) -> Answer:
        signed = await sign_waiver.sign_waiver(tx, command)
        return views.WaiverSigned.of(signed).model_dump(mode="json")

    answer = await db.run(
        org_of_booking(caller, booking_id), lambda tx: once(tx, key, lambda: work(tx))
    )
    return views.WaiverSigned.model_validate(answer)


async def _record(step: Step, command: Attend, request: Creation, db: Database) -> views.Attendance:
    async def work(tx: Transaction) -> Answer:
        return views.Attendance.of(await step(tx, command)).model_dump(mode="json")

    return views.Attendance.model_validate(await request.run(db, work))
