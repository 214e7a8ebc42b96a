"""Look after a running system: parked messages, failed calls, topology, health.

Addresses come from .run/endpoints.json (written by `make up`), or from --database and
--management, or from DATABASE_URL and RABBITMQ_MANAGEMENT_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import orjson

from chassis import clock, doctor, intents
from chassis.broker_admin import BrokerAdmin, Unreachable
from chassis.db import Database, is_outage
from chassis.messaging import parked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

ENDPOINTS = Path(".run/endpoints.json")


class Refused(Exception):
    """A command that cannot be carried out; the text tells what to do."""


class Addresses:
    """Where the parts of the system are, for the commands that ask."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        file = Path(options.endpoints)
        self._known: dict[str, Any] = orjson.loads(file.read_bytes()) if file.exists() else {}

    def databases(self) -> dict[str, str]:
        """Database URL of each service that the command is about."""
        options = self._options
        given = options.database or os.environ.get("DATABASE_URL")
        if given:
            if not given.startswith(("postgresql://", "postgres://")):
                raise Refused("the database's address must start with postgresql://")
            return {options.service or "service": given}
        every = {name: entry["url"] for name, entry in self._known.get("databases", {}).items()}
        if not every:
            raise Refused(
                f"no addresses: {options.endpoints} is not there. Run `make up`, or give --database"
            )
        if options.service is None:
            return every
        if options.service not in every:
            raise Refused(f"--service: {options.service} is none of {', '.join(sorted(every))}")
        return {options.service: every[options.service]}

    def management(self) -> str:
        """URL of the broker's management API, with user and password."""
        given = self._options.management or os.environ.get("RABBITMQ_MANAGEMENT_URL")
        if given:
            if not given.startswith(("http://", "https://")):
                raise Refused("the management address must start with http:// or https://")
            return str(given)
        broker = self._known.get("rabbitmq")
        if not broker:
            raise Refused("no broker address: give --management http://user:password@host:15672")
        scheme, _, rest = broker["management"].partition("://")
        return f"{scheme}://{broker['user']}:{broker['password']}@{rest.rpartition('@')[2]}"


def _show(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2, default=str).decode())
        return
    for row in rows:
        told = {
            name: " ".join(str(value).split()) for name, value in row.items() if value is not None
        }
        print("  ".join(f"{name}={_shortened(text)}" for name, text in told.items()))


