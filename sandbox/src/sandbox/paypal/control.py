"""`/_sandbox/`: what PayPal doesn't offer and tests need. Never part of PayPal's own API."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sandbox.fault_control import told
from sandbox.faults import Faults, Wrong
from sandbox.paypal import disputes
from sandbox.paypal.api import Api, webhook_shown
from sandbox.paypal.refusal import Json, not_found
from sandbox.paypal.store import Webhook


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Approval(Body):
    """What the payer's money will do when it is captured."""

    choice: Literal["pay", "decline", "pending"] = "pay"


class Settlement(Body):
    completes: bool


class Outcome(Body):
    """What becomes of the next refund."""

    outcome: Literal["COMPLETED", "PENDING", "FAILED"]


class Claim(Body):
    """Why the payer wants the money back; `inquiry`: they only ask the seller so far."""

    reason: str = "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"
    inquiry: bool = False

    @field_validator("reason")
    @classmethod
    def _known(cls, reason: str) -> str:
        if reason not in disputes.REASONS:
            raise ValueError("no such reason")
        return reason


class Decision(Body):
    """How a dispute ends."""

    outcome: disputes.Outcome


class Again(Body):
    """Which events, how often, and what is false about them; `age` in seconds."""

    ids: list[str] = Field(default_factory=list, max_length=1000)
    order: str | None = None
    count: int = Field(1, ge=1, le=100)
    shuffle: bool = False
    forged: bool = False
    age: float = Field(0.0, ge=0, le=10_000_000)


class Listener(Body):
    """A webhook with an id of the caller's choice, for fixed configurations."""

    client_id: str = Field(min_length=8)
    url: str = Field(pattern=r"^https?://[^\s/]+")
    webhook_id: str = Field(pattern=r"^[A-Z0-9]{10,40}$")
    event_types: list[str] = Field(default_factory=lambda: ["*"], min_length=1)


def _api(request: Request) -> Api:
    found: Api = request.app.state.api
    return found


def _faults(request: Request) -> Faults:
    found: Faults = request.app.state.faults
    return found


Sandbox = Annotated[Api, Depends(_api)]
Planned = Annotated[Faults, Depends(_faults)]

router = APIRouter(prefix="/_sandbox")


@router.get("/health")
async def health() -> Json:
    return {"status": "ok"}


@router.get("/state")
async def state(api: Sandbox, faults: Planned) -> Json:
    """What is planned, held back, and still to be delivered."""
    return {
        "deliveries": api.store.census(),
        "webhooks": "paused" if api.deliveries.paused else "running",
        **told(faults),
        "tokens_made": api.tokens_made,
        "certificate": api.signer.id,
    }


@router.put("/webhooks")
async def put_webhook(listener: Listener, api: Sandbox) -> Json:
    """Make or change a webhook; repeating it changes nothing."""
    webhook = Webhook(
        listener.webhook_id, listener.client_id, listener.url, tuple(listener.event_types)
    )
    api.store.put_webhook(webhook)
    return webhook_shown(webhook)


@router.post("/orders/{identifier}/approve")
async def approve(
    identifier: str, request: Request, api: Sandbox, approval: Approval | None = None
) -> Json:
    """What the payer would have pressed on the approval page."""
    choice = (approval or Approval()).choice
    return api.write(request, lambda ledger: ledger.approve(identifier, choice).body)


@router.post("/orders/{identifier}/lapse")
async def lapse(identifier: str, api: Sandbox) -> Json:
    """As if three hours had passed without an approval."""
    stored = api.store.get("order", identifier)
    api.store.remove(stored)
    return {"lapsed": identifier}


@router.get("/orders")
async def orders(request: Request, api: Sandbox, limit: int = 100) -> list[Json]:
    """The latest orders of all accounts, newest first; PayPal has no list of them."""
    ledger = api.ledger(request)
    found = api.store.newest("order", max(1, min(limit, 1000)))
    return [ledger.shown(each) for each in found]


@router.get("/orders/{identifier}")
async def order(identifier: str, request: Request, api: Sandbox) -> Json:
    """An order of any account."""
    return api.read(request, lambda ledger: ledger.shown(ledger.order(identifier)))


