"""The results as people and programs read them: a table, a Markdown file and a JSON file."""

import json
import os
import platform
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Line:
    """One figure, what it is measured against, and whether the aim is met."""

    figure: str
    value: str
    beside: str = ""
    aim: str = ""
    met: bool | None = None  # None: no aim

    @property
    def cells(self) -> tuple[str, ...]:
        verdict = "" if self.met is None else ("met" if self.met else "MISSED")
        return (self.figure, self.value, self.beside, self.aim, verdict)


_HEAD = ("figure", "ours", "beside it", "aim", "")


def lines(result: dict[str, Any]) -> list[Line]:
    """Every figure that was measured."""
    found: list[Line] = []
    if relay := result.get("a_relay"):
        found += _relay(relay)
    if latency := result.get("d_latency"):
        found += _latency("(d)", latency)
    if holds := result.get("b_e_holds"):
        found += _holds("", holds)
    if cost := result.get("c_cost"):
        found += _cost("", cost)
    if reads := result.get("g_availability"):
        found += _availability("", reads)
    if notified := result.get("h_webhooks"):
        found += _webhooks(notified)
    if past := result.get("f_past"):
        found += _past(result, past)
    if memory := result.get("memory"):
        ours = {name: part for name, part in memory.items() if name not in _NOT_OURS}
        average = sum(part["pss"] for part in ours.values()) / len(ours)
        largest = max(ours, key=lambda name: ours[name]["pss"])
        found.append(
            Line(
                "memory of an idle process, MiB (PSS)",
                f"{average:.0f}",
                f"largest: {largest} {ours[largest]['pss']:.0f} (RSS {ours[largest]['rss']:.0f})",
            )
        )
    if idle := result.get("idle_cpu_percent"):
        ours_idle = sum(value for name, value in idle.items() if not name.startswith("sandbox"))
        found.append(Line("CPU of the idle system, % of one core", f"{ours_idle:.1f}"))
    return found


_NOT_OURS = {
    "postgres",
    "rabbitmq",
    "sandbox-stripe",
    "sandbox-paypal",
    "sandbox-swish",
    "sandbox-mailbox",
}


def _relay(relay: dict[str, Any]) -> list[Line]:
    rates = relay["messages_per_second"]
    raw = f"aio-pika {max(rates['raw_exchange'], rates['raw_channel']):.0f}/s"
    return [
        Line(
            f"(a) relay / raw publish, {name}",
            f"{relay[f'ratio_{side}']:.2f} ({rates[f'relay_{side}']:.0f}/s)",
            raw,
            "≥ 0.8",
            relay[f"ratio_{side}"] >= 0.8,
        )
        for side, name in (("own_keys", "a key each"), ("64_keys", "64 hot keys"))
    ] + [
        Line(
            "(a) relay / its own frames without a database",
            f"{relay['ratio_own_keys_to_frames']:.2f}",
            f"{rates['raw_frames']:.0f}/s",
        )
    ]


def _latency(label: str, latency: dict[str, Any]) -> list[Line]:
    ours, bare = latency["chassis"], latency["bare"]
    return [
        Line(
            f"{label} commit to consumer done, idle, ms {name}",
            f"{ours[name]:.1f}",
            f"bare {bare[name]:.1f}",
            f"≤ {aim}",
            ours[name] <= aim,
        )
        for name, aim in (("p50", 5), ("p99", 25))
    ]


