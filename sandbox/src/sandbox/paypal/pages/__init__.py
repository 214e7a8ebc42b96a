"""The few pages a person sees: an overview, and PayPal's question to the payer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape

from sandbox import panel
from sandbox.paypal.disputes import steps
from sandbox.paypal.orders import CHOICES
from sandbox.paypal.pages.presses import press
from sandbox.paypal.refusal import Refusal

if TYPE_CHECKING:
    from sandbox.paypal.api import Api

_SHOWN = 50


def router() -> APIRouter:
    """The routes; templates are read when this is called."""
    pages = APIRouter(include_in_schema=False)
    environment = Environment(
        loader=FileSystemLoader([Path(__file__).parent, Path(panel.__file__).parent]),
        autoescape=select_autoescape(["html"]),
    )

    def page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(
            environment.get_template(name).render(**values),
            status_code=status,
            headers={"Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline'"},
        )

    @pages.get("/")
    async def index(request: Request, said: str = "") -> HTMLResponse:
        api: Api = request.app.state.api
        ledger = api.ledger(request)
        orders = [ledger.shown(stored) for stored in api.store.newest("order", _SHOWN)]
        return page(
            "index.html",
            orders=orders,
            disputes=api.store.newest("dispute", _SHOWN),
            what_next=steps,
            events=[
                (event, api.store.deliveries(event["id"]))
                for event in api.store.newest_events(_SHOWN)
            ],
            deliveries=api.store.census(),
            paused=api.deliveries.paused,
            said=said,
            **panel.values(request.app.state),
        )

    @pages.post("/_sandbox/act/{action}/{identifier}")
    async def act(action: str, identifier: str, request: Request) -> Response:
        return panel.back(await press(request.app.state.api, request, action, identifier))

    @pages.get("/checkoutnow")
    async def question(token: str, request: Request) -> HTMLResponse:
        api: Api = request.app.state.api
        try:
            order = api.ledger(request).order(token)
        except Refusal:
            return page("approve.html", 404, order=None, done=None, choices=CHOICES)
        open_ = order.body["status"] in {"CREATED", "PAYER_ACTION_REQUIRED"}
        return page("approve.html", order=order.body if open_ else None, done=None, choices=CHOICES)

    @pages.post("/checkoutnow")
    async def verdict(token: str, choice: Annotated[str, Form()], request: Request) -> Response:
        api: Api = request.app.state.api
        try:
            order = api.ledger(request).order(token)
            if choice in CHOICES:
                api.write(request, lambda ledger: ledger.approve(token, choice).body)
        except Refusal:
            return page("approve.html", 410, order=None, done=None, choices=CHOICES)
        context = order.hidden["context"]
        target = context.get("return_url" if choice in CHOICES else "cancel_url")
        if target:
            payer = api.store.get("order", token).body.get("payer", {}).get("payer_id")
            return RedirectResponse(_returning(target, token, payer), status_code=303)
        done = "approved" if choice in CHOICES else "refused"
        return page("approve.html", order=None, done=done, choices=CHOICES)

    return pages


def _returning(target: str, token: str, payer: str | None) -> str:
    """The address to go back to, with what PayPal adds to it."""
    parts = urlsplit(target)
    added = [("token", token), *([("PayerID", payer)] if payer else [])]
    query = [*parse_qsl(parts.query, keep_blank_values=True), *added]
    return urlunsplit(parts._replace(query=urlencode(query)))
