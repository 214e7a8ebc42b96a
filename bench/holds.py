"""(b) and (e): holds through the gateway, and the same SQL behind the least that could serve it."""

import json
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from bench.child import Child
from bench.cpu import usage
from bench.rounds import middle, percentile, ratio
from bench.shop import Shop, Target
from bench.system import System
from devstack import ports
from devstack.layout import GATEWAY
from devstack.progress import Say

CONNECTIONS = 16


@dataclass
class Side:
    """One way to hold a place: where to ask, and which processes answer."""

    base: str
    path: str
    pids: Callable[[], dict[str, int]]
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


async def measure(
    system: System, shop: Shop, *, rounds: int, holds: int, say: Say
) -> dict[str, Any]:
    """Rounds of each kind of place, ours and bare in turn.

    Only gateway, booking's API and PostgreSQL work: the workers of booking stand still, as the bare
    side has none. `cost` measures what they add.
    """
    system.stop(["booking-worker"])
    async with AsyncExitStack() as running:
        load = await running.enter_async_context(Child("load"))
        await load.hear()
        bare, calls = await _bare(system, shop, running)
        ours = Side(
            system.gateway,
            "/v1/bookings",
            lambda: system.pids([GATEWAY, "booking-api", "postgres"]),
        )
        kinds: dict[str, Callable[[], Sequence[Target]]] = {
            "class": lambda: _spread(shop.class_places(), holds),
            "event_table": lambda: shop.table_places(holds),
            "single_session": lambda: _spread(shop.single_session(), holds),
        }
        # What the bare side does not know is measured against our own classes of the same round.
        more: dict[str, Callable[[], Sequence[Target]]] = {
            "activity": lambda: _spread(shop.activities, holds),
            "dining": lambda: shop.dinner_places(holds),
        }
        await _round(load, ours, [*_spread(shop.activities, 50), *shop.dinner_places(50)])
        for side in (ours, bare):  # first connections, first plans
            await _round(load, side, _spread(shop.class_places(), 100))
        await _analyze(system)
        for number in range(rounds):
            for kind, places in kinds.items():
                for side in (ours, bare) if number % 2 == 0 else (bare, ours):
                    await empty_outbox(system)
                    side.runs.setdefault(kind, []).append(await _round(load, side, places()))
                say(
                    f"({'e' if kind == 'single_session' else 'b'}) round {number + 1}, {kind}: "
                    f"holds/s {ours.runs[kind][-1]['per_second']:.0f}, "
                    f"bare {bare.runs[kind][-1]['per_second']:.0f}"
                )
            for kind, places in more.items():
                await empty_outbox(system)
                ours.runs.setdefault(kind, []).append(await _round(load, ours, places()))
                say(
                    f"(b) round {number + 1}, {kind}: "
                    f"holds/s {ours.runs[kind][-1]['per_second']:.0f}"
                )
        await load.tell(None)
    await empty_outbox(system)
    system.start(["booking-worker"])
    return {
        "connections": CONNECTIONS,
        "holds_per_round": holds,
        "rounds": rounds,
        "bare_calls": calls,
        **{kind: _result(ours.runs[kind], bare.runs[kind]) for kind in kinds},
        "of_class": {kind: _of_class(ours, kind) for kind in ["event_table", *more]},
    }


def _of_class(ours: Side, kind: str) -> dict[str, Any]:
    """A kind of place against classes: the same system in the same rounds."""
    speeds = [[run["per_second"] for run in ours.runs[one]] for one in (kind, "class")]
    return {"ratio": ratio(*speeds), "ours": _side(ours.runs[kind])}


async def _bare(system: System, shop: Shop, running: AsyncExitStack) -> tuple[Side, Any]:
    stack = system.stack
    chosen = ports.choose(["api", "proxy"])
    booking = stack.wiring.env(stack.process("booking-api").unit)
    gateway = stack.wiring.env(stack.process(GATEWAY).unit)
    api = await running.enter_async_context(
        Child(
            "bare_api",
            port=chosen["api"],
            database=booking["DATABASE_URL"],
            environment=booking,
            seed=json.loads(gateway["INTERNAL_TOKEN_PRIVATE_KEYS"]),
            classes=[place.as_json for place in shop.classes],
            tables=[place.as_json for place in [*shop.tables_of_one_night(3), *shop.tables]],
        )
    )
    calls = await api.hear()
    proxy = await running.enter_async_context(
        Child("bare_proxy", port=chosen["proxy"], to=f"http://127.0.0.1:{chosen['api']}")
    )
    await proxy.hear()
    pids = {"bare-proxy": proxy.pid, "bare-api": api.pid, **system.pids(["postgres"])}
    return Side(f"http://127.0.0.1:{chosen['proxy']}", "/bookings", lambda: pids), calls


async def _round(load: Child, side: Side, places: Sequence[Target]) -> dict[str, Any]:
    before = usage(side.pids())
    answer = await load.ask(
        {
            "base": side.base,
            "path": side.path,
            "connections": CONNECTIONS,
            "places": [place.as_json for place in places],
        }
    )
    spent = usage(side.pids()).since(before)
    expected = {"201", "202"}
    if set(answer["statuses"]) - expected:
        raise RuntimeError(f"{side.base} answered {answer['statuses']}")
    return {
        "per_second": len(places) / answer["seconds"],
        "p50_ms": percentile([1000 * value for value in answer["latencies"]], 50),
        "p99_ms": percentile([1000 * value for value in answer["latencies"]], 99),
        "cpu_ms": {name: 1000 * value / len(places) for name, value in spent.seconds.items()},
        "repeated": answer["repeated"],
    }


def _result(ours: list[dict[str, Any]], bare: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "ratio": ratio([run["per_second"] for run in ours], [run["per_second"] for run in bare]),
        "ours": _side(ours),
        "bare": _side(bare),
    }


def _side(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "per_second": middle([run["per_second"] for run in runs]),
        "p50_ms": middle([run["p50_ms"] for run in runs]),
        "p99_ms": middle([run["p99_ms"] for run in runs]),
        "repeated": sum(run["repeated"] for run in runs),
        "cpu_ms_per_hold": {
            name: middle([run["cpu_ms"][name] for run in runs]) for name in runs[0]["cpu_ms"]
        },
    }


def _spread(places: Sequence[Target], count: int) -> list[Target]:
    return [places[number % len(places)] for number in range(count)]


async def _analyze(system: System) -> None:
    """The statistics that autovacuum gathers within the first minute of a service's life."""
    connection = await asyncpg.connect(system.database)
    await connection.execute("ANALYZE")
    await connection.close()


async def empty_outbox(system: System) -> None:
    connection = await asyncpg.connect(system.database)
    await connection.execute("TRUNCATE messaging.outbox")
    await connection.close()
