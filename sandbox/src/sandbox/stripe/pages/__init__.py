"""The few pages a person sees: an overview, and the bank's question."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape

from sandbox.faults import Wrong
from sandbox.stripe import control, dispute_course
from sandbox.stripe.cards import CARDS
from sandbox.stripe.control import Around, World, intent_kind, settle
from sandbox.stripe.money import shown
from sandbox.stripe.pages import checkout
from sandbox.stripe.refusal import Json, Refusal

_SHOWN = 50
_ACTIONS = {
    "confirm": "payment_intents.confirm",
    "cancel": "payment_intents.cancel",
    "capture": "payment_intents.capture",
    "refund": "refunds.create",
}


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(["html"])
    )
    environment.filters["money"] = shown
    return environment


def router() -> APIRouter:
    """The routes; templates are read when this is called."""
    pages = APIRouter(include_in_schema=False)
    environment = _environment()

    def page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(
            environment.get_template(name).render(**values),
            status_code=status,
            headers={"Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline'"},
        )

    @pages.get("/")
    async def index(around: Around, said: str = "") -> HTMLResponse:
        return page(
            "index.html",
            intents=around.store.newest("payment_intent", _SHOWN),
            disputes=around.store.newest(dispute_course.KIND, _SHOWN),
            still_open=dispute_course.is_open,
            events=around.store.events.newest(_SHOWN),
            names=[card.names[0] for card in CARDS if card.names],
            paused=around.deliveries.paused,
            deliveries=around.store.events.census(),
            said=said,
        )

    @pages.post("/_sandbox/act/{action}/{identifier}")
    async def act(
        action: str,
        identifier: str,
        request: Request,
        around: Around,
        card: Annotated[str, Form()] = "",
    ) -> Response:
        return _back(await _act(around, action, identifier, card, str(request.base_url)))

    @pages.get("/_sandbox/authenticate/{identifier}/{challenge}")
    async def question(identifier: str, challenge: str, around: Around) -> HTMLResponse:
        kind = intent_kind(identifier)
        tenant = around.store.owner(kind, identifier)
        found = around.store.find(tenant, kind, identifier) if tenant else None
        if found is None or found.hidden.get("challenge") != challenge:
            return page("authenticate.html", 410, intent=None, verdict=None)
        return page("authenticate.html", intent=found.body, verdict=None)

    @pages.post("/_sandbox/authenticate/{identifier}/{challenge}")
    async def verdict(
        identifier: str, challenge: str, around: Around, verdict: Annotated[str, Form()]
    ) -> Response:
        try:
            intent = settle(around, identifier, approved=verdict == "approve", challenge=challenge)
        except Refusal:
            return page("authenticate.html", 410, intent=None, verdict=None)
        kind = intent_kind(identifier)
        stored = around.store.get(around.store.owner(kind, identifier) or "", kind, identifier)
        target = stored.hidden.get("return_url")
        if target:
            return RedirectResponse(_returning(target, intent), status_code=303)
        return page("authenticate.html", intent=intent, verdict=intent["status"])

    checkout.add(pages, page)
    return pages


async def _act(around: World, action: str, identifier: str, card: str, base_url: str) -> str:
    if action == "deliver":
        sent = await around.deliveries.deliver([identifier], count=1, shuffle=False, wrong=Wrong())
        return f"{identifier}: " + (", ".join(one.said for one in sent) or "no endpoint listens")
    if action == "webhooks":
        if identifier == "pause":
            around.deliveries.pause()
        else:
            around.deliveries.resume()
        return f"webhooks: {identifier}"
    if action == "dispute":
        return await _argued(identifier, control.dispute(identifier, around))
    for outcome in dispute_course.OUTCOMES:
        if action == outcome:
            decision = control.Decision(outcome=outcome)
            return await _argued(identifier, control.settle_dispute(identifier, decision, around))
    tenant = around.store.owner("payment_intent", identifier)
    if tenant is None or action not in _ACTIONS:
        raise HTTPException(404)
    values = {
        "confirm": {"payment_method": card},
        "refund": {"payment_intent": identifier},
    }.get(action, {})
    answer = around.api.perform(
        tenant, _ACTIONS[action], identifier, values, base_url=base_url.rstrip("/")
    )
    body = orjson.loads(answer.body)
    said = body["error"]["message"] if "error" in body else body["status"]
    return f"{identifier}: {said}"


async def _argued(identifier: str, done: Awaitable[Json]) -> str:
    """What came of a control call about a dispute."""
    try:
        body = await done
    except HTTPException as refused:
        if refused.status_code == 404:
            raise
        return f"{identifier}: {refused.detail}"
    return f"{body['id']}: {body['status']}"


def _back(said: str) -> Response:
    return RedirectResponse("/?" + urlencode({"said": said}), status_code=303)


def _returning(target: str, intent: dict[str, Any]) -> str:
    """The return address with what Stripe adds to it."""
    parts = urlsplit(target)
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        (intent["object"], intent["id"]),
        (f"{intent['object']}_client_secret", intent["client_secret"]),
        (
            "redirect_status",
            "succeeded" if intent["status"] != "requires_payment_method" else "failed",
        ),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))
