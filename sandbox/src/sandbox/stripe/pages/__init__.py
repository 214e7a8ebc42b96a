"""The few pages a person sees: an overview, and the bank's question."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape

from sandbox import panel
from sandbox.stripe import dispute_course, refunds
from sandbox.stripe.cards import CARDS, told
from sandbox.stripe.control import Around, intent_kind, settle
from sandbox.stripe.money import shown
from sandbox.stripe.pages import checkout, onboarding
from sandbox.stripe.pages.presses import press
from sandbox.stripe.refusal import Refusal

_SHOWN = 50
_ACCOUNTS = 20


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([Path(__file__).parent, Path(panel.__file__).parent]),
        autoescape=select_autoescape(["html"]),
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
    async def index(request: Request, around: Around, said: str = "") -> HTMLResponse:
        store = around.store
        return page(
            "index.html",
            intents=store.newest("payment_intent", _SHOWN),
            refunds=store.newest(refunds.KIND, _SHOWN),
            disputes=store.newest(dispute_course.KIND, _SHOWN),
            still_open=dispute_course.is_open,
            events=[
                (event, store.events.deliveries(event["id"]))
                for event in store.events.newest(_SHOWN)
            ],
            accounts=store.accounts(_ACCOUNTS),
            cards=[(card.names[0], card.number, told(card)) for card in CARDS if card.names],
            paused=around.deliveries.paused,
            deliveries=store.events.census(),
            said=said,
            **panel.values(request.app.state),
        )

    @pages.post("/_sandbox/act/{action}/{identifier}")
    async def act(action: str, identifier: str, request: Request, around: Around) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        base_url = str(request.base_url).rstrip("/")
        return panel.back(await press(around, action, identifier, form, base_url))

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
    onboarding.add(pages, page)
    return pages


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
