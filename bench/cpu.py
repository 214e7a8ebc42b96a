"""CPU time and memory of processes, as the kernel counts them."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """CPU seconds by the name of a part."""

    seconds: Mapping[str, float]

    def since(self, earlier: "Usage") -> "Usage":
        return Usage(
            {name: spent - earlier.seconds.get(name, 0) for name, spent in self.seconds.items()}
        )

    def of(self, names: Iterable[str]) -> float:
        return sum(self.seconds[name] for name in names)


def usage(roots: Mapping[str, int]) -> Usage:
    """CPU seconds, user and system, of each root process and everything below it.

    A child that has ended is counted where it was waited for, so nothing is lost or counted twice.
    """
    children = _children()
    return Usage({name: sum(map(_spent, tree(pid, children))) for name, pid in roots.items()})


def tree(root: int, children: Mapping[int, list[int]] | None = None) -> list[int]:
    """A process and all its descendants."""
    children = _children() if children is None else children
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def memory(root: int) -> dict[str, float]:
    """Resident and proportional memory of a process tree, in MiB."""
    totals = {"rss": 0.0, "pss": 0.0}
    for pid in tree(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        totals["rss"] += kilobytes.get("Rss", 0) / 1024
        totals["pss"] += kilobytes.get("Pss", 0) / 1024
    return {name: round(total, 1) for name, total in totals.items()}


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    return children


def _spent(pid: int) -> float:
    fields = _stat(pid)
    # utime, stime, and those of children already waited for
    return sum(map(int, fields[11:15])) / _TICK if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/pid/stat from the state on; none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
