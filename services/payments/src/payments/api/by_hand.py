"""What staff say of money that moves by hand: it has arrived, it went back (PAY-33).

Like notifications of providers this is taken while payments are switched off, too: it tells of
money that has moved.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Body, require
from chassis.problems import responses
from payments.api.bookings import Amount, PaymentView, view_of
from payments.api.parts import Parts, Public
from payments.api.request_keys import Key, checked, digest
from payments.domain.payment import Payment
from payments.domain.provider import Witnessed
from payments.domain.refunds import Refund
from payments.domain.snapshot import RefundStatus
from payments.domain.statements import Marked, Request, Statement
from payments.problems import (
    CannotMarkPaid,
    CannotMarkReturned,
    KeyRequired,
    KeyReused,
    NoPayment,
    NoSuchRefund,
)
from payments.store import refunds
from payments.usecases.mark_paid import mark_paid
from payments.usecases.mark_returned import mark_returned
from payments.usecases.read_payment import Standing

router = APIRouter(tags=["payments"])

Manager = Annotated[Principal, Depends(require("payments:manage"))]
Viewer = Annotated[Principal, Depends(require("payments:view"))]
Reference = Annotated[
    str | None,
    Field(min_length=1, max_length=100, description="Of the transfer, as the bank shows it"),
]


class Arrival(Body):
    """Money that somebody of the staff has seen arrive."""

    payment_id: UUID | None = None
    """Which of the booking's payments; left out: the newest that waits, else its own."""
    reference: Reference = None


class Dispatch(Body):
    """A refund that somebody of the staff has sent."""

    reference: Reference = None


class RefundView(BaseModel):
    """A refund by hand."""

    id: UUID
    booking_id: UUID
    payment_id: UUID
    amount: Amount
    status: RefundStatus


class OwedRefund(RefundView):
    """One that is still to be sent, to whom paid by this method, and since when."""

    method: str
    owed_since: datetime


class OwedRefunds(BaseModel):
    """Oldest first; `next_cursor` leads on while there are more."""

    items: list[OwedRefund]
    next_cursor: UUID | None


@router.post(
    "/bookings/{booking_id}/mark-paid",
    responses=responses(NoPayment, CannotMarkPaid, KeyRequired, KeyReused),
)
async def paid(
    *,
    booking_id: UUID,
    body: Arrival,
    caller: Manager,
    parts: Parts,
    db: DB,
    response: Response,
    idempotency_key: Key = None,
) -> PaymentView:
    """The money of a payment by hand has arrived; saying it twice changes nothing (S2-9).

    The booking is confirmed a moment later. After the deadline the money is late: the place is
    taken again if it is free, else it is owed back.
    """
    said = _statement(caller, f"paid {booking_id}", idempotency_key, body)

    async def work(tx: Transaction) -> Marked[Payment]:
        return await mark_paid(
            tx, booking_id, body.payment_id, said=said, providers=parts.providers
        )

    marked = await db.run(caller.org_id, work)
    _tell_replay(response, marked)
    return view_of(Standing(marked.subject, None, None, None), parts.platform_publishable_key)


@router.get("/refunds-owed")
async def owed(
    viewer: Viewer,
    parts: Parts,
    db: DB,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> OwedRefunds:
    """Refunds that nobody sends but the venue: of payments that were made by hand."""
    names = _by_hand(parts)
    found = await db.run(
        viewer.org_id,
        lambda tx: refunds.owed(tx, names, after=cursor, limit=limit + 1),
    )
    shown = found[:limit]
    return OwedRefunds(
        items=[
            OwedRefund(**_view(each.refund).model_dump(), method=each.method, owed_since=each.since)
            for each in shown
        ],
        next_cursor=shown[-1].refund.id if len(found) > limit else None,
    )


@router.post(
    "/refunds/{refund_id}/mark-returned",
    responses=responses(NoSuchRefund, CannotMarkReturned, KeyRequired, KeyReused),
)
async def returned(
    *,
    refund_id: UUID,
    body: Dispatch,
    caller: Manager,
    parts: Parts,
    db: DB,
    response: Response,
    idempotency_key: Key = None,
) -> RefundView:
    """A refund that was owed by hand has been sent; saying it twice changes nothing."""
    said = _statement(caller, f"returned {refund_id}", idempotency_key, body)
    marked = await db.run(
        caller.org_id,
        lambda tx: mark_returned(tx, refund_id, said=said, providers=parts.providers),
    )
    _tell_replay(response, marked)
    return _view(marked.subject)


def _statement(
    caller: Principal, about: str, key: str | None, body: Arrival | Dispatch
) -> Statement:
    by = f"{caller.kind}:{caller.id}"
    request = None if key is None else Request(f"{by} {about} {checked(key)}", digest(body))
    return Statement(by, body.reference, request)


def _tell_replay(response: Response, marked: Marked[Payment] | Marked[Refund]) -> None:
    if marked.replayed:
        response.headers["Idempotent-Replayed"] = "true"


def _by_hand(parts: Public) -> Sequence[str]:
    return [one.name for one in parts.providers if isinstance(one, Witnessed)]


def _view(refund: Refund) -> RefundView:
    amount = refund.amount
    return RefundView(
        id=refund.id,
        booking_id=refund.booking_id,
        payment_id=refund.payment_id,
        amount=Amount(amount_minor=amount.amount_minor, currency=amount.currency),
        status=refund.status,
    )
