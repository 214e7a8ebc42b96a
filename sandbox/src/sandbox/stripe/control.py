"""`/_sandbox/`: what Stripe doesn't offer and tests need. Never part of Stripe's own API."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from sandbox.fault_control import told
from sandbox.faults import Faults, Wrong
from sandbox.stripe import (
    accounts,
    cards,
    charges,
    checkout_page,
    confirmation,
    connected_accounts,
    direct_debits,
    dispute_course,
    refunds,
    setup_intents,
    webhook_endpoints,
)
from sandbox.stripe.api import Api, Seen
from sandbox.stripe.call import Call
from sandbox.stripe.deliveries import Deliveries, summary
from sandbox.stripe.form import decode
from sandbox.stripe.refusal import Json, Refusal
from sandbox.stripe.settings import API_VERSION
from sandbox.stripe.store import Store, Stored
from sandbox.stripe.windows import Window


class World:
    """What the control routes and pages work on."""

    def __init__(self, store: Store, api: Api, deliveries: Deliveries, faults: Faults) -> None:
        self.store = store
        self.api = api
        self.deliveries = deliveries
        self.faults = faults


def world(request: Request) -> World:
    found: World = request.app.state.world
    return found


Around = Annotated[World, Depends(world)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Again(Body):
    """Deliver `count` times; several events go round in random order with `shuffle`.

    `forged`: signed with a stranger's secret. `age`: as if signed so many seconds ago.
    """

    count: int = Field(1, ge=1, le=100)
    shuffle: bool = False
    forged: bool = False
    age: float = Field(0.0, ge=0, le=10_000_000)

    @property
    def wrong(self) -> Wrong:
        return Wrong(self.forged, self.age)


class AgainMany(Again):
    """Which events: those named, or all about one PaymentIntent, its charges and refunds."""

    ids: list[str] = Field(default_factory=list, max_length=1000)
    payment_intent: str | None = None


class Endpoint(Body):
    """An endpoint with a signing secret of the caller's choice, for fixed configurations.

    `connect`: it hears of connected accounts, and of nothing else.
    """

    key: str
    url: str
    secret: str = Field(pattern=r"^whsec_[A-Za-z0-9+/=_-]{8,}$")
    enabled_events: list[str] = Field(default_factory=lambda: ["*"], min_length=1)
    connect: bool = False


class Verdict(Body):
    approve: bool


class CardAtCheckout(Body):
    """A test card by its name, such as `pm_card_visa`; none: by something that clears later."""

    card: str | None = None


class Claim(Body):
    """What the cardholder tells their bank. An inquiry takes no money yet."""

    reason: Literal[
        "credit_not_processed",
        "duplicate",
        "fraudulent",
        "general",
        "product_not_received",
        "product_unacceptable",
        "unrecognized",
    ] = "fraudulent"
    inquiry: bool = False


class Decision(Body):
    """The bank's; `escalated` makes an inquiry a chargeback."""

    outcome: dispute_course.Outcome


class Settlement(Body):
    succeeds: bool


class Forget(Body):
    """One idempotency key, or every one, as if a day had passed."""

    key: str | None = None


router = APIRouter(prefix="/_sandbox")


@router.get("/health")
async def health() -> Json:
    return {"status": "ok"}


@router.get("/state")
async def state(around: Around) -> Json:
    """Counts over all accounts, what is planned and what is held back."""
    return {
        "api_version": API_VERSION,
        "objects": around.store.census(),
        "events": around.store.events.count(),
        "deliveries": around.store.events.census(),
        "webhooks": "paused" if around.deliveries.paused else "running",
        **told(around.faults),
    }


@router.post("/events/{identifier}/deliver")
async def deliver(identifier: str, around: Around, again: Again | None = None) -> Json:
    """Send one event again to every endpoint that listens to it."""
    again = again or Again()
    if around.store.events.find(identifier) is None:
        raise HTTPException(404, f"no event {identifier}")
    sent = await around.deliveries.deliver(
        [identifier], count=again.count, shuffle=again.shuffle, wrong=again.wrong
    )
    return {"attempts": summary(sent)}


@router.post("/events/deliver")
async def deliver_many(around: Around, again: AgainMany) -> Json:
    """Send several events again."""
    chosen = list(again.ids)
    if again.payment_intent is not None:
        chosen += around.store.events.about(again.payment_intent)
    if not chosen:
        raise HTTPException(404, "no such events")
    sent = await around.deliveries.deliver(
        chosen, count=again.count, shuffle=again.shuffle, wrong=again.wrong
    )
    return {"attempts": summary(sent)}


