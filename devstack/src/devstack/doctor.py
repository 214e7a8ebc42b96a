"""Checks of a running stack that say what to do about what they find."""

import asyncio
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chassis.doctor import examine
from devstack import layout, sql
from devstack.errors import StackError
from devstack.stack import Stack

# Outside their pools, every process keeps a connection to notify and a worker two more, for its
# leases and to be woken.
_BESIDES_POOL = {"api": 1, "worker": 3, "all": 3}
_LEAST_DISK = 2 * 1024**3

Finding = tuple[bool, str]


def run(run_dir: Path) -> int:
    """Print one line per check; 0 when all are well."""
    stack = Stack.existing(run_dir)
    if stack is None:
        raise StackError("nothing runs here; `make up` starts it")
    well = True
    for fine, text in _findings(stack):
        print(f"{'ok  ' if fine else 'BAD '} {text}")
        well &= fine
    return 0 if well else 1


def _findings(stack: Stack) -> Iterator[Finding]:
    yield _disk(stack.run_dir)
    yield from _postgres(stack)
    yield from _messaging(stack)
    for process in stack.processes.values():
        advice = "" if process.ready else f"; see {process.daemon.log}, then `make up`"
        yield process.ready, f"{process.name}: {'ready' if process.ready else 'not ready'}{advice}"


def _disk(run_dir: Path) -> Finding:
    free = shutil.disk_usage(run_dir).free
    text = f"disk: {free / 1024**3:.1f} GB free for {run_dir}"
    return free >= _LEAST_DISK, text if free >= _LEAST_DISK else f"{text}; free some"


def _postgres(stack: Stack) -> Iterator[Finding]:
    url = stack.servers.postgres_url
    if not sql.answers(url):
        yield False, "PostgreSQL does not answer; `make up` starts it"
        return
    rows = sql.fetch(
        url,
        "SELECT current_setting('server_version'), current_setting('max_connections')::int,"
        " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')",
    )
    version, most, used = rows[0]
    yield True, f"PostgreSQL {version} ({stack.servers.kind}), {used} of {most} connections in use"
    needed = sum(_connections(stack, unit) for unit in stack.units)
    room = int(str(most)) - needed
    text = f"connection pools add up to {needed} of {most}"
    yield room > 10, text if room > 10 else f"{text}: lower POOL_SIZE or raise max_connections"


def _connections(stack: Stack, unit: layout.Unit) -> int:
    if unit.package in ("sandbox", layout.GATEWAY):
        return 0
    pool = int(stack.process(unit.name).daemon.env.get("POOL_SIZE", "5"))
    return pool + _BESIDES_POOL[unit.role]


def _messaging(stack: Stack) -> Iterator[Finding]:
    """What `holdfast doctor` sees: versions, queues, policies, lag, parked messages, clocks."""
    urls = {service: entry["url"] for service, entry in stack.wiring.databases.items()}
    with ThreadPoolExecutor(1) as thread:
        work = examine(urls, stack.servers.management, "/")
        findings = thread.submit(asyncio.run, work).result()
    for state, subject, text in findings:
        yield state != "bad", f"{subject}: {text}"