def _holds(suffix: str, holds: dict[str, Any]) -> list[Line]:
    found = []
    for kind, name, aimed in (
        ("class", "(b) holds/s, classes", True),
        ("event_table", "(b) holds/s, tables", True),
        ("single_session", "(e) holds/s, one session", False),
    ):
        one = holds[kind]
        found.append(
            Line(
                f"{name}{suffix}",
                f"{one['ratio']:.2f} ({one['ours']['per_second']:.0f}/s)",
                f"bare {one['bare']['per_second']:.0f}/s",
                "≥ 0.5" if aimed else "",
                one["ratio"] >= 0.5 if aimed else None,
            )
        )
    for kind, one in holds.get("of_class", {}).items():
        latency = one["ours"]
        found.append(
            Line(
                f"(b) {kind.replace('_', ' ')} of class{suffix}",
                f"{one['ratio']:.2f} ({latency['per_second']:.0f}/s)",
                f"p50 {latency['p50_ms']:.1f} ms, p99 {latency['p99_ms']:.1f} ms",
                "≥ 0.8",
                one["ratio"] >= 0.8,
            )
        )
    return found


def _cost(suffix: str, cost: dict[str, Any]) -> list[Line]:
    hold, booking = cost["hold"], cost["confirmed_booking"]
    outside = sum(booking["sandbox_cpu_ms"].values())
    return [
        Line(
            f"(c) CPU ms per hold{suffix}",
            f"{hold['cpu_ms']:.2f}",
            f"PostgreSQL {hold['cpu_ms_by_part']['postgres']:.2f}, "
            f"RabbitMQ {hold['cpu_ms_by_part']['rabbitmq']:.2f} of it",
            "≤ 5",
            hold["cpu_ms"] <= 5,
        ),
        Line(
            f"(c) CPU ms per confirmed booking{suffix}",
            f"{booking['cpu_ms']:.1f}",
            f"PostgreSQL {booking['cpu_ms_by_part']['postgres']:.1f}, "
            f"RabbitMQ {booking['cpu_ms_by_part']['rabbitmq']:.1f} of it; "
            f"sandbox {outside:.1f} apart",
            "≤ 15",
            booking["cpu_ms"] <= 15,
        ),
    ]


def _availability(suffix: str, reads: dict[str, Any]) -> list[Line]:
    found = []
    for kind, name in (
        ("class_free", "a class, 0 % sold"),
        ("class_sold_out", "a class, 100 % sold"),
        ("event_table_free", "60 tables, 0 % sold"),
        ("event_table_sold_out", "60 tables, 100 % sold"),
    ):
        one = reads[kind]
        aimed = kind.startswith("class")
        found.append(
            Line(
                # CPU: what does not depend on who else uses the machine.
                f"(g) availability reads/s, {name}{suffix}",
                f"{one['ours']['per_second']:.0f} ({one['ratio']:.2f} of bare)",
                f"bare {one['bare']['per_second']:.0f}/s; CPU of a read "
                f"{one['ours']['cpu_us']:.0f} + {one['ours']['postgres_cpu_us']:.0f} µs",
                "≥ 2,000" if aimed else "",
                one["ours"]["per_second"] >= 2_000 if aimed else None,
            )
        )
    flat = reads["sold_out_to_free"]["class"]
    found.append(
        Line(f"(g) CPU free / sold out, classes{suffix}", f"{flat:.2f}", "", "≥ 0.9", flat >= 0.9)
    )
    return found


def _webhooks(notified: dict[str, Any]) -> list[Line]:
    ours, bare = notified["ours"], notified["bare"]
    rate = notified["per_second"]
    return [
        Line(
            f"(h) webhook answer at {rate}/s, ms p50",
            f"{ours['p50_ms']:.1f}",
            f"bare {bare['p50_ms']:.1f}",
        ),
        Line(
            f"(h) webhook answer at {rate}/s, ms p99",
            f"{ours['p99_ms']:.1f}",
            f"bare {bare['p99_ms']:.1f}; all looked at "
            f"{notified['drained_after_seconds']:.1f} s after the last; "
            f"{ours['not_taken']:.0f} refused for lack of time",
            "< 50",
            ours["p99_ms"] < 50 and not ours["not_taken"],
        ),
    ]


