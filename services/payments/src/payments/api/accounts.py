"""Provider accounts of organisations, for those who manage payments."""

from collections.abc import Callable, Iterator
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from chassis.auth import Principal
from chassis.http import DB, Body, require
from chassis.problems import FieldError, Invalid, responses
from payments.api.parts import Parts, Public, switched_on
from payments.domain.keys import RULES, KeyRefused
from payments.domain.provider import Provider
from payments.problems import ForeignOrganisation, NoOrganisation, NoSuchAccount, PaymentsDisabled
from payments.usecases.open_account import open_account

router = APIRouter(
    tags=["payment-accounts"],
    dependencies=[Depends(switched_on)],
    responses=responses(PaymentsDisabled),
)

PaymentsManager = Annotated[Principal, Depends(require("payments:manage"))]
WebhookSecret = Annotated[str, Field(max_length=255, examples=["whsec_..."])]


class AccountRequest(Body):
    """An account at a payment provider. The keys are stored encrypted and never shown again.

    PayPal: `publishable_key` is the app's client id, `secret_key` its secret, and `webhook_secret`
    the id that PayPal gave the webhook. Swish: `publishable_key` is the number that guests pay to,
    and there is nothing else; `manual`: it is where they send money, in words (a bank account).
    """

    organisation_id: UUID | None = None
    """Whose account it is; only an operator needs to say."""
    provider: Literal["stripe", "paypal", "swish", "manual"] = "stripe"
    secret_key: Annotated[str | None, Field(max_length=255, examples=["rk_test_..."])] = None
    publishable_key: Annotated[str | None, Field(max_length=255)] = None
    webhook_secret: WebhookSecret | None = None


class AccountMade(BaseModel):
    """An account, and where its provider is to send events; left out where it sends none."""

    id: UUID
    organisation_id: UUID
    provider: str
    publishable_key: str | None
    webhook_path: str | None = None
    webhook_url: str | None = None
    webhook_events: list[str] | None = None
    """What to subscribe the webhook to; others are kept and ignored."""


class SecretRequest(Body):
    """A webhook signing secret (PayPal: a webhook's id), accepted besides the newest so far."""

    secret: WebhookSecret


class SecretAdded(BaseModel):
    """The secret is in force."""

    id: UUID


@router.post(
    "/payment-accounts",
    status_code=201,
    responses=responses(NoOrganisation, ForeignOrganisation),
    response_model_exclude_unset=True,
)
async def create(
    body: AccountRequest, caller: PaymentsManager, parts: Parts, db: DB, response: Response
) -> AccountMade:
    """Connect an organisation's own provider account; it replaces the one used so far."""
    org_id = organisation(body.organisation_id, caller)
    if faults := list(_faults(body, production=parts.production)):
        raise Invalid(errors=faults)
    account = await db.run(
        org_id,
        lambda tx: open_account(
            tx,
            parts.accounts,
            org_id=org_id,
            provider=body.provider,
            secret_key=body.secret_key or "",
            publishable_key=body.publishable_key,
            webhook_secret=body.webhook_secret,
            publishes=parts.providers.publishes(body.provider),
        ),
    )
    response.headers["Location"] = f"/v1/payment-accounts/{account.id}"
    made = AccountMade(
        id=UUID(account.id),
        organisation_id=org_id,
        provider=account.provider,
        publishable_key=account.publishable_key,
    )
    if events := _reader(parts, account.provider).events:
        made.webhook_path = f"/webhooks/{account.provider}/{account.id}"
        made.webhook_url = _absolute(parts, made.webhook_path)
        made.webhook_events = list(events)
    return made


@router.post("/payment-accounts/{account_id}/webhook-secret", responses=responses(NoSuchAccount))
async def add_webhook_secret(
    account_id: UUID, body: SecretRequest, caller: PaymentsManager, parts: Parts, db: DB
) -> SecretAdded:
    """Accept one more webhook secret; the two newest are valid, so secrets rotate without a gap."""
    account = await parts.accounts.by_id(db, str(account_id))
    org_id = caller.org_id or (account.org_id if account else None)
    if account is None:
        raise NoSuchAccount
    if fault := _fault("secret", RULES[account.provider].webhook_secret, body.secret):
        raise Invalid(errors=[fault])
    added = org_id is not None and await db.run(
        org_id, lambda tx: parts.accounts.add_webhook_secret(tx, str(account_id), body.secret)
    )
    if not added:
        raise NoSuchAccount
    return SecretAdded(id=account_id)


def _faults(body: AccountRequest, *, production: bool) -> Iterator[FieldError]:
    rules = RULES[body.provider]
    checks = (
        ("secret_key", lambda text: rules.secret_key(text, production), body.secret_key),
        ("publishable_key", rules.public_key, body.publishable_key),
        ("webhook_secret", rules.webhook_secret, body.webhook_secret),
    )
    for field, check, text in checks:
        if text is not None and (fault := _fault(field, check, text)):
            yield fault
    if rules.needs_public and body.publishable_key is None:
        yield FieldError("publishable_key", "is needed")
    if rules.needs_secret and body.secret_key is None:
        yield FieldError("secret_key", "is needed")


def _fault(field: str, check: Callable[[str], None], text: str) -> FieldError | None:
    try:
        check(text)
    except KeyRefused as no:
        return FieldError(field, str(no))
    return None


def organisation(named: UUID | None, caller: Principal) -> UUID:
    """Whose account it is to be.

    Raises:
        NoOrganisation: an operator did not say.
        ForeignOrganisation: it is not the caller's.
    """
    org_id = named or caller.org_id
    if org_id is None:
        raise NoOrganisation(errors=[FieldError("organisation_id", "say whose account it is")])
    if caller.kind != "operator" and org_id != caller.org_id:
        raise ForeignOrganisation
    return org_id


def _reader(parts: Public, kind: str) -> Provider:
    reader = parts.providers.of_kind(kind)
    if reader is None:
        raise NoSuchAccount
    return reader


def _absolute(parts: Public, path: str) -> str | None:
    return parts.webhook_base.rstrip("/") + path if parts.webhook_base else None
