"""The page that a customer pays on, and where they go from it."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from sandbox.stripe import checkout_page
from sandbox.stripe.control import Around, World, at_checkout
from sandbox.stripe.refusal import Json


class Sent(BaseModel):
    """The form: a card, or something that clears later."""

    by: Literal["card", "debit"]
    number: str = ""
    expires: str = ""
    cvc: str = ""


def add(pages: APIRouter, page: Callable[..., HTMLResponse]) -> None:
    """Add the routes; `page` renders a template."""

    def shown(around: World, identifier: str, said: str = "", status: int = 200) -> Response:
        stored = _stored(around, identifier)
        return page(
            "checkout.html", status, session=stored.body, items=stored.hidden["items"], said=said
        )

    @pages.get("/c/pay/{identifier}")
    async def checkout(identifier: str, around: Around) -> Response:
        session = _stored(around, identifier).body
        if session["status"] == "complete":
            # Back from the bank, or a second look.
            return _done(session)
        intent = session["payment_intent"] and _intent(around, session)
        error = (intent or {}).get("last_payment_error") or {}
        return shown(around, identifier, error.get("message", ""))

    @pages.post("/c/pay/{identifier}")
    async def pay(
        identifier: str,
        request: Request,
        around: Around,
        sent: Annotated[Sent, Form()],
    ) -> Response:
        try:
            if sent.by == "debit":
                at_checkout(
                    around, identifier, lambda call: checkout_page.pay_later(call, identifier)
                )
                return _done(_stored(around, identifier).body)
            card = _card(sent)
            intent = at_checkout(
                around,
                identifier,
                lambda call: checkout_page.pay(call, identifier, card, return_url=str(request.url)),
            )
        except HTTPException as refused:
            return shown(around, identifier, str(refused.detail), refused.status_code)
        if intent["status"] == "requires_action":
            asks = intent["next_action"]["redirect_to_url"]["url"]
            return RedirectResponse(asks, status_code=303)
        if intent["status"] == "succeeded":
            return _done(_stored(around, identifier).body)
        return shown(around, identifier, intent["last_payment_error"]["message"], 402)


def _card(sent: Sent) -> dict[str, Any]:
    month, _, year = sent.expires.replace(" ", "").partition("/")
    if not (month.isdigit() and year.isdigit()):
        raise HTTPException(400, "Your card's expiration date is incomplete.")
    card = {
        "number": sent.number,
        "exp_month": int(month),
        "exp_year": int(year),
        "cvc": sent.cvc,
    }
    return {"payment_method_data": {"type": "card", "card": card}}


def _done(session: Json) -> Response:
    target = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
    return RedirectResponse(target, status_code=303)


def _stored(around: World, identifier: str) -> Any:
    tenant = around.store.owner("checkout.session", identifier)
    if tenant is None:
        raise HTTPException(404)
    return around.store.get(tenant, "checkout.session", identifier)


def _intent(around: World, session: Json) -> Json:
    tenant = around.store.owner("checkout.session", session["id"]) or ""
    return around.store.get(tenant, "payment_intent", session["payment_intent"]).body
