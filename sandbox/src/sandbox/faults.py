"""Trouble on demand, the same for every party: for requests to it, and for webhooks from it.

In memory only: a restarted sandbox is a healthy one.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

NEVER = 120.0
"""Seconds after which a request that is never answered is let go: longer than clients wait."""
TOO_OLD = 600.0
"""Seconds by which a stale webhook's time is in the past: receivers take five minutes at most."""
REORDERED_WITHIN = 10.0
"""Seconds that webhooks to be reordered wait for those that should overtake them."""

Mishap = Literal["duplicate", "reorder", "drop", "wrong_signature", "stale"]


@dataclass(slots=True)
class Fault:
    """What befalls the next `count` requests to a matching method and path.

    `delay` seconds pass before the request is carried out, or after it with `after`. `status` is
    answered in place of the real answer, with `retry_after` seconds in its header; with `after` the
    effect has happened all the same. `drop` cuts the connection in the middle of the answer.
    `silent` never answers: the client's patience ends first, or NEVER seconds do.
    """

    count: int = 1
    method: str = "*"
    path: str = "*"
    status: int | None = None
    retry_after: int | None = None
    delay: float = 0.0
    after: bool = False
    drop: bool = False
    silent: bool = False


@dataclass(slots=True)
class WebhookFault:
    """What befalls the first attempt of the next `count` deliveries of matching events.

    `duplicate`: sent twice. `reorder`: they wait for each other and go in the opposite order.
    `drop`: never sent, and not tried again; the list of events still has it. `wrong_signature`,
    `stale`: signed with a stranger's secret, or ten minutes ago; the next attempt is right.
    """

    mishap: Mishap
    count: int = 1
    events: str = "*"


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is false about one attempt: a stranger's signature, or its age in seconds."""

    forged: bool = False
    age: float = 0.0


WRONG: dict[str, Wrong] = {
    "wrong_signature": Wrong(forged=True),
    "stale": Wrong(age=TOO_OLD),
}


class Faults:
    """What is planned, first come first served."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self.webhooks: list[WebhookFault] = []

    def clear(self) -> None:
        self.planned.clear()
        self.webhooks.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that matches a request, counted down."""
        for fault in self.planned:
            if fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path):
                fault.count -= 1
                if fault.count <= 0:
                    self.planned.remove(fault)
                return fault
        return None

    def take_for_webhook(self, event: str) -> WebhookFault | None:
        """The first fault that matches an event's type, counted down: at 0 it is the last."""
        for fault in self.webhooks:
            if fnmatchcase(event, fault.events):
                fault.count -= 1
                if fault.count <= 0:
                    self.webhooks.remove(fault)
                return fault
        return None


async def until_gone(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    """Until the client of an ASGI request has gone, or NEVER seconds have passed."""
    with suppress(TimeoutError):
        async with asyncio.timeout(NEVER):
            while (await receive())["type"] != "http.disconnect":
                pass
