"""The page on which a business tells Stripe who it is; its address opens once."""

import secrets
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from sandbox.stripe import connected_accounts
from sandbox.stripe.call import Call
from sandbox.stripe.control import Around, World, at_account
from sandbox.stripe.refusal import Json
from sandbox.stripe.store import Stored


def add(pages: APIRouter, page: Callable[..., HTMLResponse]) -> None:
    """Add the routes; `page` renders a template."""

    @pages.get("/_sandbox/onboarding/{identifier}/{token}")
    async def opened(identifier: str, token: str, around: Around) -> Response:
        link = _link(around, identifier)
        if link["token"] != token or link["expires_at"] <= time.time():
            return RedirectResponse(link["refresh_url"], status_code=303)
        visit = secrets.token_urlsafe(16)

        def use_up(call: Call, stored: Stored) -> Json:
            stored.hidden["link"] = {**link, "token": None, "visit": visit}
            call.store.save(stored)
            return stored.body

        body = at_account(around, identifier, use_up)
        return page("onboarding.html", account=body, visit=visit)

    @pages.post("/_sandbox/onboarding/{identifier}/{visit}")
    async def told(
        identifier: str,
        visit: str,
        around: Around,
        answer: Annotated[Literal["all", "later"], Form()],
    ) -> Response:
        link = _link(around, identifier)
        if link.get("visit") != visit:
            return RedirectResponse(link["refresh_url"], status_code=303)
        if answer == "all":
            at_account(around, identifier, connected_accounts.onboard)
        return RedirectResponse(link["return_url"], status_code=303)


def _link(around: World, identifier: str) -> dict[str, Any]:
    tenant = around.store.owner(connected_accounts.KIND, identifier)
    link = (
        around.store.get(tenant, connected_accounts.KIND, identifier).hidden.get("link")
        if tenant
        else None
    )
    if not link:
        raise HTTPException(404)
    return dict(link)
