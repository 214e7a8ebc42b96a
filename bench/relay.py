"""(a) The relay against publishing the same messages raw."""

import os
from collections.abc import Sequence
from typing import Any

import asyncpg

from bench.child import Child
from bench.cpu import usage
from bench.ground import Ground
from bench.rounds import middle, ratio
from chassis.ids import uuid7
from chassis.messaging.outbox import bucket_of
from contracts.booking import BookingHeld
from contracts.testing import example
from devstack.progress import Say

WINDOW = 500
HOT_KEYS = 64
_COLUMNS = (
    "message_id", "type", "ordering_key", "bucket", "sequence", "org_id", "payload", "traceparent",
)  # fmt: skip


async def measure(
    ground: Ground, database: str, amqp: str, *, messages: int, rounds: int, say: Say
) -> dict[str, Any]:
    """Rounds of: raw by both of aio-pika's layers and by our frames; relay, many keys and few."""
    sides: dict[str, list[dict[str, float]]] = {
        "raw_exchange": [], "raw_channel": [], "raw_frames": [],
        "relay_own_keys": [], "relay_64_keys": [],
    }  # fmt: skip
    size = 0
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            keys = HOT_KEYS if side == "relay_64_keys" else messages
            size = await _fill(database, messages, keys)
            sides[side].append(await _round(ground, side, database, amqp, messages))
            await _purge(amqp)
        say(
            f"(a) round {number + 1}: messages/s "
            + ", ".join(f"{side} {runs[-1]['per_second']:.0f}" for side, runs in sides.items())
        )
    per_second = {side: [run["per_second"] for run in runs] for side, runs in sides.items()}
    # The faster of aio-pika's two ways is the limit, round by round.
    limit = [
        max(pair)
        for pair in zip(per_second["raw_exchange"], per_second["raw_channel"], strict=True)
    ]
    return {
        "ratio_own_keys": ratio(per_second["relay_own_keys"], limit),
        "ratio_64_keys": ratio(per_second["relay_64_keys"], limit),
        "ratio_own_keys_to_frames": ratio(per_second["relay_own_keys"], per_second["raw_frames"]),
        "messages_per_second": {side: middle(values) for side, values in per_second.items()},
        "cpu_us_per_message": {side: _cpu_of(runs) for side, runs in sides.items()},
        "messages": messages,
        "rounds": rounds,
        "window": WINDOW,
        "body_bytes": size,
    }


async def _round(
    ground: Ground, side: str, database: str, amqp: str, messages: int
) -> dict[str, float]:
    how, _, api = side.partition("_")
    async with Child(
        "relaying", how=how, api=api, database=database, amqp=amqp, messages=messages, window=WINDOW
    ) as child:
        await child.hear()
        before = usage(ground.pids)
        result = await child.ask()
        servers = usage(ground.pids).since(before)
    each = {"child": result["cpu"], **servers.seconds}
    return {
        "per_second": messages / result["seconds"],
        **{f"cpu_{part}": 1e6 * seconds / messages for part, seconds in each.items()},
    }


def _cpu_of(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    names = [name for name in runs[0] if name.startswith("cpu_")]
    return {name.removeprefix("cpu_"): middle([run[name] for run in runs]) for name in names}


async def _fill(database: str, messages: int, keys: int) -> int:
    """An outbox as bookings leave it; the size of a body in bytes."""
    golden = example(BookingHeld)
    org_id = golden.org_id
    aggregates = [uuid7() for _ in range(keys)]
    rows = []
    size = 0
    for number in range(messages):
        booking_id = aggregates[number % keys]
        body = golden.model_copy(update={"booking_id": booking_id}).to_json().decode()
        size = len(body)
        key, version = str(booking_id), number // keys + 1
        trace = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-00"
        rows.append((uuid7(), golden.TYPE, key, bucket_of(key), version, org_id, body, trace))
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("TRUNCATE messaging.outbox")
        await connection.execute("TRUNCATE messaging.archive")
        await connection.copy_records_to_table(
            "outbox", schema_name="messaging", records=rows, columns=_COLUMNS
        )
        await connection.execute("ANALYZE messaging.outbox")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return size


async def _purge(amqp: str) -> None:
    import aio_pika  # noqa: PLC0415

    from contracts import topology  # noqa: PLC0415

    connection = await aio_pika.connect(amqp)
    async with connection:
        channel = await connection.channel()
        for queue in topology.queues():
            await (await channel.get_queue(queue.name)).purge()