def _shortened(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def _one(options: argparse.Namespace) -> None:
    if options.service is None and not (options.database or os.environ.get("DATABASE_URL")):
        raise Refused("--service: say which service, such as --service booking")


async def _on_each(
    options: argparse.Namespace, work: Callable[[str, Database], Awaitable[None]]
) -> None:
    for service, url in Addresses(options).databases().items():
        db = Database(url, pool_size=1, application_name="holdfast-cli")
        try:
            await work(service, db)
        finally:
            await db.close()


async def _parked(options: argparse.Namespace) -> None:
    async def work(service: str, db: Database) -> None:
        async with db.transaction(None) as tx:
            rows = await parked.listed(tx, message_type=options.type, limit=options.limit)
        _show([{"service": service, **row} for row in rows], as_json=options.json)
        if not rows and not options.json:
            print(f"{service}: nothing parked")

    await _on_each(options, work)


async def _message(options: argparse.Namespace) -> None:
    found = []

    async def work(service: str, db: Database) -> None:
        async with db.transaction(None) as tx:
            row = await parked.show(tx, options.message_id)
        if row is not None:
            found.append({"service": service, **row})

    await _on_each(options, work)
    if not found:
        raise Refused(f"no parked message {options.message_id}")
    _show(found, as_json=True)


async def _redrive(options: argparse.Namespace) -> None:
    _one(options)
    if options.message_id is None and not options.all and options.type is None:
        raise Refused("say which: a message id, --type, or --all")

    async def work(service: str, db: Database) -> None:
        async with db.transaction(None) as tx:
            count = await parked.redrive(
                tx, message_id=options.message_id, message_type=options.type
            )
        await db.statement("SELECT pg_notify('holdfast_wake', 't')")
        print(f"{service}: {count} redriven")
        if options.message_id is not None and count == 0:
            raise Refused(f"no parked message {options.message_id}")

    await _on_each(options, work)


async def _discard(options: argparse.Namespace) -> None:
    _one(options)

    async def work(service: str, db: Database) -> None:
        async with db.transaction(None) as tx:
            if not await parked.discard(tx, options.message_id):
                raise Refused(f"no parked message {options.message_id}")
        print(f"{service}: discarded {options.message_id}")

    await _on_each(options, work)


async def _lag(options: argparse.Namespace) -> None:
    rows: list[dict[str, Any]] = []

    async def work(service: str, db: Database) -> None:
        rows.append({"service": service, **dict((await db.statement(doctor.LAG))[0])})

    await _on_each(options, work)
    _show(rows, as_json=options.json)


async def _failed_intents(options: argparse.Namespace) -> None:
    async def work(service: str, db: Database) -> None:
        async with db.transaction(None) as tx:
            rows = await intents.failed(tx, options.limit)
        _show([{"service": service, **row} for row in rows], as_json=options.json)
        if not rows and not options.json:
            print(f"{service}: no failed calls")

    await _on_each(options, work)


async def _retry_intents(options: argparse.Namespace) -> None:
    _one(options)
    if options.intent_id is None and not options.all:
        raise Refused("say which: an intent id, or --all")

    async def work(service: str, db: Database) -> None:
        async with db.transaction(None) as tx:
            count = await intents.revive(tx, options.intent_id)
        await db.statement("SELECT pg_notify('holdfast_wake', 'i')")
        print(f"{service}: {count} will be tried again")

    await _on_each(options, work)


async def _topology(options: argparse.Namespace) -> None:
    admin = BrokerAdmin(Addresses(options).management())
    if options.action == "apply":
        await asyncio.to_thread(admin.apply, options.vhost)
        print("topology applied")
        return
    problems = await asyncio.to_thread(admin.check, options.vhost)
    for problem in problems:
        print(problem)
    if problems:
        raise Refused("the broker differs from the contracts: run `holdfast topology apply`")
    print("topology as it should be")


async def _clock(options: argparse.Namespace) -> None:
    async def work(service: str, db: Database) -> None:
        connection = await db.connect()
        try:
            if options.seconds is not None:
                await clock.advance(
                    connection,
                    options.seconds,
                    environment=os.environ.get("ENVIRONMENT", "production"),
                )
            print(f"{service}: {await clock.offset(connection):+.0f} s")
        finally:
            await connection.close()

    await _on_each(options, work)


async def _doctor(options: argparse.Namespace) -> None:
    addresses = Addresses(options)
    try:
        management: str | None = addresses.management()
    except Refused:
        management = None
    findings = await doctor.examine(addresses.databases(), management, options.vhost)
    for finding in findings:
        print(f"{finding.state.upper():10} {finding.subject}: {finding.text}")
    if any(finding.state == "bad" for finding in findings):
        raise Refused("see the lines marked BAD")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="holdfast", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--endpoints", default=str(ENDPOINTS), help="default: %(default)s")
    common.add_argument("--service", help="one service only, such as booking")
    common.add_argument("--database", help="its database URL, instead of the endpoints file")
    common.add_argument("--management", help="http://user:password@host:port of the broker")
    common.add_argument("--vhost", default="/", help="the broker's vhost (default /)")
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument("--limit", type=int, default=100, help="rows at most (default 100)")
    groups = parser.add_subparsers(required=True, metavar="command")

    def add(group: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = group.add_parser(name, parents=[common], help=text)
        command.set_defaults(run=run)
        return command

    messages = groups.add_parser("messages", help="parked messages and outbox lag")
    verbs = messages.add_subparsers(required=True, metavar="verb")
    add(verbs, "parked", _parked, "list parked messages").add_argument("--type")
    add(verbs, "show", _message, "one parked message, whole").add_argument("message_id", type=UUID)
    redrive = add(verbs, "redrive", _redrive, "hand parked messages to their handler again")
    redrive.add_argument("message_id", type=UUID, nargs="?")
    redrive.add_argument("--type")
    redrive.add_argument("--all", action="store_true")
    add(verbs, "discard", _discard, "delete a parked message").add_argument("message_id", type=UUID)
    add(verbs, "lag", _lag, "how far relays and timers are behind")
    calls = groups.add_parser("intents", help="outside calls that were given up")
    verbs = calls.add_subparsers(required=True, metavar="verb")
    add(verbs, "failed", _failed_intents, "list them")
    retry = add(verbs, "retry", _retry_intents, "try them again")
    retry.add_argument("intent_id", type=UUID, nargs="?")
    retry.add_argument("--all", action="store_true")
    topology = add(groups, "topology", _topology, "exchanges, queues, bindings and policies")
    topology.add_argument("action", choices=["apply", "check"])
    moved = add(groups, "clock", _clock, "show or move the test clock (never in production)")
    moved.add_argument("--advance", dest="seconds", type=float, metavar="SECONDS")
    add(groups, "doctor", _doctor, "check everything and say what to do")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. Exit code 0 done, 1 refused, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(options.run(options))
    except (Refused, Unreachable, clock.ClockRefused) as refusal:
        print(f"holdfast: {refusal}", file=sys.stderr)
        sys.exit(1)
    except (OSError, asyncpg.PostgresError) as error:
        hint = "is it running?" if is_outage(error) else "is it migrated?"
        print(f"holdfast: the database answered {type(error).__name__}: {hint}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
