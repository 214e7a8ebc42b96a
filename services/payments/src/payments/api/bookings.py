"""What payments knows of a booking: how to pay it, and what happened."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Caller, require
from chassis.problems import Forbidden, Unauthenticated, responses
from payments.api.parts import Parts, switched_on
from payments.domain.failures import message
from payments.domain.money import Money
from payments.domain.payment import Payment, Status
from payments.domain.provider import PLATFORM
from payments.problems import NoPayment, PaymentsDisabled
from payments.store import timeline as history
from payments.usecases.intend import look_at_provider
from payments.usecases.read_payment import Standing, read_payment

router = APIRouter(tags=["payments"])

Viewer = Annotated[Principal, Depends(require("bookings:view"))]


class Amount(BaseModel):
    """An amount in the currency's minor unit."""

    amount_minor: int
    currency: str


class FailureView(BaseModel):
    """Why the last try failed: a stable code, and a sentence for the customer."""

    code: str
    message: str


class TransferView(BaseModel):
    """What a guest who pays by hand has to do: send this to `payee` with this `message`.

    `payee` is the Swish number, or the venue's bank details in its own words; null: as the venue
    says. The place waits until `pay_by`.
    """

    payee: str | None
    message: str
    amount: Amount
    pay_by: datetime


class PaymentView(BaseModel):
    """How a booking's payment stands.

    What it takes to pay is there only while it can be paid: a `client_secret` for the provider's
    own form, the `redirect_url` of its page, or the `transfer` that the guest makes.

    `change_id` names the change that this payment is for; null: the booking itself. `purpose`
    says it in a word. `kind`: whether the `client_secret` is that of a payment, or of a card that
    is only to be saved (`setup`). `billing_countries`: whose cards the provider's form is to ask
    for, by billing address (ISO 3166-1 alpha-2); empty: any country's.
    """

    id: UUID
    change_id: UUID | None
    purpose: Literal["booking", "change", "no_show_fee"]
    kind: Literal["payment", "setup"]
    status: Status
    provider: str
    amount: Amount
    refunded_total: Amount
    method: str
    client_secret: str | None
    redirect_url: str | None
    publishable_key: str | None
    billing_countries: list[str]
    transfer: TransferView | None
    failure: FailureView | None


class TimelineEntry(BaseModel):
    """One thing that this service did, learnt or told because of a booking."""

    at: datetime
    service: Literal["payments"] = "payments"
    type: str
    message_id: UUID | None
    summary: str
    data: dict[str, object]


class Timeline(BaseModel):
    """What happened to a booking here, oldest first."""

    entries: list[TimelineEntry]


@router.get(
    "/bookings/{booking_id}/payment",
    dependencies=[Depends(switched_on)],
    responses=responses(NoPayment, PaymentsDisabled),
)
async def payment(
    booking_id: UUID, caller: Caller, parts: Parts, db: DB, change_id: UUID | None = None
) -> PaymentView:
    """The booking's payment, for the holder of its manage token or staff who may see bookings.

    With `change_id` the further payment of that change; without, the newest payment that waits,
    else the booking's own.
    """
    _allow(caller, booking_id)
    standing = await db.run(
        caller.org_id, lambda tx: read_payment(tx, booking_id, change_id, secrets=parts.columns)
    )
    return view_of(standing, parts.platform_publishable_key)


@router.post(
    "/bookings/{booking_id}/payment/return",
    status_code=202,
    dependencies=[Depends(switched_on)],
    responses=responses(NoPayment, PaymentsDisabled),
)
async def came_back(
    booking_id: UUID, caller: Caller, parts: Parts, db: DB, change_id: UUID | None = None
) -> PaymentView:
    """The guest is back from the provider's page: look there now, whatever it has told us so far.

    The answer is how the payment stands before that look; ask again in a second.
    """
    _allow(caller, booking_id)

    async def work(tx: Transaction) -> Standing:
        standing = await read_payment(tx, booking_id, change_id, secrets=parts.columns)
        if standing.payment.payable:
            look_at_provider(tx, standing.payment)
        return standing

    return view_of(await db.run(caller.org_id, work), parts.platform_publishable_key)


@router.get("/bookings/{booking_id}/timeline")
async def timeline(booking_id: UUID, viewer: Viewer, db: DB) -> Timeline:
    """This service's part of a booking's timeline."""
    entries = await db.run(viewer.org_id, lambda tx: history.of_booking(tx, booking_id))
    return Timeline(
        entries=[
            TimelineEntry(
                at=entry.at,
                type=entry.type,
                message_id=entry.message_id,
                summary=entry.summary,
                data=entry.data,
            )
            for entry in entries
        ]
    )


def _allow(caller: Principal, booking_id: UUID) -> None:
    if caller.kind == "manage":
        if caller.booking_id != booking_id:
            raise NoPayment
    elif not caller.has("bookings:view"):
        raise Unauthenticated if caller.kind == "guest" else Forbidden


def view_of(standing: Standing, platform_key: str | None) -> PaymentView:
    """A payment as its guest and the staff see it."""
    found = standing.payment
    key = found.failure.message_key if found.failure else None
    return PaymentView(
        id=found.id,
        change_id=found.change_id,
        purpose=_purpose(found),
        kind="payment" if found.amount.amount_minor else "setup",
        status=found.status,
        provider=found.provider,
        amount=_amount(found.amount),
        refunded_total=_amount(found.refunded_total),
        method=found.method,
        client_secret=standing.client_secret,
        redirect_url=standing.redirect_url,
        publishable_key=standing.publishable_key
        or (platform_key if found.account_id == PLATFORM else None),
        billing_countries=list(standing.billing_countries),
        transfer=_transfer(standing),
        failure=FailureView(code=key, message=message(key, found.locale)) if key else None,
    )


def _transfer(standing: Standing) -> TransferView | None:
    found = standing.transfer
    if found is None:
        return None
    return TransferView(
        payee=found.payee,
        message=found.message,
        amount=_amount(standing.payment.amount),
        pay_by=standing.payment.expires_at,
    )


def _purpose(found: Payment) -> Literal["booking", "change", "no_show_fee"]:
    if found.no_show_fee:
        return "no_show_fee"
    return "change" if found.change_id else "booking"


def _amount(amount: Money) -> Amount:
    return Amount(amount_minor=amount.amount_minor, currency=amount.currency)
