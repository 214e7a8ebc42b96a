"""The Swish sandbox put together: pages for people, and the same as JSON."""

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import BaseModel, ConfigDict, Field

from sandbox import clock_control, listening
from sandbox.same_site import same_site
from sandbox.swish import rules
from sandbox.swish.rules import Wrong
from sandbox.swish.store import Json, StateInUse, Store

log = structlog.get_logger()


class Payment(BaseModel):
    """What the guest types into their phone; amounts in kronor, as text."""

    model_config = ConfigDict(extra="forbid")

    payer: str = Field(max_length=40)
    payee: str = Field(max_length=40)
    amount: str = Field(max_length=40)
    message: str = Field("", max_length=400)


class Return(BaseModel):
    """How much the business sends back; left out: all that is left."""

    model_config = ConfigDict(extra="forbid")

    amount: str | None = Field(None, max_length=40)


def build(store: Store) -> FastAPI:
    """The application."""
    app = FastAPI(
        title="Swish sandbox",
        docs_url="/_sandbox/docs",
        openapi_url="/_sandbox/openapi.json",
        redoc_url=None,
    )
    app.state.clock = store.clock
    app.state.catch_up = lambda: 0  # nothing falls due here: money arrives at once
    app.include_router(clock_control.router)
    show = _shower()
    _add_json(app, store)
    _add_phone(app, store, show)
    _add_business(app, store, show)
    app.middleware("http")(same_site)
    app.exception_handler(Wrong)(_wrong)
    return app


def serve(*, host: str, port: int, state: Path) -> int:
    """Run until stopped; 1 when the port or the directory is taken."""
    listening.log_as_json()
    try:
        with listening.bind(host, port) as web, closing(Store(state)) as store:
            log.info("swish.listening", url=listening.address("http", web))
            listening.run(build(store), web)
    except (OSError, StateInUse) as error:
        sys.stderr.write(f"sandbox swish: {error}\n")
        return 1
    return 0


async def _wrong(_: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, Wrong)  # noqa: S101 - registered for nothing else
    return JSONResponse({"field": wrong.field, "detail": wrong.why}, 422)


def _add_json(app: FastAPI, store: Store) -> None:
    @app.post("/payments", status_code=201)
    async def pay(payment: Payment) -> Json:
        """The guest sends money; it is there at once, whoever's number it was."""
        return _pay(store, payment.payer, payment.payee, payment.amount, payment.message)

    @app.get("/payments")
    async def payments(payee: str, after: str | None = None) -> list[Json]:
        """What came to a number, newest first; `after`: since the payment with this id."""
        seq = 0 if after is None else _found(store, after)
        return [one.shown() for one in store.received(rules.payee(payee), after=seq)]

    @app.post("/payments/{identifier}/returns", status_code=201)
    async def give_back(identifier: str, wanted: Return) -> Json:
        """The business sends money back."""
        _found(store, identifier)
        amount = None if wanted.amount is None else rules.amount(wanted.amount)
        return store.give_back(identifier, amount).shown()

    @app.get("/_sandbox/health")
    async def health() -> Json:
        return {"status": "ok"}


Show = Callable[..., HTMLResponse]


def _shower() -> Show:
    """Renders a page by its name, with a status and what it shows."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"),
        autoescape=select_autoescape(["html"]),
    )

    def page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(
            environment.get_template(name).render(**values),
            status_code=status,
            headers={"Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline'"},
        )

    return page


def _add_phone(app: FastAPI, store: Store, page: Show) -> None:
    @app.get("/", include_in_schema=False)
    async def index() -> HTMLResponse:
        return page("index.html", businesses=store.businesses())

    # The path and the query of the links and QR codes that open Swish on a real phone.
    @app.get("/1/p/sw/", include_in_schema=False)
    async def phone(
        sw: str = "", amt: str = "", msg: str = "", payer: str = "", sent: str = ""
    ) -> HTMLResponse:
        typed = {"payer": payer, "payee": sw, "amount": amt, "message": msg}
        try:
            own = store.of_phone(rules.mobile(payer)) if payer else []
        except Wrong:
            own = []
        return page(
            "phone.html", typed=typed, wrong=None, sent=sent, own=[one.shown() for one in own]
        )

    @app.post("/1/p/sw/", include_in_schema=False)
    async def send(
        payer: Annotated[str, Form(max_length=40)],
        payee: Annotated[str, Form(max_length=40)],
        amount: Annotated[str, Form(max_length=40)],
        message: Annotated[str, Form(max_length=400)] = "",
    ) -> Response:
        try:
            paid = _pay(store, payer, payee, amount, message)
        except Wrong as wrong:
            typed = {"payer": payer, "payee": payee, "amount": amount, "message": message}
            return page("phone.html", 422, typed=typed, wrong=wrong, sent="", own=[])
        query = urlencode({"payer": paid["payer"], "sent": paid["id"]})
        return RedirectResponse(f"/1/p/sw/?{query}", status_code=303)


def _add_business(app: FastAPI, store: Store, page: Show) -> None:
    @app.get("/business", include_in_schema=False)
    async def business(number: str, said: str = "") -> HTMLResponse:
        try:
            shown = rules.payee(number)
        except Wrong as wrong:
            return page("business.html", 422, number=number, said=str(wrong), received=[])
        received = [one.shown() for one in store.received(shown)]
        return page("business.html", number=shown, said=said, received=received)

    @app.post("/business/{identifier}/return", include_in_schema=False)
    async def send_back(
        identifier: str, amount: Annotated[str, Form(max_length=40)] = ""
    ) -> Response:
        _found(store, identifier)
        number = store.get(identifier).payee
        try:
            sent = store.give_back(identifier, rules.amount(amount) if amount.strip() else None)
            said = f"{rules.written(sent.amount)} kr sent back, reference {sent.id}"
        except Wrong as wrong:
            said = str(wrong)
        query = urlencode({"number": number, "said": said})
        return RedirectResponse(f"/business?{query}", status_code=303)


def _pay(store: Store, payer: str, payee: str, amount: str, message: str) -> Json:
    sender, receiver = rules.mobile(payer), rules.payee(payee)
    if sender == receiver:
        raise Wrong("payee", "is the phone's own number")
    return store.send(sender, receiver, rules.amount(amount), rules.message(message)).shown()


def _found(store: Store, identifier: str) -> int:
    try:
        return store.get(identifier).seq
    except KeyError:
        raise HTTPException(404, f"no payment {identifier}") from None
