"""One request being carried out: what an operation gets, and how operations are described."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe.event_log import Delivery
from sandbox.stripe.refusal import Json, bad_parameter
from sandbox.stripe.settings import API_VERSION
from sandbox.stripe.shapes import Fields, Shape, Values
from sandbox.stripe.store import Store
from sandbox.stripe.windows import Window


def new_id(prefix: str) -> str:
    """Unique, and growing with time, so that indexes grow at their end."""
    return f"{prefix}_{time.time_ns() >> 16:012x}{secrets.token_hex(6)}"


@dataclass(slots=True)
class Call:
    """`now` is Unix seconds of the sandbox's time.

    `emitted` is handed to the deliveries after the commit.
    """

    store: Store
    tenant: str
    publishable: bool
    params: Values
    base_url: str
    request_id: str
    now: int
    idempotency_key: str | None = None
    id: str = ""
    search_lag: float = 0.0
    emitted: list[Delivery] = field(default_factory=list)

    def emit(
        self,
        kind: str,
        subject: Json,
        *,
        before: Json | None = None,
        connected: str | None = None,
    ) -> None:
        """Record an event and one delivery for each endpoint that listens to it.

        `before` holds the previous values of what changed. `connected` names the connected account
        that it happened to: then it is in that account's list, and told to Connect endpoints only.
        """
        endpoints = [
            endpoint["id"]
            for endpoint in self.store.endpoints(self.tenant)
            if endpoint["status"] == "enabled"
            and listens(endpoint["enabled_events"], kind)
            and (endpoint["application"] is not None) is (connected is not None)
        ]
        data: Json = {"object": subject}
        if before is not None:
            data["previous_attributes"] = before
        body: Json = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": kind,
        }
        if connected is not None:
            body["account"] = connected
        about = subject.get("payment_intent") or subject["id"]
        self.store.events.add(connected or self.tenant, body, about)
        due = time.time()
        self.emitted.extend(
            self.store.events.send(body["id"], endpoint, due) for endpoint in endpoints
        )

    def later(self, work: str, identifier: str, due: int) -> None:
        """Have something done to an object of this account when its time comes: see `passing`."""
        self.store.appointments.add(self.tenant, work, identifier, due)
        self.store.clock.changed.set()


def listens(patterns: Sequence[str], kind: str) -> bool:
    """Whether an endpoint's `enabled_events` name an event type."""
    return "*" in patterns or kind in patterns


Run = Callable[[Call], Json]


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of Stripe's API. `{id}` in the path is the object's id."""

    name: str
    method: str
    path: str
    run: Run
    params: Fields
    publishable: bool = False


def operation(
    name: str,
    route: str,
    run: Run,
    params: Mapping[str, Shape],
    *,
    required: Sequence[str] = (),
    publishable: bool = False,
) -> Operation:
    method, path = route.split(" ")
    return Operation(name, method, path, run, Fields(params, frozenset(required)), publishable)


def window(params: Values) -> Window:
    """The page asked for; raises Refusal(400) for two cursors at once."""
    if "starting_after" in params and "ending_before" in params:
        raise bad_parameter(
            "Received both starting_after and ending_before parameters. Please pass in only one.",
            code="parameters_exclusive",
        )
    return Window(
        limit=params.get("limit", 10),
        starting_after=params.get("starting_after"),
        ending_before=params.get("ending_before"),
        created=params.get("created"),
    )


def listing(url: str, page: tuple[list[Any], bool]) -> Json:
    rows, more = page
    return {"object": "list", "data": rows, "has_more": more, "url": url}
