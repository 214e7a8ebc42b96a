"""Cancelling, and the refunds that wait for somebody to decide about them."""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter

from booking.api import paging, views
from booking.api.bodies import CancelBooking, DecideRefund
from booking.api.callers import (
    IdempotencyKey,
    Refunder,
    ShopPart,
    actor_of,
    check_guest_or,
    is_staff,
    optional_key,
    org_of,
    org_of_booking,
    required_key,
)
from booking.api.problems import IdempotencyKeyRequired, IdempotencyKeyReused
from booking.domain.booking import StaffRefund
from booking.domain.refusals import Fault, InvalidRequest
from booking.usecases import decide_refund
from booking.usecases.cancel import Cancel, cancel
from booking.usecases.once import Answer, once
from booking.usecases.refund_approvals import refund_approvals
from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Caller
from chassis.problems import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, responses

router = APIRouter(tags=["cancellations"])


@router.post(
    "/bookings/{booking_id}/cancel",
    responses=responses(
        NotFound, Unauthenticated, Forbidden, Conflict, Invalid, IdempotencyKeyReused
    ),
)
async def cancel_booking(
    *,
    booking_id: UUID,
    body: CancelBooking,
    caller: Caller,
    db: DB,
    shop: ShopPart,
    idempotency_key: IdempotencyKey = None,
) -> views.Cancelled:
    """Cancel. Guests may until the start; staff give a reason. The policy decides the refund.

    With payments:refund staff may decide it instead. Where the policy says so, it waits for
    approval.
    """
    check_guest_or(caller, "bookings:cancel")
    staff_refund = _staff_refund(body, caller)
    key = optional_key(caller, f"POST /bookings/{booking_id}/cancel", idempotency_key, body)
    cause: Literal["customer", "staff"] = "staff" if is_staff(caller) else "customer"
    command = Cancel(
        booking_id=booking_id,
        cause=cause,
        actor=actor_of(caller),
        reason=body.reason,
        manage_epoch=caller.epoch,
        staff_refund=staff_refund,
    )

    async def work(tx: Transaction) -> dict[str, Any]:
        booking, terms = await cancel(tx, command, vault=shop.vault)
        return views.Cancelled.of(booking, terms).model_dump(mode="json")

    answer = await db.run(
        org_of_booking(caller, booking_id), lambda tx: once(tx, key, lambda: work(tx))
    )
    return views.Cancelled.model_validate(answer)


def _staff_refund(body: CancelBooking, caller: Principal) -> StaffRefund | None:
    if body.refund_percent is None and body.refund is None:
        return None
    if not caller.has("payments:refund"):
        raise Forbidden("Deciding the refund needs the permission payments:refund.")
    if body.refund is None:
        return StaffRefund(percent=body.refund_percent)
    if body.refund_percent is not None:
        raise InvalidRequest(Fault("refund_percent", "give either refund_percent or refund"))
    return StaffRefund(amount_minor=body.refund.amount_minor)


@router.get("/refund-approvals", responses=responses(Unauthenticated, Forbidden, Invalid))
async def list_waiting(
    caller: Refunder, db: DB, cursor: paging.Cursor = None, limit: paging.Limit = 50
) -> views.Page[views.RefundApproval]:
    """Refunds of cancelled bookings that wait for a decision, longest first."""
    after = paging.after_instant(cursor)
    found = await db.run(org_of(caller), lambda tx: refund_approvals(tx, after, limit))
    last = found[-1] if len(found) == limit else None
    return views.Page(
        items=[views.RefundApproval.of(approval) for approval in found],
        next_cursor=paging.encode(last.requested_at, last.booking_id) if last else None,
    )


@router.post(
    "/bookings/{booking_id}/refund-approval",
    responses=responses(
        NotFound,
        Unauthenticated,
        Forbidden,
        Conflict,
        Invalid,
        IdempotencyKeyReused,
        IdempotencyKeyRequired,
    ),
)
async def decide(
    *,
    booking_id: UUID,
    body: DecideRefund,
    caller: Refunder,
    db: DB,
    idempotency_key: IdempotencyKey = None,
) -> views.RefundDecided:
    """Approve or reject the refund of a cancelled booking, once, with a reason.

    It moves money, so it needs an `Idempotency-Key`.
    """
    route = f"POST /bookings/{booking_id}/refund-approval"
    key = required_key(caller, route, idempotency_key, body)
    command = decide_refund.DecideRefund(
        booking_id=booking_id,
        approved=body.decision == "approve",
        reason=body.reason,
        actor=actor_of(caller),
    )

    async def work(tx: Transaction) -> Answer:
        refund = await decide_refund.decide_refund(tx, command)
        return views.RefundDecided(
            booking_id=booking_id, decision=body.decision, refund=views.Money.of(refund)
        ).model_dump(mode="json")

    answer = await db.run(org_of(caller), lambda tx: once(tx, key, lambda: work(tx)))
    return views.RefundDecided.model_validate(answer)
