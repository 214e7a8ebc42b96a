"""One round of the relay, or of publishing the same messages raw.

Both say `ready` when connected, wait, run, and answer with seconds and their own CPU seconds.
"""

import asyncio
import os
import time
from typing import Any

import aio_pika
import asyncpg
from pamqp.commands import Basic

from bench.programs.talk import Listen, run, say, settle
from chassis import metrics
from chassis.db import Database
from chassis.messaging.leases import Leases
from chassis.messaging.publisher import Publisher
from chassis.messaging.relay import Relay
from contracts import topology
from contracts.envelope import CONTENT_TYPE, Envelope

_ROWS = """
SELECT message_id, type, ordering_key, sequence, org_id, payload, traceparent, created_at
FROM messaging.outbox WHERE due_at IS NULL ORDER BY position
"""


async def relay(arguments: dict[str, Any], listen: Listen) -> None:
    """The chassis relay on an outbox that is full, until it is empty and archived."""
    db = Database(arguments["database"], application_name="bench-relay")
    leases = Leases(db)
    leasing = asyncio.create_task(leases.run())
    while len(leases.owned) < 64:
        await asyncio.sleep(0.01)
    relay = Relay(db, leases, url=arguments["amqp"], source="booking", window=arguments["window"])
    await db.ping()
    settle()
    say("ready")
    await listen()
    before = _cpu()
    relaying = asyncio.create_task(relay.run())
    while not relay.connected:
        await asyncio.sleep(0.001)
    started = time.perf_counter()
    while metrics.PUBLISHED._value.get() < arguments["messages"]:  # noqa: SLF001
        if relaying.done():
            await relaying
        await asyncio.sleep(0.002)
    say({"seconds": time.perf_counter() - started, "cpu": _cpu() - before})
    relaying.cancel()
    leasing.cancel()
    await asyncio.wait([relaying, leasing])
    await db.close()


async def raw(arguments: dict[str, Any], listen: Listen) -> None:
    """The same messages by aio-pika alone: ready-made in memory, confirmed, as many in flight.

    `api` is `exchange` (aio-pika's own publish), `channel` (the layer below, which is faster), or
    `frames` (the chassis publisher, without a database behind it).
    """
    messages = await _ready_made(arguments["database"])
    connection = await aio_pika.connect(arguments["amqp"])
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
    underlay = await channel.get_underlay_channel()
    publisher = Publisher(underlay, topology.EXCHANGE)
    writing = asyncio.create_task(publisher.run())
    pending = iter(messages)

    async def by_frames() -> None:
        for body, _, _, envelope in pending:
            await publisher.publish(envelope, body, mandatory=True)

    async def by_exchange() -> None:
        for body, key, properties, _ in pending:
            await exchange.publish(
                aio_pika.Message(
                    body,
                    headers=properties.headers,
                    content_type=CONTENT_TYPE,
                    delivery_mode=2,
                    message_id=properties.message_id,
                    type=key,
                ),
                routing_key=key,
                mandatory=True,
                timeout=30,
            )

    async def by_channel() -> None:
        for body, key, properties, _ in pending:
            await underlay.basic_publish(
                body,
                exchange=topology.EXCHANGE,
                routing_key=key,
                properties=properties,
                mandatory=True,
                timeout=30,
            )

    publish = {"exchange": by_exchange, "channel": by_channel, "frames": by_frames}[
        arguments["api"]
    ]
    settle()
    say("ready")
    await listen()
    before, started = _cpu(), time.perf_counter()
    await asyncio.gather(*(publish() for _ in range(arguments["window"])))
    say({"seconds": time.perf_counter() - started, "cpu": _cpu() - before})
    writing.cancel()
    await connection.close()


async def _ready_made(
    database: str,
) -> list[tuple[bytes, str, Basic.Properties, Envelope]]:
    connection = await asyncpg.connect(database)
    rows = await connection.fetch(_ROWS)
    await connection.close()
    messages = []
    for row in rows:
        envelope = Envelope(
            id=row["message_id"],
            type=row["type"],
            source="booking",
            time=row["created_at"],
            key=row["ordering_key"],
            sequence=row["sequence"],
            org_id=row["org_id"],
            traceparent=row["traceparent"],
        )
        properties = Basic.Properties(
            content_type=CONTENT_TYPE,
            delivery_mode=2,
            message_id=str(row["message_id"]),
            message_type=row["type"],
            headers={**envelope.to_headers()},
        )
        messages.append((row["payload"].encode(), row["type"], properties, envelope))
    return messages


def _cpu() -> float:
    spent = os.times()
    return spent.user + spent.system


if __name__ == "__main__":

    async def chosen(arguments: dict[str, Any], listen: Listen) -> None:
        await (relay if arguments["how"] == "relay" else raw)(arguments, listen)

    run(chosen)
