"""Refunds that wait for somebody to decide about them."""

from uuid import UUID

from fastapi import APIRouter

from booking.api import paging, views
from booking.api.bodies import DecideRefund
from booking.api.callers import IdempotencyKey, Refunder, actor_of, org_of, required_key
from booking.api.problems import IdempotencyKeyRequired, IdempotencyKeyReused
from booking.usecases import decide_refund
from booking.usecases.once import Answer, once
from booking.usecases.refund_approvals import refund_approvals
from chassis.db import Transaction
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, responses

router = APIRouter(tags=["refunds"])


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
