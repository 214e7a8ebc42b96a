"""The command line of every service: `python -m booking ROLE`, the roles being those below."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import NoReturn, TypeVar

import structlog
import uvloop

from chassis import logging, telemetry
from chassis.process import MovedClock, run
from chassis.service import Service
from chassis.serving import CannotListen
from chassis.settings import BadSettings, ProcessSettings, ServiceSettings, load

log = structlog.get_logger(__name__)

S = TypeVar("S", bound=ProcessSettings)

ROLES = {
    "api": "answer HTTP on HTTP_HOST:HTTP_PORT",
    "worker": "relay, consume, fire timers and make outside calls",
    "migrate": "bring the database to the newest schema, then exit",
    "all": "api and worker in one process",
    "settings": "list the variables it reads from its environment, then exit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A one-off command of a service's own, beside the roles; `run` returns the exit code."""

    name: str
    summary: str
    run: Callable[[Service, argparse.Namespace], Awaitable[int]]
    arguments: Callable[[argparse.ArgumentParser], object] = lambda parser: parser


def main(
    name: str,
    settings: type[S],
    build: Callable[[S], Service],
    *,
    commands: Sequence[Command] = (),
    argv: Sequence[str] | None = None,
) -> NoReturn:
    """Run one role or command of a service, then exit.

    Exit codes: 0 after an orderly end; 1 when the settings are bad (one line for each variable on
    standard error, without values), a port is taken, or a part failed; 2 for a bad command line.
    """
    chosen = _parser(name, commands).parse_args(argv)
    if chosen.role == "settings":
        _list_settings(settings, as_json=chosen.json)
    try:
        loaded = load(settings)
    except BadSettings as bad:
        _refuse(name, *bad.lines)
    logging.configure(name, chosen.role, loaded.LOG_LEVEL)
    telemetry.configure(name)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(_run(name, chosen, loaded, build, commands))
    except (CannotListen, MovedClock) as error:
        _refuse(name, str(error))
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        log.critical("process.failed", exc_info=error)
        code = 1
    sys.exit(code)


async def _run(
    name: str,
    chosen: argparse.Namespace,
    settings: S,
    build: Callable[[S], Service],
    commands: Sequence[Command],
) -> int:
    if chosen.role == "migrate":
        return await _migrate(name, settings)
    service = build(settings)
    for command in commands:
        if command.name == chosen.role:
            try:
                return await command.run(service, chosen)
            finally:
                if service.db is not None:
                    await service.db.close()
    return await run(chosen.role, service)


async def _migrate(name: str, settings: ProcessSettings) -> int:
    if not isinstance(settings, ServiceSettings):
        log.info("migrate.no_database")
        return 0
    from chassis.migrations import upgrade  # noqa: PLC0415  # Alembic is heavy; only this role

    await upgrade(name, settings.MIGRATION_DATABASE_URL or settings.DATABASE_URL)
    log.info("migrate.done")
    return 0


def _parser(name: str, commands: Sequence[Command]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=f"Holdfast's {name} service. Settings come from the environment.",
    )
    roles = parser.add_subparsers(dest="role", required=True, metavar="ROLE")
    for role, summary in ROLES.items():
        added = roles.add_parser(role, help=summary, description=summary)
        if role == "settings":
            added.add_argument("--json", action="store_true", help="for programs")
    for command in commands:
        command.arguments(
            roles.add_parser(command.name, help=command.summary, description=command.summary)
        )
    return parser


def _list_settings(settings: type[ProcessSettings], *, as_json: bool) -> NoReturn:
    from chassis.settings_reference import settings_of  # noqa: PLC0415  # only this role

    found = settings_of(settings)
    if as_json:
        sys.stdout.write(json.dumps([asdict(setting) for setting in found], indent=1) + "\n")
    else:
        sys.stdout.write("".join(map(str, found)))
    sys.exit(0)


def _refuse(name: str, *lines: str) -> NoReturn:
    for line in lines:
        sys.stderr.write(f"{name}: {line}\n")
    sys.exit(1)
