"""Moving a booking."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from booking.api import views
from booking.api.again import until_decided
from booking.api.bodies import RescheduleBooking, time_of
from booking.api.callers import (
    IdempotencyKey,
    ShopPart,
    actor_of,
    check_guest_or,
    is_staff,
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
from booking.api.texts import text
from booking.domain.moving import ChangeState
from booking.usecases.once import once
from booking.usecases.reschedule import Reschedule, Rescheduled, reschedule
from chassis.db import Transaction
from chassis.http import DB, Caller
from chassis.problems import Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(tags=["bookings"])


@router.post(
    "/bookings/{booking_id}/reschedule",
    responses=responses(
        NotFound,
        Unauthenticated,
        Forbidden,
        CapacityExceeded,
        ResourceTaken,
        IdempotencyInProgress,
        IdempotencyKeyReused,
        IdempotencyKeyRequired,
        FeatureOff,
    ),
)
async def reschedule_booking(
    *,
    booking_id: UUID,
    body: RescheduleBooking,
    caller: Caller,
    db: DB,
    shop: ShopPart,
    idempotency_key: IdempotencyKey = None,
) -> views.Rescheduled:
    """Move a booking: at once, or when a dearer place's difference is paid (`change`)."""
    check_guest_or(caller, "bookings:edit")
    key = required_key(caller, f"POST /bookings/{booking_id}/reschedule", idempotency_key, body)
    command = Reschedule(
        booking_id=booking_id,
        session_id=body.session_id,
        start=body.start,
        party_size=body.party_size,
        quantities=body.quantities,
        resource_ids=body.resource_ids,
        arrival_time=None if body.arrival_time is None else time_of(body.arrival_time),
        actor=actor_of(caller),
        reason=body.reason,
        manage_epoch=None if is_staff(caller) else caller.epoch,
    )

    async def work(tx: Transaction) -> dict[str, Any]:
        return await _answer(tx, await reschedule(tx, command, shop=shop))

    answer = await until_decided(
        db, org_of_booking(caller, booking_id), lambda tx: once(tx, key, lambda: work(tx))
    )
    return views.Rescheduled.model_validate(answer)


async def _answer(tx: Transaction, done: Rescheduled) -> dict[str, Any]:
    booking, change = done.booking, done.change
    pending = change.state is ChangeState.PENDING
    told = "pay" if pending else "refund" if done.refund.amount_minor else "moved"
    return views.Rescheduled(
        moved=not pending,
        session_id=booking.session_id,
        starts_at=booking.occasion.starts_at,
        ends_at=booking.occasion.ends_at,
        amount_total=views.Money.of(booking.quote.total),
        refund=views.Money.of(done.refund),
        change=views.PendingChange.of(change, await tx.now()) if pending else None,
        message=text(f"reschedule.{told}", booking.locale),
    ).model_dump(mode="json")
