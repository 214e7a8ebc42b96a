"""`/_sandbox/faults`, `/_sandbox/webhooks/faults`: planning trouble, the same for every party."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.faults import Fault, Faults, Mishap, WebhookFault

router = APIRouter(prefix="/_sandbox")


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Trouble(Body):
    """Trouble for the next `count` requests; `method` and `path` are shell patterns.

    Too busy: `{"status": 429, "retry_after": 2}`. Broken: `{"status": 500}`; broken after it was
    done: `{"status": 500, "after": true}`. Slow: `{"delay": 3}`. Never answers: `{"silent": true}`;
    did it and never says so: `{"silent": true, "after": true}`. Connection cut in the middle of the
    answer: `{"drop": true, "after": true}`.
    """

    count: int = Field(1, ge=1, le=100_000)
    method: str = "*"
    path: str = "*"
    status: int | None = Field(None, ge=400, le=599)
    retry_after: int | None = Field(None, ge=0, le=3600)
    delay: float = Field(0.0, ge=0, le=300)
    after: bool = False
    drop: bool = False
    silent: bool = False

    @model_validator(mode="after")
    def _silent_says_nothing(self) -> "Trouble":
        if self.silent and (self.status is not None or self.drop):
            raise ValueError("what is silent answers nothing: leave out status and drop")
        return self


class WebhookTrouble(Body):
    """Trouble for the first attempt of the next `count` webhooks.

    `events` is a shell pattern for their type. `duplicate`: sent twice. `reorder`: `count` of them
    go in the opposite order. `drop`: never sent; the list of events still has it.
    `wrong_signature`, `stale` (signed ten minutes ago): the next attempt is right.
    """

    mishap: Mishap
    count: int = Field(1, ge=1, le=100_000)
    events: str = "*"


@router.get("/faults")
async def planned(request: Request) -> dict[str, Any]:
    """What is still to come."""
    return told(request.app.state.faults)


@router.post("/faults")
async def plan(trouble: Trouble, request: Request) -> dict[str, Any]:
    """Plan trouble for requests."""
    faults: Faults = request.app.state.faults
    faults.planned.append(Fault(**trouble.model_dump()))
    return told(faults)


@router.post("/webhooks/faults")
async def plan_for_webhooks(trouble: WebhookTrouble, request: Request) -> dict[str, Any]:
    """Plan trouble for webhooks."""
    faults: Faults = request.app.state.faults
    faults.webhooks.append(WebhookFault(**trouble.model_dump()))
    return told(faults)


@router.delete("/faults")
async def no_more(request: Request) -> dict[str, Any]:
    """No more trouble, of either kind."""
    faults: Faults = request.app.state.faults
    faults.clear()
    return told(faults)


def told(faults: Faults) -> dict[str, Any]:
    return {
        "faults": [asdict(fault) for fault in faults.planned],
        "webhook_faults": [asdict(fault) for fault in faults.webhooks],
    }
