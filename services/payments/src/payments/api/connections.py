"""Organisations that are paid through the platform's own provider account."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, Field

from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Body, part, require
from chassis.ids import uuid7
from chassis.problems import Forbidden, responses
from payments.api.accounts import PaymentsManager, organisation
from payments.api.parts import switched_on
from payments.domain.connections import Connection, Standing, as_percent, basis_points
from payments.domain.provider import Gone, ProviderError
from payments.problems import (
    ConnectedElsewhere,
    Disconnected,
    ForeignOrganisation,
    NoOrganisation,
    NoSuchAccount,
    NotYetOpened,
    PaymentsDisabled,
    ProviderAway,
)
from payments.providers.stripe import Connect
from payments.store import connections
from payments.usecases.connect import connect as connect_organisation
from payments.usecases.connect import look_at_connection

router = APIRouter(
    tags=["payment-accounts"],
    dependencies=[Depends(switched_on)],
    responses=responses(PaymentsDisabled),
)

PaymentsViewer = Annotated[Principal, Depends(require("payments:view"))]
StripeConnect = Annotated[Connect, Depends(part(Connect))]


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")) or any(c.isspace() for c in text):
        raise ValueError("must be an address that begins with https://")
    return text


Address = Annotated[str, Field(min_length=8, max_length=1000), AfterValidator(_address)]


class ConnectRequest(Body):
    """An organisation that wants to be paid through the platform."""

    organisation_id: UUID | None = None
    """Whose account it is; only an operator needs to say."""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["GB"])]
    """Where the business is, ISO 3166. It cannot be changed later."""


class ConnectionView(BaseModel):
    """How far the organisation is. `requirements` are Stripe's names for what it still asks.

    Payments go there from the first time that `standing` is `ready`. While it is `restricted` or
    `disconnected`, new payments fail with `connected_account_disabled`.
    """

    id: UUID
    organisation_id: UUID
    provider: str
    country: str
    standing: Standing
    charges_enabled: bool
    payouts_enabled: bool
    requirements: list[str]
    disabled_reason: str | None
    refusal: str | None
    """Why Stripe made no account: its code."""


class LinkRequest(Body):
    """Where Stripe sends the person when they are done, or when the link has lapsed."""

    return_url: Annotated[Address, Field(examples=["https://venue.example/payments"])]
    refresh_url: Address | None = None
    """Unset: `return_url`."""


class OnboardingLink(BaseModel):
    """Opens once, for a few minutes; ask for another whenever it is needed. Never mail it."""

    url: str
    expires_at: datetime


class FeeRequest(Body):
    """What the platform keeps of each charge."""

    percent: Annotated[
        str,
        Field(pattern=r"^(?:100(?:\.00?)?|[0-9]{1,2}(?:\.[0-9]{1,2})?)$", examples=["5", "2.5"]),
    ]


class FeeView(BaseModel):
    """The organisation's fee for charges from now on."""

    organisation_id: UUID
    percent: str


@router.post(
    "/payment-accounts/connect",
    status_code=202,
    responses=responses(NoOrganisation, ForeignOrganisation, ConnectedElsewhere),
)
async def connect(
    body: ConnectRequest,
    caller: PaymentsManager,
    db: DB,
    stripe: StripeConnect,
    response: Response,
) -> ConnectionView:
    """Connect an organisation to the platform's Stripe account; the same one however often asked.

    The account is made in the background: 200 when there is one, else 202.
    """
    org_id = organisation(body.organisation_id, caller)
    found, made = await db.run(
        org_id,
        lambda tx: connect_organisation(tx, org_id=org_id, country=body.country, stripe=stripe),
    )
    if not made and not found.wanted:
        response.status_code = 200
    response.headers["Location"] = f"/v1/payment-accounts/{found.id}/connection"
    return _view(found)


@router.get("/payment-accounts/{account_id}/connection", responses=responses(NoSuchAccount))
async def read(account_id: UUID, caller: PaymentsViewer, db: DB) -> ConnectionView:
    """How a connected account stands, as Stripe told last."""
    return _view(await db.run(caller.org_id, lambda tx: _found(tx, account_id)))


@router.post(
    "/payment-accounts/{account_id}/onboarding-link",
    responses=responses(NoSuchAccount, NotYetOpened, Disconnected, ProviderAway),
)
async def onboarding_link(
    account_id: UUID, body: LinkRequest, caller: PaymentsManager, db: DB, stripe: StripeConnect
) -> OnboardingLink:
    """A link to Stripe's page that asks who the business is; asked of Stripe now, and not kept."""
    found = await db.run(caller.org_id, lambda tx: _found(tx, account_id))
    if found.shown is None:
        raise NotYetOpened
    if found.left_at is not None:
        raise Disconnected
    try:
        url, expires_at = await stripe.onboarding_link(
            found.shown.ref,
            return_url=body.return_url,
            refresh_url=body.refresh_url or body.return_url,
            key=str(uuid7()),
        )
    except Gone:
        raise Disconnected from None
    except ProviderError:
        raise ProviderAway(retry_after=5) from None
    return OnboardingLink(url=url, expires_at=datetime.fromtimestamp(expires_at, UTC))


@router.post(
    "/payment-accounts/{account_id}/onboarding-return",
    status_code=202,
    responses=responses(NoSuchAccount),
)
async def came_back(account_id: UUID, caller: PaymentsManager, db: DB) -> ConnectionView:
    """Somebody is back from Stripe's page: look there now, whatever it has told us so far."""

    async def work(tx: Transaction) -> Connection:
        found = await _found(tx, account_id)
        look_at_connection(tx, found.id, because="return")
        return found

    return _view(await db.run(caller.org_id, work))


@router.patch("/organisations/{organisation_id}/platform-fee", responses=responses(Forbidden))
async def set_fee(
    organisation_id: UUID, body: FeeRequest, caller: PaymentsManager, db: DB
) -> FeeView:
    """Set what the platform keeps of an organisation's charges from now on; operators only."""
    if caller.kind != "operator":
        raise Forbidden
    points = basis_points(body.percent)
    await db.run(
        organisation_id,
        lambda tx: connections.set_fee(tx, organisation_id, points, caller.id),
    )
    return FeeView(organisation_id=organisation_id, percent=as_percent(points))


async def _found(tx: Transaction, account_id: UUID) -> Connection:
    found = await connections.find(tx, account_id)
    if found is None:
        raise NoSuchAccount
    return found


def _view(found: Connection) -> ConnectionView:
    shown = found.shown
    return ConnectionView(
        id=found.id,
        organisation_id=found.org_id,
        provider="stripe",
        country=found.country,
        standing=found.standing,
        charges_enabled=found.left_at is None and shown is not None and shown.charges_enabled,
        payouts_enabled=found.left_at is None and shown is not None and shown.payouts_enabled,
        requirements=list(shown.requirements) if shown else [],
        disabled_reason=shown.disabled_reason if shown else None,
        refusal=found.refusal,
    )
