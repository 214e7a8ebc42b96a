"""The part of every party's page that moves the time and plans trouble, without any script."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.faults import Fault, Faults, WebhookFault

STEPS = {
    "minute": ("1 minute", timedelta(minutes=1)),
    "hour": ("1 hour", timedelta(hours=1)),
    "day": ("1 day", timedelta(days=1)),
    "week": ("7 days", timedelta(days=7)),
}
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "busy": ("too busy: 429 with Retry-After", {"status": 429}),
    "broken": ("broken before it is done: 500", {"status": 500}),
    "broken-after": ("broken after it is done: 500", {"status": 500, "after": True}),
    "slow": ("slow: 5 seconds", {"delay": 5.0}),
    "silent": ("no answer, not done", {"silent": True}),
    "silent-after": ("no answer, though it is done", {"silent": True, "after": True}),
    "cut": ("done, and cut in the middle of the answer", {"drop": True, "after": True}),
}
WEBHOOKS: dict[str, tuple[str, WebhookFault]] = {
    "duplicate": ("sent twice", WebhookFault("duplicate")),
    "reorder": ("in the opposite order", WebhookFault("reorder")),
    "drop": ("lost for ever", WebhookFault("drop")),
    "wrong_signature": ("signed by a stranger, then right", WebhookFault("wrong_signature")),
    "stale": ("signed ten minutes ago, then right", WebhookFault("stale")),
}
_MOST = 1000

router = APIRouter(prefix="/_sandbox/panel", include_in_schema=False)


def values(state: Any) -> dict[str, Any]:
    """What `panel.html` shows of an application's state."""
    clock, faults = state.clock, state.faults
    return {
        "now": datetime.fromtimestamp(clock.now(), UTC),
        "ahead": timedelta(seconds=round(clock.ahead)),
        "steps": {name: label for name, (label, _) in STEPS.items()},
        "request_troubles": {name: label for name, (label, _) in REQUESTS.items()},
        "webhook_troubles": {name: label for name, (label, _) in WEBHOOKS.items()},
        "planned": [
            *(f"{_words(fault)}, for requests" for fault in faults.planned),
            *(f"{_words(fault)}, for webhooks" for fault in faults.webhooks),
        ],
    }


@router.post("/clock")
async def advance(step: Annotated[str, Form()], request: Request) -> Response:
    label, by = _known(STEPS, step)
    request.app.state.clock.advance(by.total_seconds())
    happened = request.app.state.catch_up()
    return back(f"{label} later: {happened} thing{'' if happened == 1 else 's'} fell due")


@router.post("/requests")
async def trouble(
    case: Annotated[str, Form()],
    count: Annotated[int, Form(ge=1, le=_MOST)],
    request: Request,
    path: Annotated[str, Form(max_length=200)] = "*",
) -> Response:
    faults: Faults = request.app.state.faults
    label, wanted = _known(REQUESTS, case)
    faults.planned.append(Fault(count=count, path=path or "*", **wanted))
    return back(f"the next {count} requests to {path or '*'}: {label}")


@router.post("/webhooks")
async def webhook_trouble(
    case: Annotated[str, Form()], count: Annotated[int, Form(ge=1, le=_MOST)], request: Request
) -> Response:
    faults: Faults = request.app.state.faults
    label, fault = _known(WEBHOOKS, case)
    faults.webhooks.append(WebhookFault(fault.mishap, count))
    return back(f"the next {count} webhooks: {label}")


@router.post("/calm")
async def calm(request: Request) -> Response:
    request.app.state.faults.clear()
    return back("no more trouble")


def back(said: str) -> Response:
    """To the page, which says what was done."""
    return RedirectResponse("/?" + urlencode({"said": said}), status_code=303)


def _known(cases: dict[str, tuple[str, Any]], name: str) -> tuple[str, Any]:
    if name not in cases:
        raise HTTPException(404, f"no such case: {name}")
    return cases[name]


def _words(fault: Fault | WebhookFault) -> str:
    """`429, count 2`: what differs from nothing at all."""
    said = asdict(fault)
    count = said.pop("count")
    parts = [
        name if value is True else str(value) if name in {"status", "mishap"} else f"{name} {value}"
        for name, value in said.items()
        if value not in {None, False, "*"}
    ]
    return f"{', '.join(parts) or 'as ever'} ({count} to come)"
