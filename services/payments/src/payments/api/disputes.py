"""Disputes, for those who may see payments."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from chassis.auth import Principal
from chassis.http import DB, require
from chassis.problems import responses
from payments.domain.disputes import Dispute, Status
from payments.problems import ForeignOrganisation, NoSuchDispute
from payments.store import disputes as store

router = APIRouter(tags=["disputes"], responses=responses(ForeignOrganisation))

DisputesViewer = Annotated[Principal, Depends(require("payments:view", "payments:manage"))]


class DisputeView(BaseModel):
    """A customer has asked their bank or PayPal for the money of a payment back.

    `respond_by`: until when evidence may be given, at the provider.
    """

    id: UUID
    booking_id: UUID
    payment_id: UUID
    provider_ref: str
    status: Status
    reason: str
    amount_minor: int
    currency: str
    respond_by: datetime | None
    opened_at: datetime
    closed_at: datetime | None


class Disputes(BaseModel):
    """Disputes, newest first."""

    disputes: list[DisputeView]


@router.get("/disputes")
async def newest(
    caller: DisputesViewer,
    db: DB,
    status: Status | None = None,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Disputes:
    """The latest disputes, of one status if given; `before` a given one, for more."""
    found = await db.run(_organisation(caller), lambda tx: store.newest(tx, status, before, limit))
    return Disputes(disputes=[_view(one) for one in found])


@router.get("/disputes/{dispute_id}", responses=responses(NoSuchDispute))
async def one(dispute_id: UUID, caller: DisputesViewer, db: DB) -> DisputeView:
    """One dispute. What happened, for the bank: `GET /v1/bookings/{booking_id}/timeline`."""
    found = await db.run(_organisation(caller), lambda tx: store.read(tx, dispute_id))
    if found is None:
        raise NoSuchDispute
    return _view(found)


def _organisation(caller: Principal) -> UUID:
    if caller.org_id is None:
        raise ForeignOrganisation
    return caller.org_id


def _view(dispute: Dispute) -> DisputeView:
    return DisputeView(
        id=dispute.id,
        booking_id=dispute.booking_id,
        payment_id=dispute.payment_id,
        provider_ref=dispute.provider_ref,
        status=dispute.status,
        reason=dispute.reason,
        amount_minor=dispute.amount.amount_minor,
        currency=dispute.amount.currency,
        respond_by=dispute.respond_by,
        opened_at=dispute.opened_at,
        closed_at=dispute.closed_at,
    )
