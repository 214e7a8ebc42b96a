"""``holdfast doctor``: what is wrong, in words that say what to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple

import asyncpg

from chassis.broker_admin import BrokerAdmin, Unreachable
from chassis.db import Database

if TYPE_CHECKING:
    from collections.abc import Mapping

LAG = """
SELECT (SELECT count(*) FROM messaging.outbox WHERE due_at IS NULL) AS waiting,
       (SELECT coalesce(extract(epoch FROM pg_catalog.now() - min(created_at)), 0)::int
        FROM messaging.outbox WHERE due_at IS NULL) AS oldest_seconds,
       (SELECT count(*) FROM messaging.outbox WHERE due_at <= messaging.now()) AS overdue_timers,
       (SELECT count(*) FROM messaging.intents WHERE state = 'pending') AS calls,
       (SELECT count(*) FROM messaging.intents WHERE state = 'failed') AS failed_calls,
       (SELECT count(*) FROM messaging.parked) AS parked,
       (SELECT count(*) FROM messaging.workers WHERE seen_until > clock_timestamp()) AS workers
"""
_SERVER = """
SELECT current_setting('max_connections')::int AS most,
       -- pg_stat_activity tells a service role about its own sessions only
       (SELECT sum(numbackends)::int FROM pg_stat_database) AS used,
       extract(epoch FROM clock_timestamp())::float8 AS clock,
       (SELECT extract(epoch FROM shift)::float8 FROM messaging.clock) AS shift
"""
LATE = 30  # seconds a message may wait before it is a finding

State = Literal["ok", "bad", "unverified"]


class Finding(NamedTuple):
    """One thing looked at."""

    state: State
    subject: str
    text: str


async def examine(
    databases: Mapping[str, str], management: str | None, vhost: str
) -> list[Finding]:
    """Look at every database and the broker."""
    findings = []
    for service, url in databases.items():
        findings += await _database(service, url)
    findings += await asyncio.to_thread(_broker, management, vhost)
    return findings


async def _database(service: str, url: str) -> list[Finding]:
    subject = f"{service} database"
    db = Database(url, pool_size=1, application_name="holdfast-doctor")
    try:
        lag = (await db.statement(LAG))[0]
        server = (await db.statement(_SERVER))[0]
    except asyncpg.UndefinedTableError:
        return [Finding("bad", subject, f"not migrated: run `python -m {service} migrate`")]
    except (OSError, asyncpg.PostgresError) as error:
        return [Finding("bad", subject, f"not reachable ({type(error).__name__}): start it")]
    finally:
        await db.close()
    found = [Finding("ok", subject, "reachable and migrated")]

    def judge(fine: bool, good: str, bad: str) -> None:  # noqa: FBT001 - reads as a sentence
        found.append(Finding("ok" if fine else "bad", service, good if fine else bad))

    judge(
        lag["workers"] > 0,
        f"{lag['workers']} worker(s)",
        "no worker is running: nothing is sent and no hold expires. Start `worker`",
    )
    judge(
        lag["oldest_seconds"] < LATE,
        f"{lag['waiting']} message(s) waiting",
        f"{lag['waiting']} messages wait, the oldest {lag['oldest_seconds']} s: is the broker up?",
    )
    judge(
        lag["overdue_timers"] == 0,
        "timers on time",
        f"{lag['overdue_timers']} timer(s) overdue: look at the worker's log",
    )
    judge(
        lag["parked"] == 0,
        "nothing parked",
        f"{lag['parked']} parked: `holdfast messages parked --service {service}`",
    )
    judge(
        lag["failed_calls"] == 0,
        "no failed calls",
        f"{lag['failed_calls']} failed calls: `holdfast intents failed --service {service}`",
    )
    judge(
        server["used"] < server["most"] * 0.9,
        f"{server['used']} of {server['most']} connections used",
        f"{server['used']} of {server['most']} connections used: raise max_connections "
        "or lower POOL_SIZE",
    )
    judge(server["shift"] == 0, "clock not moved", f"test clock moved by {server['shift']:.0f} s")
    return found


def _broker(management: str | None, vhost: str) -> list[Finding]:
    if management is None:
        return [Finding("unverified", "broker", "no management address, so nothing was checked")]
    admin = BrokerAdmin(management)
    try:
        version = admin.version()
        problems = admin.check(vhost)
    except Unreachable as error:
        return [Finding("bad", "broker", str(error))]
    major, minor = (int(part) for part in version.split(".")[:2])
    supported = (major, minor) >= (3, 10) and major <= 4
    found = [
        Finding(
            "ok" if supported else "bad",
            "broker",
            f"RabbitMQ {version}" + ("" if supported else ": 3.10 to 4.x is supported"),
        )
    ]
    if not problems:
        found.append(Finding("ok", "broker", "topology as the contracts say"))
    return found + [
        Finding("bad", "broker", f"{problem}: run `holdfast topology apply`")
        for problem in problems
    ]