@router.get("/events/{identifier}/deliveries")
async def deliveries_of(identifier: str, around: Around) -> list[Json]:
    return around.store.events.deliveries(identifier)


@router.post("/webhooks/pause")
async def pause(around: Around) -> Json:
    around.deliveries.pause()
    return {"webhooks": "paused"}


@router.post("/webhooks/resume")
async def resume(around: Around) -> Json:
    around.deliveries.resume()
    return {"webhooks": "running"}


@router.put("/webhook_endpoints")
async def put_endpoint(around: Around, endpoint: Endpoint) -> Json:
    """Make or change the account's endpoint for a URL; repeating it changes nothing."""
    try:
        tenant = accounts.account(endpoint.key).tenant
        return around.api.do(tenant, lambda call: _put_endpoint(call, endpoint))
    except Refusal as refusal:
        raise HTTPException(refusal.status, refusal.message) from refusal


@router.post("/idempotency/forget")
async def forget(around: Around, which: Forget | None = None) -> Json:
    key = which.key if which else None
    return {
        "forgotten": around.store.forget_keys(before=int(around.store.clock.now()) + 1, key=key)
    }


@router.get("/requests")
async def requests(around: Around, limit: int = 2000) -> list[Json]:
    """The latest requests to `/v1`, oldest first, for checking what was asked of Stripe."""
    return [_seen(one) for one in list(around.api.seen)[-max(limit, 1) :]]


@router.post("/setup_intents/{identifier}/authenticate")
@router.post("/payment_intents/{identifier}/authenticate")
async def authenticate(identifier: str, verdict: Verdict, around: Around) -> Json:
    """What the customer would have pressed on the authentication page."""
    try:
        return settle(around, identifier, approved=verdict.approve)
    except Refusal as refusal:
        raise HTTPException(refusal.status, refusal.message) from refusal


@router.post("/payment_intents/{identifier}/clear")
async def clear(identifier: str, around: Around) -> Json:
    """The bank that is asked for a debit answers now, as it would have in its own time."""

    def work(call: Call) -> Json:
        direct_debits.clear(call, identifier)
        return call.store.get(call.tenant, "payment_intent", identifier).body

    return on_behalf(around, "payment_intent", identifier, work)


@router.post("/payment_intents/{identifier}/dispute")
async def dispute(identifier: str, around: Around, claim: Claim | None = None) -> Json:
    """The cardholder goes to their bank about a payment made with any card."""
    claim = claim or Claim()
    disputed = cards.Dispute(claim.reason, inquiry=claim.inquiry)
    return on_behalf(
        around,
        "payment_intent",
        identifier,
        lambda call: dispute_course.begin(call, charges.paid_of(call, identifier), disputed),
    )


@router.post("/disputes/{identifier}/settle")
async def settle_dispute(identifier: str, decision: Decision, around: Around) -> Json:
    """The bank decides."""
    return on_behalf(
        around,
        dispute_course.KIND,
        identifier,
        lambda call: dispute_course.settle(
            call, call.store.get(call.tenant, dispute_course.KIND, identifier), decision.outcome
        ),
    )


@router.post("/refunds/{identifier}/settle")
async def settle_refund(identifier: str, settlement: Settlement, around: Around) -> Json:
    """A refund arrives, or fails; one that arrived may still fail."""
    return on_behalf(
        around,
        refunds.KIND,
        identifier,
        lambda call: refunds.settle(call, identifier, succeeds=settlement.succeeds),
    )


@router.post("/checkout/sessions/{identifier}/pay")
async def pay_checkout(identifier: str, paid: CardAtCheckout, around: Around) -> Json:
    """What the customer would have done on the session's page; the PaymentIntent after it."""
    card = paid.card
    if card is None:
        return at_checkout(
            around, identifier, lambda call: checkout_page.pay_later(call, identifier)
        )
    return at_checkout(
        around,
        identifier,
        lambda call: checkout_page.pay(call, identifier, {"payment_method": card}, return_url=""),
    )


@router.post("/checkout/sessions/{identifier}/clear")
async def clear_checkout(identifier: str, verdict: Verdict, around: Around) -> Json:
    """What took its time clears, or bounces."""
    return at_checkout(
        around,
        identifier,
        lambda call: checkout_page.clear(call, identifier, succeeds=verdict.approve),
    )


