"""(c) CPU time of the whole system for a hold, and for a booking that is paid and confirmed."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aio_pika
import asyncpg

from bench.child import Child
from bench.cpu import Usage, usage
from bench.holds import CONNECTIONS, empty_outbox
from bench.rounds import percentile
from bench.shop import Shop, Target
from bench.system import NO_WAIT, WAIT, System
from contracts import topology
from devstack.layout import GATEWAY, SANDBOXES
from devstack.paths import SERVICES
from devstack.progress import Say

HOLD = (
    "A hold: the guest's request through the gateway, booking's transaction (place, booking, "
    "audit, idempotency key, expiry timer, message), its relay, and booking.held confirmed by the "
    "broker and archived. Counted: gateway, booking's api and worker, PostgreSQL, RabbitMQ."
)
BOOKING = (
    "A confirmed booking: the hold, the payment made at the provider and given to the waiting "
    "guest, the provider's webhooks, the confirmation, the customer found and counted, the e-mail "
    "with its calendar file accepted by SMTP, and every message between the services archived. "
    "Counted: every process of ours, PostgreSQL, RabbitMQ. The sandbox is the outside world and "
    "listed apart; the load generator is not counted."
)
_PAYING_CONNECTIONS = 8
_DOWNSTREAM = [f"{service}-worker" for service in SERVICES if service != "booking"]

_UNSENT = "SELECT count(*) FROM messaging.outbox WHERE due_at IS NULL"
_UNDONE = f"SELECT ({_UNSENT}) + (SELECT count(*) FROM messaging.intents)"


async def measure(
    system: System, shop: Shop, *, holds: int, bookings: int, say: Say
) -> dict[str, Any]:
    """The cost of so many holds, half of them classes and half tables, and of so many bookings."""
    async with Child("load") as load:
        await load.hear()
        held = await _holds(system, shop, load, holds, say)
        booked = await _bookings(system, shop, load, bookings, say)
        await load.tell(None)
    return {"hold": held, "confirmed_booking": booked}


async def _holds(system: System, shop: Shop, load: Child, holds: int, say: Say) -> dict[str, Any]:
    system.stop(_DOWNSTREAM)
    order = {"base": system.gateway, "path": "/v1/bookings", "connections": CONNECTIONS}
    await load.ask({**order, "places": _mixed(shop, 100)})
    await _until(system, {"booking": _UNSENT})
    roots = system.pids([GATEWAY, "booking-api", "booking-worker", "postgres", "rabbitmq"])
    before, began = usage(roots), time.monotonic()
    answer = await load.ask({**order, "places": _mixed(shop, holds)})
    await _until(system, {"booking": _UNSENT})
    result = _cost(usage(roots).since(before), holds, time.monotonic() - began) | {
        "what": HOLD,
        "requests_seconds": round(answer["seconds"], 2),
        "statuses": answer["statuses"],
    }
    await _forget_holds(system)
    system.start(_DOWNSTREAM)
    say(f"(c) CPU ms per hold: {result['cpu_ms']:.2f} = {_listed(result['cpu_ms_by_part'])}")
    return result


async def _forget_holds(system: System) -> None:
    """The holds were never to be paid for: nobody downstream hears of them, and none expires."""
    await empty_outbox(system)
    connection = await aio_pika.connect(system.stack.endpoints["rabbitmq"]["amqp"])
    async with connection:
        channel = await connection.channel()
        for service in SERVICES:
            queue = await channel.get_queue(topology.queue(service), ensure=False)
            await queue.purge()


async def _bookings(
    system: System, shop: Shop, load: Child, bookings: int, say: Say
) -> dict[str, Any]:
    system.gateway_waits(WAIT)
    order = {
        "base": system.gateway,
        "path": "/v1/bookings",
        "connections": _PAYING_CONNECTIONS,
        "pay_at": system.stack.endpoints["sandbox"]["stripe"],
    }
    everywhere = dict.fromkeys(SERVICES, _UNDONE)
    await load.ask({**order, "places": _mixed(shop, 40)})
    await _until(system, everywhere)
    await _quiet(system)
    confirmed, mails = await _confirmed(system), await _mails(system)
    roots = system.pids()
    before, began = usage(roots), time.monotonic()
    answer = await load.ask({**order, "places": _mixed(shop, bookings)})
    deadline = time.monotonic() + 300
    while (
        await _confirmed(system) < confirmed + bookings or await _mails(system) < mails + bookings
    ):
        if time.monotonic() > deadline:
            raise RuntimeError("not every booking was confirmed and announced within 300 s")
        await asyncio.sleep(0.2)
    seconds = time.monotonic() - began
    await _until(system, everywhere)
    await _quiet(system)
    spent = usage(roots).since(before)
    outside = Usage({name: spent.seconds[name] for name in SANDBOXES})
    inside = Usage({name: spent.seconds[name] for name in system.ours})
    result = _cost(inside, bookings, seconds) | {
        "what": BOOKING,
        "connections": _PAYING_CONNECTIONS,
        "statuses": answer["statuses"],
        "sandbox_cpu_ms": _cost(outside, bookings, seconds)["cpu_ms_by_part"],
        "confirmed_per_second": round(bookings / seconds, 1),
        "hold_answered_with_payment_ms": {
            f"p{p}": percentile([1000 * value for value in answer["latencies"]], p)
            for p in (50, 99)
        },
    }
    system.gateway_waits(NO_WAIT)
    say(
        f"(c) CPU ms per confirmed booking: {result['cpu_ms']:.2f} = "
        f"{_listed(result['cpu_ms_by_part'])}; {result['confirmed_per_second']} bookings/s"
    )
    return result


def _cost(spent: Usage, count: int, seconds: float) -> dict[str, Any]:
    parts = {name: round(1000 * value / count, 3) for name, value in spent.seconds.items()}
    return {
        "cpu_ms": round(sum(parts.values()), 3),
        "cpu_ms_by_part": parts,
        "count": count,
        "seconds": round(seconds, 2),
    }


def _listed(parts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in parts.items())


def _mixed(shop: Shop, count: int) -> list[list[str | None]]:
    """Half classes, half tables, in turn."""
    classes: Sequence[Target] = shop.class_places()
    tables = shop.table_places(count // 2)
    mixed = []
    for number, table in enumerate(tables):
        mixed += [classes[number % len(classes)].as_json, table.as_json]
    return mixed


async def _confirmed(system: System) -> int:
    query = "SELECT count(*) FROM bookings WHERE status = 'confirmed'"
    return await _count(system.superuser("booking"), query)


async def _mails(system: System) -> int:
    query = "SELECT count(*) FROM messages WHERE state = 'sent'"
    return await _count(system.superuser("notifications"), query)


async def _quiet(system: System) -> None:
    """Wait until no service has handled a message for a second: nothing is under way any more."""
    before = -1
    query = "SELECT count(*) FROM messaging.inbox"
    while True:
        handled = sum([await _count(system.superuser(service), query) for service in SERVICES])
        if handled == before:
            return
        before = handled
        await asyncio.sleep(1)


async def _until(system: System, none: Mapping[str, str], seconds: float = 300) -> None:
    """Wait until each service's query counts nothing.

    Raises:
        TimeoutError: something is still there.
    """
    async with asyncio.timeout(seconds):
        for service, query in none.items():
            connection = await asyncpg.connect(system.superuser(service))
            while await connection.fetchval(query):
                await asyncio.sleep(0.05)
            await connection.close()


async def _count(database: str, query: str) -> int:
    connection = await asyncpg.connect(database)
    count: int = await connection.fetchval(query)
    await connection.close()
    return count
