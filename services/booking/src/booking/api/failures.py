"""Paid bookings without a place: the list, and what staff can do about one."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from booking.api import paging
from booking.api.again import until_decided
from booking.api.callers import (
    IdempotencyKey,
    Manager,
    ShopPart,
    Viewer,
    actor_of,
    org_of,
    required_key,
)
from booking.api.problems import (
    CapacityExceeded,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    ResourceTaken,
)
from booking.api.views import Page
from booking.api.views.front_desk import FailedBooking, Recovered
from booking.domain.lifecycle import Status
from booking.domain.recovery import RefundState
from booking.shop import Shop
from booking.store.failures import Failure
from booking.usecases.once import once
from booking.usecases.recover import Recover, failed_bookings, rebook, retry_refund
from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Body
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(tags=["front desk"], responses=responses(Unauthenticated, Forbidden))

_RECOVER = "POST /bookings/{id}/recover"


class RecoverBooking(Body):
    """Ask for a failed refund once more, or give the guest the place after all."""

    action: Literal["retry_refund", "rebook"]
    reason: Annotated[str | None, Field(max_length=500)] = None


@router.get("/bookings/failed")
async def get_failed(
    caller: Viewer,
    db: DB,
    shop: ShopPart,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> Page[FailedBooking]:
    """Bookings that were paid but got no place: amount, cause, and where the refund stands."""
    after = paging.after_id(cursor)
    found = await db.run(org_of(caller), lambda tx: failed_bookings(tx, after=after, limit=limit))
    return Page(
        items=[_failed(failure, caller, shop) for failure in found],
        next_cursor=paging.encode(found[-1].id) if len(found) == limit else None,
    )


def _failed(failure: Failure, caller: Principal, shop: Shop) -> FailedBooking:
    seen = caller.has("customers:view")
    contact = shop.vault.open(failure.sealed_contact, failure.id) if seen else None
    return FailedBooking.of(failure, contact)


@router.post(
    "/bookings/{booking_id}/recover",
    responses=responses(
        NotFound,
        Conflict,
        CapacityExceeded,
        ResourceTaken,
        IdempotencyKeyRequired,
        IdempotencyKeyReused,
    ),
)
async def recover_booking(
    *,
    booking_id: UUID,
    body: RecoverBooking,
    caller: Manager,
    db: DB,
    shop: ShopPart,
    idempotency_key: IdempotencyKey = None,
) -> Recovered:
    """Retry a failed refund, or rebook when the place is free and nothing went back yet."""
    key = required_key(caller, f"{_RECOVER} {booking_id}", idempotency_key, body)
    command = Recover(booking_id=booking_id, actor=actor_of(caller), reason=body.reason)

    async def refund(tx: Transaction) -> Recovered:
        await retry_refund(tx, command)
        return Recovered(id=booking_id, status=Status.UNFULFILLABLE, refund=RefundState.PENDING)

    async def give_place(tx: Transaction) -> Recovered:
        booked = await rebook(tx, command, vault=shop.vault, listings=shop.listings)
        return Recovered(id=booking_id, status=booked.status, refund=None)

    act = {"retry_refund": refund, "rebook": give_place}[body.action]
    answer = await until_decided(
        db, org_of(caller), lambda tx: once(tx, key, lambda: _plain(act, tx))
    )
    return Recovered.model_validate(answer)


async def _plain(
    act: Callable[[Transaction], Awaitable[Recovered]], tx: Transaction
) -> dict[str, Any]:
    return (await act(tx)).model_dump(mode="json")