@router.post("/checkout/sessions/{identifier}/lapse")
async def lapse_checkout(identifier: str, around: Around) -> Json:
    """The session's time is over now."""
    return at_checkout(around, identifier, lambda call: checkout_page.lapse(call, identifier))


@router.post("/accounts/{identifier}/{happens}")
async def change_account(
    identifier: str, happens: Literal["onboard", "restrict", "leave"], around: Around
) -> Json:
    """A connected account tells all that Stripe asks, is asked for more, or leaves the platform."""
    return at_account(around, identifier, _HAPPENS[happens])


_HAPPENS = {
    "onboard": connected_accounts.onboard,
    "restrict": connected_accounts.restrict,
    "leave": connected_accounts.leave,
}


def at_account(around: World, identifier: str, work: Callable[[Call, Stored], Json]) -> Json:
    """Do something to a connected account. Raises HTTPException when there is none."""
    tenant = around.store.owner(connected_accounts.KIND, identifier)
    if tenant is None:
        raise HTTPException(404, f"no connected account {identifier}")
    return around.api.do(
        tenant,
        lambda call: work(call, call.store.get(tenant, connected_accounts.KIND, identifier)),
    )


def at_checkout(around: World, identifier: str, work: Callable[[Call], Json]) -> Json:
    """Do something to a session as its account. Raises HTTPException when it can't be done."""
    return on_behalf(around, "checkout.session", identifier, work)


def on_behalf(around: World, kind: str, identifier: str, work: Callable[[Call], Json]) -> Json:
    """Do something to an object as its account. Raises HTTPException when it can't be done."""
    tenant = around.store.owner(kind, identifier)
    if tenant is None:
        raise HTTPException(404, f"no {kind.replace('.', ' ').replace('_', ' ')} {identifier}")
    try:
        return around.api.do(tenant, work)
    except Refusal as refusal:
        raise HTTPException(refusal.status, refusal.message) from refusal


def settle(around: World, identifier: str, *, approved: bool, challenge: str | None = None) -> Json:
    """Answer a pending authentication; raises Refusal when there is none or it was another one."""
    kind = intent_kind(identifier)
    tenant = around.store.owner(kind, identifier)
    if tenant is None:
        raise Refusal(404, f"no intent {identifier}")
    answer = setup_intents.answer if kind == setup_intents.KIND else confirmation.answer

    def work(call: Call) -> Json:
        stored = call.store.get(call.tenant, kind, identifier)
        pending = stored.hidden.get("challenge")
        if pending is None or challenge not in {None, pending}:
            raise Refusal(409, f"{identifier} is not waiting for this authentication")
        answer(call, stored, approved=approved)
        return stored.body

    return around.api.do(tenant, work)


def intent_kind(identifier: str) -> str:
    """Whether something is to be paid, or a card to be saved."""
    return setup_intents.KIND if identifier.startswith("seti_") else "payment_intent"


def _put_endpoint(call: Call, endpoint: Endpoint) -> Json:
    page, _ = call.store.page(call.tenant, webhook_endpoints.KIND, Window(limit=100))
    for body in page:
        if body["url"] == endpoint.url and (body["application"] is not None) is endpoint.connect:
            stored = call.store.get(call.tenant, webhook_endpoints.KIND, body["id"])
            stored.body["enabled_events"] = endpoint.enabled_events
            stored.body["status"] = "enabled"
            stored.hidden["secret"] = endpoint.secret
            call.store.save(stored)
            call.store.endpoints_changed()
            return {**stored.body, "secret": endpoint.secret}
    call.params = {
        "url": endpoint.url,
        "enabled_events": endpoint.enabled_events,
        "connect": endpoint.connect,
    }
    return webhook_endpoints.add(call, endpoint.secret)


def _seen(one: Seen) -> Json:
    try:
        params: Json = _masked(decode(one.request.form))
    except Refusal:
        params = {}
    params.pop("key", None)
    return {
        "at": one.at,
        "account": one.tenant,
        "method": one.request.method,
        "path": one.request.path,
        "params": params,
        "idempotency_key": one.request.idempotency_key,
        "request_id": one.request.id,
        "status": one.status,
    }


def _masked(node: Any) -> Any:
    """Card numbers are test cards here, but a habit of showing them is a bad one."""
    if not isinstance(node, dict):
        return node
    return {
        name: "****" if name in {"number", "cvc"} else _masked(value)
        for name, value in node.items()
    }
