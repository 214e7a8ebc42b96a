"""(g): what is left of a session, read from one booking process, and the least that could say."""

import json
from base64 import urlsafe_b64decode
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from bench.child import Child
from bench.cpu import usage
from bench.rounds import middle, percentile, ratio
from bench.shop import Shop, Target
from bench.system import System
from chassis.auth import HEADER, Principal, TokenMinter
from devstack import ports
from devstack.layout import GATEWAY
from devstack.progress import Say

CONNECTIONS = 16
PLACES = 300
"""Of each class that is read: none sold in one, all in the other."""


@dataclass(frozen=True)
class _Side:
    base: str
    process: str
    pids: dict[str, int]


async def measure(
    system: System, shop: Shop, *, rounds: int, reads: int, say: Say
) -> dict[str, Any]:
    """Rounds of each kind of session, ours and bare in turn; booking's workers stand still."""
    async with AsyncExitStack() as running:
        sessions = await _sessions(system, shop, running)
        system.stop(["booking-worker"])
        load = await running.enter_async_context(Child("reading"))
        await load.hear()
        sides = {"ours": _ours(system), "bare": await _bare(system, running)}
        runs: dict[str, dict[str, list[dict[str, float]]]] = {
            kind: {name: [] for name in sides} for kind in sessions
        }
        for side in sides.values():  # first connections, first plans
            for session in sessions.values():
                await _round(system, load, side, session, 200)
        for number in range(rounds):
            for kind, session in sessions.items():
                for name in sides if number % 2 == 0 else reversed(sides):
                    runs[kind][name].append(await _round(system, load, sides[name], session, reads))
                ours, bare = (runs[kind][name][-1]["per_second"] for name in sides)
                say(f"(g) round {number + 1}, {kind}: {ours:.0f} reads/s, bare {bare:.0f}")
        await load.tell(None)
    system.start(["booking-worker"])
    return {
        "connections": CONNECTIONS,
        "reads_per_round": reads,
        "rounds": rounds,
        **{kind: _result(one) for kind, one in runs.items()},
        "sold_out_to_free": {
            kind: ratio(
                *(_rates(runs[f"{kind}_{state}"]["ours"]) for state in ("sold_out", "free"))
            )
            for kind in ("class", "event_table")
        },
    }


async def _sessions(system: System, shop: Shop, running: AsyncExitStack) -> dict[str, str]:
    """New sessions by what is sold of them, through the public API like all others."""
    guests = await running.enter_async_context(Child("load"))
    await guests.hear()
    made: dict[str, str] = {}
    for state in ("free", "sold_out"):
        lesson, night = shop.another_session(capacity=PLACES), shop.another_session(capacity=None)
        made[f"class_{state}"], made[f"event_table_{state}"] = lesson, night
    sold = [
        *(Target(made["class_sold_out"], "", "") for _ in range(PLACES)),
        *(Target(made["event_table_sold_out"], "", "", one) for one in shop.resources),
    ]
    answer = await guests.ask(
        {
            "base": system.gateway,
            "path": "/v1/bookings",
            "connections": CONNECTIONS,
            "places": [place.as_json for place in sold],
        }
    )
    if set(answer["statuses"]) - {"201", "202"}:
        raise RuntimeError(f"not all could be sold: {answer['statuses']}")
    await guests.tell(None)
    return made


def _ours(system: System) -> _Side:
    base = system.stack.endpoints["services"]["booking"]["http"]
    return _Side(base, "booking-api", system.pids(["booking-api", "postgres"]))


async def _bare(system: System, running: AsyncExitStack) -> _Side:
    booking = system.stack.wiring.env(system.stack.process("booking-api").unit)
    port = ports.choose(["bare"])["bare"]
    child = await running.enter_async_context(
        Child("bare_availability", port=port, database=booking["DATABASE_URL"])
    )
    await child.hear()
    pids = {"bare": child.pid, **system.pids(["postgres"])}
    return _Side(f"http://127.0.0.1:{port}", "bare", pids)


async def _round(
    system: System, load: Child, side: _Side, session: str, reads: int
) -> dict[str, float]:
    before = usage(side.pids)
    answer = await load.ask(
        {
            "base": side.base,
            "paths": [f"/sessions/{session}/availability"],
            "headers": f"{HEADER}: {_token(system)}\r\n",
            "connections": CONNECTIONS,
            "reads": reads,
        }
    )
    spent = usage(side.pids).since(before)
    if set(answer["statuses"]) != {"200"}:
        raise RuntimeError(f"{side.base} answered {answer['statuses']}")
    return {
        "per_second": reads / answer["seconds"],
        "p50_ms": percentile([1000 * value for value in answer["latencies"]], 50),
        "p99_ms": percentile([1000 * value for value in answer["latencies"]], 99),
        "cpu_us": 1e6 * spent.seconds[side.process] / reads,
        "postgres_cpu_us": 1e6 * spent.seconds["postgres"] / reads,
        "repeated": answer["repeated"],
    }


def _token(system: System) -> str:
    """A guest's, as the gateway makes it; good for longer than a round."""
    stack = system.stack
    keys = json.loads(stack.wiring.env(stack.process(GATEWAY).unit)["INTERNAL_TOKEN_PRIVATE_KEYS"])
    seeds = {kid: urlsafe_b64decode(text + "=" * (-len(text) % 4)) for kid, text in keys.items()}
    return TokenMinter(seeds).mint(Principal("guest", "guest"), "booking")


def _result(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    return {
        "ratio": ratio(_rates(runs["ours"]), _rates(runs["bare"])),
        **{
            name: {figure: middle([run[figure] for run in side]) for figure in side[0]}
            for name, side in runs.items()
        },
    }


def _rates(runs: list[dict[str, float]]) -> list[float]:
    return [run["per_second"] for run in runs]


def _cost(runs: list[dict[str, float]]) -> list[float]:
    return [run["cpu_us"] + run["postgres_cpu_us"] for run in runs]