@router.post("/captures/{identifier}/settle")
async def settle(identifier: str, settlement: Settlement, request: Request, api: Sandbox) -> Json:
    """A pending capture is completed or denied."""
    return api.write(
        request, lambda ledger: ledger.settle(identifier, completes=settlement.completes)
    )


@router.post("/captures/{identifier}/reverse")
async def reverse(identifier: str, request: Request, api: Sandbox) -> Json:
    """PayPal takes the money back."""
    return api.write(request, lambda ledger: ledger.reverse(identifier))


@router.post("/captures/{identifier}/refund")
async def refund(identifier: str, request: Request, api: Sandbox) -> Json:
    """All that is left goes back, as if by hand in PayPal's own pages."""
    tenant = api.store.get("capture", identifier).tenant
    return api.write(request, lambda ledger: ledger.refund(tenant, identifier, {}, "COMPLETED"))


@router.post("/captures/{identifier}/dispute")
async def dispute(
    identifier: str, request: Request, api: Sandbox, claim: Claim | None = None
) -> Json:
    """The payer disputes all that is left of a capture."""
    said = claim or Claim()
    return api.write(
        request,
        lambda ledger: disputes.begin(ledger, identifier, said.reason, inquiry=said.inquiry),
    )


@router.post("/disputes/{identifier}/settle")
async def settle_dispute(
    identifier: str, decision: Decision, request: Request, api: Sandbox
) -> Json:
    """A dispute is over."""
    return api.write(request, lambda ledger: disputes.settle(ledger, identifier, decision.outcome))


@router.post("/disputes/{identifier}/{step}")
async def go_on(identifier: str, step: disputes.Step, request: Request, api: Sandbox) -> Json:
    """The payer escalates, the seller answers, or PayPal takes the money before it is over."""
    return api.write(request, lambda ledger: disputes.go_on(ledger, identifier, step))


@router.post("/refunds/next")
async def next_refund(outcome: Outcome, api: Sandbox) -> Json:
    """Plan what the next refund comes to."""
    api.outcomes.append(outcome.outcome)
    return {"planned": list(api.outcomes)}


@router.post("/refunds/{identifier}/settle")
async def settle_refund(
    identifier: str, settlement: Settlement, request: Request, api: Sandbox
) -> Json:
    """A refund arrives, or fails; one that arrived may still fail."""
    return api.write(
        request, lambda ledger: ledger.settle_refund(identifier, completes=settlement.completes)
    )


@router.get("/events")
async def events(api: Sandbox, order: str) -> list[str]:
    """Ids of an order's events, oldest first."""
    return api.store.events_about(order)


@router.get("/events/{identifier}/deliveries")
async def deliveries_of(identifier: str, api: Sandbox) -> list[Json]:
    return api.store.deliveries(identifier)


@router.post("/events/deliver")
async def deliver(api: Sandbox, again: Again) -> Json:
    """Send events again: those named, or all about one order."""
    chosen = list(again.ids)
    if again.order is not None:
        chosen += api.store.events_about(again.order)
    if not chosen:
        raise not_found()
    wrong = Wrong(again.forged, again.age)
    sent = await api.deliveries.deliver(
        chosen, count=again.count, shuffle=again.shuffle, wrong=wrong
    )
    return {"attempts": sent}


@router.post("/webhooks/pause")
async def pause(api: Sandbox) -> Json:
    api.deliveries.pause()
    return {"webhooks": "paused"}


@router.post("/webhooks/resume")
async def resume(api: Sandbox) -> Json:
    api.deliveries.resume()
    return {"webhooks": "running"}


@router.post("/tokens/forget")
async def forget_tokens(api: Sandbox) -> Json:
    """As if every access token had run out."""
    api.tokens.clear()
    return {"tokens": 0}


@router.post("/idempotency/forget")
async def forget(api: Sandbox) -> Json:
    """As if 45 days had passed."""
    return {"forgotten": api.store.forget_keys()}


@router.delete("/refunds/next")
async def refunds_as_ever(api: Sandbox) -> Json:
    """No plans for the next refunds any more."""
    api.outcomes.clear()
    return {"planned": []}


@router.get("/requests")
async def requests(api: Sandbox, limit: int = 2000) -> list[Json]:
    """The latest requests, oldest first, for checking what was asked of PayPal."""
    return [asdict(one) for one in list(api.seen)[-max(limit, 1) :]]
