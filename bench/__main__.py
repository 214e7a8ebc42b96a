"""`python -m bench`: measure, print a table, write bench/results/latest.{json,md}."""

import argparse
import asyncio
import os
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import availability, cost, holds, latency, relay, report, webhooks
from bench.cpu import usage
from bench.ground import ground
from bench.past import ALL, Past
from bench.shop import open_shop
from bench.system import System, system
from devstack import postgres, rabbitmq
from devstack.servers import CHOICE

PARTS = "abcdefgh"
_FEW = {"holds": 20, "bookings": 40}


def main() -> None:
    chosen = _arguments()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    _prefer_private_servers()
    size = _Size(quick=chosen.quick, past=chosen.past)
    result: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": chosen.quick,
        "machine": {"start": report.machine()},
    }
    run_dir = chosen.run_dir.resolve()
    # A past is that of what is measured beside it, or of everything.
    with_past = "f" in chosen.only
    parts = set(chosen.only) - {"f"} or set("bcdeg")
    if parts & set("ad"):
        _chassis(run_dir, parts, size, result, say, with_past=with_past)
    if parts & set("bcegh"):
        with system(run_dir, say) as running:
            _whole(running, parts, size, result, say, with_past=with_past)
    result["machine"]["end"] = report.machine()
    result["seconds"] = round(time.monotonic() - began)
    report.write(result)
    print(f"\n{report.table(report.lines(result))}\n")
    print(f"written to {report.RESULTS}/latest.json and latest.md in {result['seconds']} s")


class _Size:
    """How much of everything."""

    def __init__(self, *, quick: bool, past: int) -> None:
        self.past = past
        self.relay = {"messages": 3_000 if quick else 10_000, "rounds": 1 if quick else 5}
        self.latency = 40 if quick else 300
        self.holds = {"holds": 150, "rounds": 1} if quick else {"holds": 600, "rounds": 4}
        self.reads = {"reads": 1_000, "rounds": 1} if quick else {"reads": 8_000, "rounds": 4}
        self.webhooks = {"seconds": 3, "rounds": 1} if quick else {"seconds": 15, "rounds": 3}
        self.cost = {"holds": 200, "bookings": 40} if quick else {"holds": 1_500, "bookings": 400}
        self.sessions = 40 if quick else 300
        self.idle = 3 if quick else 10


def _chassis(
    run_dir: Path,
    parts: set[str],
    size: _Size,
    result: dict[str, Any],
    say: Any,
    *,
    with_past: bool,
) -> None:
    """What needs no service: (a), and (d) without and with a past."""
    with ExitStack() as opened:
        base = opened.enter_context(ground(run_dir, say))
        amqp = opened.enter_context(base.vhost("bench"))
        one = opened.enter_context(base.database("bench_producer"))
        if "a" in parts:
            result["a_relay"] = asyncio.run(relay.measure(base, one, amqp, say=say, **size.relay))
        if "d" in parts:
            other = opened.enter_context(base.database("bench_consumer"))
            result["d_latency"] = asyncio.run(
                latency.measure(one, other, amqp, messages=size.latency, say=say)
            )
        if with_past and "d" in parts:
            asyncio.run(latency.remember(one, other, size.past))
            result.setdefault("f_past", {})["d_latency"] = asyncio.run(
                latency.measure(one, other, amqp, messages=size.latency, say=say)
            )


def _whole(
    running: System,
    parts: set[str],
    size: _Size,
    result: dict[str, Any],
    say: Any,
    *,
    with_past: bool,
) -> None:
    """What needs the services: (b), (c), (e), (g), (h), and with a past."""
    time.sleep(2)
    result["memory"] = running.memory()
    before = usage(running.pids())
    time.sleep(size.idle)
    spent = usage(running.pids()).since(before)
    result["idle_cpu_percent"] = {
        name: round(100 * value / size.idle, 2) for name, value in spent.seconds.items()
    }
    if "h" in parts:
        result["h_webhooks"] = asyncio.run(webhooks.measure(running, say=say, **size.webhooks))
    if not parts & set("bceg"):
        return
    shop = asyncio.run(open_shop(running, sessions=size.sessions))
    say(f"{len(shop.classes)} classes and {len(shop.tables)} tables on sale")

    def both() -> dict[str, Any]:
        found: dict[str, Any] = {}
        if parts & set("be"):
            found["b_e_holds"] = asyncio.run(holds.measure(running, shop, say=say, **size.holds))
        if "c" in parts:
            found["c_cost"] = asyncio.run(cost.measure(running, shop, say=say, **size.cost))
        if "g" in parts:
            found["g_availability"] = asyncio.run(
                availability.measure(running, shop, say=say, **size.reads)
            )
        return found

    result |= both()
    if with_past:
        if not parts >= set("bc"):
            # The past is made of copies of what the system itself has done.
            asyncio.run(cost.measure(running, shop, say=say, **_FEW))
        # Availability is read from booking's database, and waits for no other service.
        services = {"booking"} if parts == {"g"} else ALL
        say(f"(f) {size.past} past bookings, in {', '.join(sorted(services))}")
        past = result.setdefault("f_past", {})
        past["filled"] = asyncio.run(Past(running, size.past, say, services).fill())
        past |= both()
        past["ratio_to_empty"] = report.ratios(result, past)


def _prefer_private_servers() -> None:
    """A container's proxy would be measured too, and its processes are not ours to count."""
    if postgres.find_binaries() and rabbitmq.find_binaries():
        os.environ.setdefault(CHOICE, "private")
    if os.environ.get(CHOICE) != "private":
        sys.exit(
            "The bench counts the CPU of PostgreSQL and RabbitMQ, so it runs both itself: install "
            "them (apt-get install postgresql rabbitmq-server), or set HOLDFAST_SERVERS=private."
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Holdfast against the raw limits of this machine; bench/README.md "
        "says what each figure means.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small counts, for CI: shows that it runs, not more"
    )
    parser.add_argument(
        "--only",
        default=PARTS,
        metavar="LETTERS",
        help="a relay, b holds, c CPU, d latency, e one session, f with a past, "
        "g availability, h webhooks (default: all)",
    )
    parser.add_argument(
        "--past",
        type=int,
        metavar="N",
        help="past bookings for (f): 1000000, or 5000 with --quick",
    )
    parser.add_argument(
        "--run-dir", type=Path, default=Path(".run/bench"), help="where the servers keep their data"
    )
    chosen = parser.parse_args()
    if not chosen.only or set(chosen.only) - set(PARTS):
        parser.error(f"--only takes letters of {PARTS}")
    if chosen.past is None:
        chosen.past = 5_000 if chosen.quick else 1_000_000
    return chosen


if __name__ == "__main__":
    main()
