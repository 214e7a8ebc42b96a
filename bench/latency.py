"""(d) From a commit in one service to the commit of its consumer in another, when idle."""

import asyncio
import random
from contextlib import AsyncExitStack
from typing import Any

import asyncpg

from bench.child import Child
from bench.rounds import percentile
from chassis.ids import uuid7
from devstack.progress import Say

_WARM_UP = 20  # messages whose time doesn't count: first statements, first connections
_PAUSE = 0.04  # seconds between two messages, each alone in the system


async def measure(
    producer: str, consumer: str, amqp: str, *, messages: int, say: Say
) -> dict[str, Any]:
    """Messages in turn by the chassis and bare: so many each, one at a time.

    Args:
        producer: address of the database whose commit starts the clock.
        consumer: address of the database whose commit stops it.
    """
    for database in (producer, consumer):
        await _make_effects(database)
    async with AsyncExitStack() as running:

        async def start(end: str, **arguments: Any) -> Child:
            child = await running.enter_async_context(
                Child("latency", end=end, amqp=amqp, **arguments)
            )
            await child.hear()
            return child

        relay = await start("chassis_worker", service="booking", database=producer)
        worker = await start("chassis_worker", service="payments", database=consumer)
        bare = await start("bare_consume", database=consumer)
        api = await start("chassis_commit", database=producer)
        bare_api = await start("bare_commit", database=producer)

        sides = {"chassis": (api, worker), "bare": (bare_api, bare)}
        committed: dict[str, dict[str, float]] = {name: {} for name in sides}
        for number in range(_WARM_UP + messages):
            for name, (committing, _) in sides.items():
                key = str(uuid7())
                instant = await committing.ask(key)
                if number >= _WARM_UP:
                    committed[name][key] = instant
                # Not in step with any timer of ours.
                await asyncio.sleep(_PAUSE * random.uniform(0.5, 1.5))
        result: dict[str, Any] = {"messages": messages}
        for name, (_, consuming) in sides.items():
            done = await consuming.ask(list(committed[name]), seconds=120)
            result[name] = _summary([done[key] - at for key, at in committed[name].items()])
        await relay.ask()
        for committing, _ in sides.values():
            await committing.tell(None)
    say(
        "(d) commit to done, ms: "
        + ", ".join(f"{name} p50 {result[name]['p50']} p99 {result[name]['p99']}" for name in sides)
    )
    return result


async def remember(producer: str, consumer: str, bookings: int) -> None:
    """Thirty days of messages, as in a system with so many bookings in two years."""
    kept = bookings // 24 * 3
    sent = (
        "INSERT INTO messaging.archive SELECT t.position, gen_random_uuid(), t.type, "
        "gen_random_uuid()::text, t.sequence, t.org_id, t.payload, t.traceparent, t.created_at "
        f"FROM (SELECT * FROM messaging.archive LIMIT 1) t, generate_series(1, {kept})"
    )
    handled = (
        "INSERT INTO messaging.inbox SELECT gen_random_uuid(), t.consumer, t.done_at "
        f"FROM (SELECT * FROM messaging.inbox LIMIT 1) t, generate_series(1, {kept})"
    )
    for database, statement in ((producer, sent), (consumer, handled)):
        connection = await asyncpg.connect(database, command_timeout=600)
        await connection.execute(statement)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()


def _summary(seconds: list[float]) -> dict[str, float]:
    milliseconds = [1000 * value for value in seconds]
    return {
        "p50": percentile(milliseconds, 50),
        "p90": percentile(milliseconds, 90),
        "p99": percentile(milliseconds, 99),
    }


async def _make_effects(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("CREATE TABLE IF NOT EXISTS effects (key text NOT NULL)")
    await connection.close()
