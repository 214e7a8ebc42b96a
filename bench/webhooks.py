"""(h): Stripe's notifications at a steady rate, answered by one process while a worker looks."""

import secrets
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bench.child import Child
from bench.rounds import middle, percentile
from bench.system import System
from devstack import ports, sql, web
from devstack.keys import load
from devstack.progress import Say

PER_SECOND = 200
_INTENTS = 20
_PATH = "/webhooks/stripe/platform"
_DRAINED_WITHIN = 600.0


@dataclass(frozen=True)
class _Side:
    base: str
    database: str


async def measure(system: System, *, rounds: int, seconds: int, say: Say) -> dict[str, Any]:
    """Rounds of ours and bare in turn; after each of ours the worker's queue is seen to empty."""
    keys = load(system.stack.run_dir)
    org_id = str(uuid4())
    refs = [_intent(system, keys.stripe_secret, org_id) for _ in range(_INTENTS)]
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "bare": []}
    drains: list[float] = []
    async with AsyncExitStack() as running:
        stripe = await running.enter_async_context(Child("notifying"))
        await stripe.hear()
        sides = {"ours": _ours(system), "bare": await _bare(system, running)}

        async def send(name: str, lasts: float) -> dict[str, float]:
            side = sides[name]
            answer = await stripe.ask(
                {
                    "base": side.base,
                    "path": _PATH,
                    "secret": keys.stripe_webhook,
                    "org_id": org_id,
                    "refs": refs,
                    "per_second": PER_SECOND,
                    "seconds": lasts,
                }
            )
            late = [1000 * value for value in answer["latencies"]]
            taken = answer["statuses"].get("200", 0)
            return {
                "p50_ms": percentile(late, 50),
                "p99_ms": percentile(late, 99),
                "not_taken": len(late) - taken,
            }

        for name in sides:  # first connections, first plans
            await send(name, 1)
        _drained(sides["ours"])
        for number in range(rounds):
            for name in sides if number % 2 == 0 else reversed(sides):
                runs[name].append(await send(name, seconds))
                if name == "ours":
                    drains.append(_drained(sides["ours"]))
            ours, bare = (runs[name][-1]["p99_ms"] for name in sides)
            say(f"(h) round {number + 1}: p99 {ours:.1f} ms, bare {bare:.1f} ms")
        await stripe.tell(None)
    return {
        "per_second": PER_SECOND,
        "seconds_per_round": seconds,
        "rounds": rounds,
        "drained_after_seconds": middle(drains),
        **{
            name: {figure: middle([run[figure] for run in side]) for figure in side[0]}
            for name, side in runs.items()
        },
    }


def _intent(system: System, key: str, org_id: str) -> str:
    """A PaymentIntent at the sandbox, for the worker to look at; no payment of ours knows it."""
    made = web.call(
        "POST",
        f"{system.stack.endpoints['sandbox']['stripe']}/v1/payment_intents",
        form={"amount": "5000", "currency": "gbp", "metadata[org_id]": org_id},
        headers={
            "Authorization": f"Bearer {key}",
            "Idempotency-Key": secrets.token_hex(16),
        },
    )
    if made.status != 200:
        raise RuntimeError(f"the sandbox made no PaymentIntent: {made.body}")
    return str(made.body["id"])


def _ours(system: System) -> _Side:
    base = system.stack.endpoints["services"]["payments"]["http"]
    return _Side(base, system.superuser("payments"))


async def _bare(system: System, running: AsyncExitStack) -> _Side:
    port = ports.choose(["bare"])["bare"]
    payments = system.stack.wiring.env(system.stack.process("payments-api").unit)
    child = await running.enter_async_context(
        Child(
            "bare_webhooks",
            port=port,
            database=payments["DATABASE_URL"],
            secret=payments["STRIPE_WEBHOOK_SECRET"],
        )
    )
    await child.hear()
    return _Side(f"http://127.0.0.1:{port}", "")


def _drained(side: _Side) -> float:
    """Wait until the worker has looked at everything; for how long.

    Raises:
        RuntimeError: it does not get there.
    """
    began = time.monotonic()
    while sql.fetch(side.database, "SELECT count(*) FROM messaging.intents")[0][0]:
        if time.monotonic() - began > _DRAINED_WITHIN:
            raise RuntimeError(f"not all was looked at within {_DRAINED_WITHIN} s")
        time.sleep(0.05)
    return time.monotonic() - began