def _past(result: dict[str, Any], past: dict[str, Any]) -> list[Line]:
    suffix = f", {past['filled']['bookings']:,} past bookings"
    found = []
    if holds := past.get("b_e_holds"):
        found += _holds(suffix, holds)
    if cost := past.get("c_cost"):
        found += _cost(suffix, cost)
    if reads := past.get("g_availability"):
        found += _availability(suffix, reads)
    if latency := past.get("d_latency"):
        found += _latency(f"(d){suffix},", latency)
    for name, value in past["ratio_to_empty"].items():
        found.append(Line(f"(f) {name}, with / without", f"{value:.2f}", "", "≥ 0.9", value >= 0.9))
    del result
    return found


def ratios(empty: dict[str, Any], past: dict[str, Any]) -> dict[str, float]:
    """How much of the empty system's speed is left.

    The two runs are minutes apart, and a shared machine is not equally fast all the time. CPU is
    therefore counted in units of what the gateway spent in the same seconds, which stores nothing
    and knows no past; latency in units of the bare path's.
    """
    found: dict[str, float] = {}
    if "b_e_holds" in past:
        for kind in ("class", "event_table", "single_session"):
            before, after = empty["b_e_holds"][kind]["ours"], past["b_e_holds"][kind]["ours"]
            share = after["per_second"] / before["per_second"]
            found[f"holds/s, {kind.replace('_', ' ')}"] = share
    if "c_cost" in past:
        for part in ("hold", "confirmed_booking"):
            before, after = (
                one["c_cost"][part]["cpu_ms"] / one["c_cost"][part]["cpu_ms_by_part"]["gateway"]
                for one in (empty, past)
            )
            found[f"CPU per {part.replace('_', ' ')}"] = before / after
    if "g_availability" in past:
        for kind in ("class_free", "class_sold_out"):
            before, after = (one["g_availability"][kind]["ratio"] for one in (empty, past))
            found[f"availability by bare, {kind.replace('_', ' ')}"] = after / before
    if "d_latency" in past:
        before, after = (
            one["d_latency"]["chassis"]["p50"] / one["d_latency"]["bare"]["p50"]
            for one in (empty, past)
        )
        found["latency p50"] = before / after
    return {name: round(value, 3) for name, value in found.items()}


def machine() -> dict[str, Any]:
    """What the figures belong to. `loop_ms`: CPU of ten million empty turns of a Python loop."""
    began = time.process_time()
    for _ in range(10**7):
        pass
    loop = time.process_time() - began
    one, two = socket.socketpair()
    began = time.process_time()
    for _ in range(20_000):
        one.send(b"x")
        two.recv(1)
    pair = time.process_time() - began
    one.close()
    two.close()
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        "loop_ms": round(loop * 1000),
        "socket_round_trip_us": round(pair / 20_000 * 1e6, 1),
    }


def table(found: list[Line]) -> str:
    rows = [_HEAD, *(line.cells for line in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def write(result: dict[str, Any]) -> None:
    """`latest.json` and `latest.md`."""
    RESULTS.mkdir(exist_ok=True)
    found = lines(result)
    kept = {**result, "lines": [asdict(line) for line in found]}
    (RESULTS / "latest.json").write_text(json.dumps(kept, indent=1, default=str) + "\n")
    at = result["machine"]["start"]
    rows = [_HEAD, ("---",) * len(_HEAD), *(line.cells for line in found)]
    (RESULTS / "latest.md").write_text(
        f"# Benchmarks, {result['at']}\n\n"
        f"{'Quick run: too short to rely on. ' if result['quick'] else ''}"
        f"{at['cpu']}, {at['cores']} cores, Python {at['python']}; load average "
        f"{at['load_average']:.1f} at the start and {result['machine']['end']['load_average']:.1f} "
        f"at the end (1 is what the bench itself would cause on an idle machine).\n\n"
        + "\n".join(f"| {' | '.join(row)} |" for row in rows)
        + "\n\nWhat each figure means: [README](../README.md).\n"
    )
