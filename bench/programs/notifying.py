"""Stripe's side of webhooks: distinct signed events at a steady rate, answered or not.

The rate is kept whatever the answers take, and a latency counts from the moment that an event was
due, so that a receiver that stands still is charged for all that waits.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bench.programs.http import Connection
from bench.programs.talk import Listen, say, settle
from bench.programs.talk import run as start


@dataclass
class _Run:
    free: list[Connection] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def take(self) -> Connection | None:
        """A connection that nobody uses; receivers close those that were long idle."""
        while self.free:
            connection = self.free.pop()
            if not connection.closed:
                return connection
        return None


async def notify(arguments: dict[str, Any], listen: Listen) -> None:  # noqa: ARG001
    """An order names `base`, `path`, `secret`, `org_id`, `refs`, `per_second` and `seconds`."""
    say("ready")
    while (order := await listen()) is not None:
        count = int(order["per_second"] * order["seconds"])
        events = [_signed(order, number) for number in range(count)]
        run = _Run()

        async def deliver(
            due: float, event: tuple[str, bytes], order: dict[str, Any] = order, run: _Run = run
        ) -> None:
            connection = run.take() or await Connection.open(order["base"])
            status, _ = await connection.request("POST", order["path"], *event)
            run.latencies.append(time.perf_counter() - due)
            run.statuses[status] += 1
            run.free.append(connection)

        settle()
        began = time.perf_counter()
        under_way = []
        for number, event in enumerate(events):
            due = began + number / order["per_second"]
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            under_way.append(asyncio.create_task(deliver(due, event)))
        await asyncio.gather(*under_way)
        for connection in run.free:
            connection.close()
        say({"statuses": run.statuses, "latencies": run.latencies})


def _signed(order: dict[str, Any], number: int) -> tuple[str, bytes]:
    """The headers and the body of an event about one of the PaymentIntents."""
    now = int(time.time())
    body = json.dumps(
        {
            "id": f"evt_{uuid4().hex}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": now,
            "livemode": False,
            "api_version": "2026-10-28.endive",
            "data": {
                "object": {
                    "id": order["refs"][number % len(order["refs"])],
                    "object": "payment_intent",
                    "amount": 5000,
                    "amount_received": 5000,
                    "currency": "gbp",
                    "status": "succeeded",
                    "metadata": {"org_id": order["org_id"], "payment_id": str(uuid4())},
                }
            },
        }
    ).encode()
    mac = hmac.new(order["secret"].encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
    headers = f"Content-Type: application/json\r\nStripe-Signature: t={now},v1={mac}\r\n"
    return headers, body


if __name__ == "__main__":
    start(notify)
