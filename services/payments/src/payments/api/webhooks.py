"""Notifications from providers: verified over the raw bytes, stored once, answered at once."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from chassis import failpoints
from chassis.http import DB
from chassis.problems import responses
from payments.api.parts import Parts, Public
from payments.domain.provider import PLATFORM, Account, Forged, Unproven, Unreadable, Unsigned
from payments.domain.snapshot import ProviderEvent
from payments.problems import (
    EventUnreadable,
    NoSuchAccount,
    SignatureMissing,
    SignatureUnproven,
    SignatureWrong,
)
from payments.store import connections, provider_events
from payments.usecases.receive_event import receive_connection_event, receive_event, uuid_in

router = APIRouter(tags=["webhooks"])


class Received(BaseModel):
    """The event is kept; what it means is worked out later."""

    received: bool = True


@router.post(
    "/webhooks/{provider}/{account_id}",
    responses=responses(
        SignatureMissing, SignatureWrong, SignatureUnproven, EventUnreadable, NoSuchAccount
    ),
)
async def take(
    provider: Annotated[str, Path(max_length=32)],
    account_id: Annotated[str, Path(max_length=64)],
    request: Request,
    parts: Parts,
    db: DB,
) -> Received:
    """Take a provider's event (PAY-23); 200 as soon as it is stored, whatever comes of it."""
    account = await parts.accounts.by_id(db, account_id)
    if account is None or account.provider != provider:
        raise NoSuchAccount
    event = await _verified(request, parts, db, account)
    if account.id == PLATFORM and event.connection_ref is not None:
        await _about_a_connection(db, account, event, event.connection_ref)
        return Received()
    org_id = account.org_id or uuid_in(event.metadata.get("org_id"))
    if org_id is None and event.payment_ref is not None:
        org_id = await provider_events.org_of_payment(db, account.id, event.payment_ref)
    if org_id is None or event.payment_ref is None:
        await provider_events.store_ignored(db, account_id=account.id, event=event, org_id=org_id)
    else:
        await db.run(org_id, lambda tx: receive_event(tx, account_id=account.id, event=event))
    failpoints.reach("webhook.after_store")
    return Received()


async def _about_a_connection(db: DB, account: Account, event: ProviderEvent, ref: str) -> None:
    org_id = await connections.org_of(db, ref)
    if org_id is None:
        await provider_events.store_ignored(db, account_id=account.id, event=event, org_id=None)
    else:
        await db.run(
            org_id,
            lambda tx: receive_connection_event(tx, account_id=account.id, event=event),
        )


async def _verified(request: Request, parts: Public, db: DB, account: Account) -> ProviderEvent:
    body = await request.body()
    reader = parts.providers.of_kind(account.provider)
    if reader is None:
        raise NoSuchAccount
    try:
        try:
            return await reader.verify(account, body, request.headers)
        except Forged:
            # The secret may have been added a moment ago, through another process.
            fresh = await parts.accounts.by_id(db, account.id, reread=True)
            if fresh is None or fresh.webhook_secrets == account.webhook_secrets:
                raise
            return await reader.verify(fresh, body, request.headers)
    except Unsigned:
        raise SignatureMissing from None
    except Forged:
        raise SignatureWrong from None
    except Unreadable:
        raise EventUnreadable from None
    except Unproven:
        raise SignatureUnproven from None
