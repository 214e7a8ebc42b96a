"""`/_sandbox/clock`: reading the sandbox's time and moving it, the same for every party."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from sandbox.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

_FARTHEST = timedelta(days=3660)

router = APIRouter(prefix="/_sandbox/clock")


class Move(BaseModel):
    """By how much (seconds, or ISO 8601 such as `P7D` and `PT30M`), or to which instant."""

    model_config = ConfigDict(extra="forbid")

    advance: timedelta | None = Field(None, gt=timedelta(0), le=_FARTHEST)
    set: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Move":
        if (self.advance is None) is (self.set is None):
            raise ValueError("say either advance or set")
        return self


@router.get("")
async def read(request: Request) -> dict[str, Any]:
    """The sandbox's time, and by how many seconds it is ahead of the real one."""
    return _told(request.app.state.clock)


@router.post("")
async def move(wanted: Move, request: Request) -> dict[str, Any]:
    """Move the time forward; what falls due on the way has happened when this answers."""
    clock: Clock = request.app.state.clock
    catch_up: Callable[[], int] = request.app.state.catch_up
    by = wanted.advance.total_seconds() if wanted.advance is not None else 0.0
    if wanted.set is not None:
        by = wanted.set.timestamp() - clock.now()
        if by < 0:
            raise HTTPException(409, "Time does not go back: start anew with an empty --state.")
        if by > _FARTHEST.total_seconds():
            raise HTTPException(422, "That is more than ten years ahead.")
    clock.advance(by)
    return {**_told(clock), "happened": catch_up()}


def _told(clock: Clock) -> dict[str, Any]:
    now = datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="seconds")
    return {"now": now, "ahead": round(clock.ahead)}
