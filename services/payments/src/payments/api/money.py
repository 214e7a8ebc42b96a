"""Money for staff: what was paid, and giving it back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Body, require
from chassis.problems import FieldError, Invalid, responses
from payments.api.bookings import Amount
from payments.api.parts import Parts
from payments.api.request_keys import Key, checked, digest
from payments.domain import money
from payments.domain.payment import Status
from payments.domain.refunds import Refund, Request, Taken
from payments.domain.snapshot import RefundStatus
from payments.problems import (
    AlreadyRefunded,
    KeyRequired,
    KeyReused,
    MoreThanLeft,
    NoPayment,
    NothingCaptured,
    RefundNotFailed,
)
from payments.usecases.read_money import money_of_booking, money_of_payment
from payments.usecases.refund_payment import Recorded, RefundPayment, refund_payment

router = APIRouter(tags=["payments"])

Viewer = Annotated[Principal, Depends(require("bookings:view"))]
Refunder = Annotated[Principal, Depends(require("payments:refund"))]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


class RefundAmount(Body):
    """How much, in the payment's currency and its minor unit."""

    amount_minor: Annotated[int, Field(ge=1, le=money.LARGEST_AMOUNT)]


class RefundRequest(Body):
    """What goes back, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"amount": {"amount_minor": 1500}, "reason": "The room was cold"}]
        }
    )

    amount: RefundAmount | None = None
    """Left out: all that is left."""
    reason: Reason
    release_place: bool = True
    """Whether the booking is cancelled with it; it counts only once all that was paid goes back."""
    retry_of: UUID | None = None
    """A refund that failed, to be tried once more with its own amount."""


class RefundView(BaseModel):
    """One refund. `requested_by` is null where nobody here asked: `cause` says who did."""

    id: UUID
    payment_id: UUID
    amount: Amount
    status: RefundStatus
    cause: str
    """`staff`; `provider`: made by hand there; else why the booking asked (`cancelled`, ...)."""
    reason: str | None
    requested_by: str | None
    requested_at: datetime | None
    settled_at: datetime | None
    failure_code: str | None


class MoneyView(BaseModel):
    """A payment as staff see it. `refundable`: what may still go back."""

    id: UUID
    booking_id: UUID
    change_id: UUID | None
    status: Status
    provider: str
    provider_ref: str | None
    method: str
    amount: Amount
    amount_captured: Amount | None
    refunded_total: Amount
    refundable: Amount
    refunds: list[RefundView]


class MoneyOfBooking(BaseModel):
    """The payments of a booking and of its changes, oldest first."""

    items: list[MoneyView]


@router.get("/payments/{payment_id}", responses=responses(NoPayment))
async def payment(payment_id: UUID, viewer: Viewer, db: DB) -> MoneyView:
    """A payment, and each of its refunds: how it stands, who asked for it, when and why."""
    return _view(await db.run(viewer.org_id, lambda tx: money_of_payment(tx, payment_id)))


@router.get("/bookings/{booking_id}/payments")
async def payments_of_booking(booking_id: UUID, viewer: Viewer, db: DB) -> MoneyOfBooking:
    """All payments of a booking, with their refunds."""
    found = await db.run(viewer.org_id, lambda tx: money_of_booking(tx, booking_id))
    return MoneyOfBooking(items=[_view(each) for each in found])


@router.post(
    "/payments/{payment_id}/refunds",
    status_code=201,
    responses=responses(
        NoPayment,
        AlreadyRefunded,
        NothingCaptured,
        RefundNotFailed,
        MoreThanLeft,
        KeyRequired,
        KeyReused,
    ),
)
async def refund(
    *,
    payment_id: UUID,
    body: RefundRequest,
    caller: Refunder,
    parts: Parts,
    db: DB,
    response: Response,
    idempotency_key: Key = None,
) -> RefundView:
    """Give money of a payment back, whatever became of its booking (F-32).

    The answer comes before the provider's: `pending` becomes `succeeded` or `failed`.
    """
    if body.retry_of is not None and body.amount is not None:
        raise Invalid(errors=[FieldError("amount", "a retry has the amount of what failed")])
    command = RefundPayment(
        payment_id=payment_id,
        amount_minor=body.amount.amount_minor if body.amount else None,
        retry_of=body.retry_of,
        request=_request(body, caller, idempotency_key),
    )

    async def work(tx: Transaction) -> Recorded:
        return await refund_payment(tx, command, providers=parts.providers)

    recorded = await db.run(caller.org_id, work)
    response.headers["Location"] = f"/v1/payments/{payment_id}"
    if recorded.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return _refund_view(recorded.refund)


def _request(body: RefundRequest, caller: Principal, key: str | None) -> Request:
    by = f"{caller.kind}:{caller.id}"
    return Request(
        by=by,
        reason=body.reason,
        key=f"{by} {checked(key)}",
        digest=digest(body),
        release_place=body.release_place,
    )


def _view(taken: Taken) -> MoneyView:
    found = taken.payment
    return MoneyView(
        id=found.id,
        booking_id=found.booking_id,
        change_id=found.change_id,
        status=found.status,
        provider=found.provider,
        provider_ref=found.refundable_ref or None,
        method=found.method,
        amount=_amount(found.amount),
        amount_captured=_amount(found.captured) if found.captured else None,
        refunded_total=_amount(found.refunded_total),
        refundable=_amount(taken.left),
        refunds=[_refund_view(each) for each in taken.refunds],
    )


def _refund_view(refund: Refund) -> RefundView:
    request = refund.request
    return RefundView(
        id=refund.id,
        payment_id=refund.payment_id,
        amount=_amount(refund.amount),
        status=refund.status,
        cause=refund.why,
        reason=request.reason if request else None,
        requested_by=request.by if request else None,
        requested_at=refund.requested_at,
        settled_at=refund.settled_at,
        failure_code=refund.failure_code,
    )


def _amount(amount: money.Money) -> Amount:
    return Amount(amount_minor=amount.amount_minor, currency=amount.currency)
