"""The command line behind `make up`, `make down` and the rest."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devstack import demo, deploy_files, numbering, paths, settings_reference, variables
from devstack.containers import Containers
from devstack.errors import StackError
from devstack.keys import load
from devstack.processes import end_strays
from devstack.progress import clock
from devstack.servers import Servers, Tuning, find_servers, known_servers
from devstack.stack import Stack, forget


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what it says, 1 with a message on stderr when not."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; `make down` ends what was started", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devstack", description="Runs the whole system on one machine."
    )
    parser.add_argument(
        "--run-dir",
        type=lambda text: Path(text).resolve(),
        default=paths.default_run_dir(),
        help="directory of the stack (default: .run in the checkout)",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    up = commands.add_parser("up", help="start everything and return when it is ready")
    up.add_argument(
        "plan",
        nargs="*",
        type=_count,
        metavar="kind=copies",
        help="for example booking-worker=2; a service not named runs as one process",
    )
    up.add_argument("--no-seed", action="store_true", help="without the demo organisations")
    up.set_defaults(command=_up)

    down = commands.add_parser("down", help="end every process and delete the data")
    down.add_argument("--keep", action="store_true", help="keep the data for the next up")
    down.set_defaults(command=_down)

    commands.add_parser("status", help="what runs, and where").set_defaults(command=_status)
    commands.add_parser("demo", help="one booking per preset, to the e-mail").set_defaults(
        command=lambda options: demo.run(_endpoints(options.run_dir))
    )
    commands.add_parser("env", help="addresses, ids and keys as shell variables").set_defaults(
        command=lambda options: variables.run(_endpoints(options.run_dir))
    )
    commands.add_parser("doctor", help="check it all and say what to do").set_defaults(
        command=_doctor
    )

    logs = commands.add_parser("logs", help="show logs")
    logs.add_argument("names", nargs="*", help="processes (default: all)")
    logs.add_argument("-f", "--follow", action="store_true", help="wait for more")
    logs.set_defaults(command=_logs)

    servers = commands.add_parser("servers", help="only PostgreSQL and RabbitMQ, for tests")
    servers.add_argument("action", choices=("start", "stop", "env", "run"))
    servers.add_argument("--run-dir", type=lambda text: Path(text).resolve(), dest="servers_dir")
    servers.add_argument("program", nargs=argparse.REMAINDER, help="for run: -- command ...")
    servers.set_defaults(command=_servers)

    compose = commands.add_parser("compose", help="the same system in containers")
    compose.add_argument("action", choices=("up", "demo", "down"))
    compose.add_argument("--run-dir", type=lambda text: Path(text).resolve(), dest="compose_dir")
    compose.add_argument("--scale", action="append", type=_count, default=[], metavar="NAME=N")
    compose.set_defaults(command=_compose)

    files = commands.add_parser("deploy-files", help="write the generated files under deploy/")
    files.add_argument("--check", action="store_true", help="only say whether they are current")
    files.set_defaults(command=lambda options: deploy_files.run(check=options.check))

    settings = commands.add_parser("settings-reference", help="write docs/settings.md")
    settings.add_argument("--check", action="store_true", help="only say whether it is current")
    settings.set_defaults(command=lambda options: settings_reference.run(check=options.check))

    numbers = commands.add_parser("numbering", help="check the numbers of migrations and decisions")
    numbers.set_defaults(command=lambda _: numbering.run())
    return parser


def _doctor(options: argparse.Namespace) -> int:
    from devstack import doctor  # noqa: PLC0415  # half of every command's start-up, for one

    return doctor.run(options.run_dir)


def _count(text: str) -> tuple[str, int]:
    kind, separator, number = text.partition("=")
    if not separator or not number.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not kind=copies")
    return kind, int(number)


def _endpoints(run_dir: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads((run_dir / "endpoints.json").read_text())
    except FileNotFoundError:
        raise StackError("nothing runs here; `make up` starts it") from None
    return known


def _up(options: argparse.Namespace) -> int:
    say = clock()
    stack = Stack(options.run_dir, "development", plan=dict(options.plan), say=say)
    stack.start()
    if not options.no_seed:
        stack.seed()
    say("ready")
    _show(stack.endpoints, stack.endpoints_file)
    return 0


def _show(endpoints: Mapping[str, Any], file: Path) -> None:
    print(f"""
  API            {endpoints["gateway"]}/v1
  documentation  {endpoints["gateway"]}/docs
  local Stripe   {endpoints["sandbox"]["stripe"]}
  local PayPal   {endpoints["sandbox"]["paypal"]}
  local Swish    {endpoints["sandbox"]["swish"]}
  mailbox        {endpoints["sandbox"]["mailbox"]}
  addresses, ids and keys are in {file}

  next: make demo   make status   make logs   make down""")


def _compose(options: argparse.Namespace) -> int:
    system = Containers(options.compose_dir or options.run_dir / "compose", clock())
    if options.action == "down":
        system.stop()
    elif options.action == "demo":
        return demo.run(_endpoints(system.run_dir))
    else:
        system.start(dict(options.scale))
        _show(system.endpoints, system.endpoints_file)
    return 0


def _down(options: argparse.Namespace) -> int:
    say = clock()
    stack = Stack.existing(options.run_dir, say)
    if stack:
        stack.stop(keep=options.keep)
    else:
        end_strays(options.run_dir)
        if not options.keep:
            forget(options.run_dir)
    say("stopped; the data is kept" if options.keep else "stopped; the data is deleted")
    return 0


def _status(options: argparse.Namespace) -> int:
    stack = Stack.existing(options.run_dir)
    if stack is None:
        print("nothing runs here; `make up` starts it")
        return 1
    rows = [("process", "pid", "address", "state")]
    for name, pid in stack.servers.pids().items():
        rows.append((name, str(pid), "", "runs"))
    if stack.servers.kind == "docker":
        rows.append(("postgres, rabbitmq", "", "", "containers"))
    well = True
    for process in stack.processes.values():
        state = "ready" if process.ready else "not ready" if process.pid else "stopped"
        well &= state == "ready"
        address = stack.wiring.address(process.unit)
        rows.append((process.name, str(process.pid or "-"), address, state))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
    return 0 if well else 1


def _logs(options: argparse.Namespace) -> int:
    folder = options.run_dir / "logs"
    files = [folder / f"{name}.log" for name in options.names] or sorted(folder.glob("*.log"))
    absent = [file.stem for file in files if not file.exists()]
    if absent or not files:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.log"))) or "none yet"
        raise StackError(f"no log of {', '.join(absent) or 'anything'}; logs: {known}")
    follow = ["-F"] if options.follow else []
    return subprocess.run(["tail", "-n", "50", *follow, *map(str, files)], check=False).returncode


_NAMES = ("TEST_POSTGRES_URL", "TEST_AMQP_URL", "TEST_RABBITMQ_MANAGEMENT_URL")


def _servers(options: argparse.Namespace) -> int:
    run_dir = options.servers_dir or options.run_dir / "test-servers"
    tuning = Tuning(max_connections=400, durable=False)
    if options.action == "run":
        return _run_on_servers(run_dir, tuning, options.program)
    keys = load(run_dir)
    if options.action == "start":
        found = find_servers(run_dir, keys, tuning, clock())
        found.start_postgres()
        found.start_broker()
    else:
        known = known_servers(run_dir, keys, tuning)
        if known is None:
            forget(run_dir)
            if options.action == "stop":
                return 0
            raise StackError(f"no servers in {run_dir}; start them first")
        found = known
    if options.action == "stop":
        found.discard()
        end_strays(run_dir)
        forget(run_dir)
        return 0
    for name, value in _exports(found).items():
        print(f"export {name}={value}")
    return 0


def _exports(found: Servers) -> dict[str, str]:
    return dict(zip(_NAMES, (found.postgres_url, found.amqp, found.management), strict=True))


def _run_on_servers(run_dir: Path, tuning: Tuning, program: Sequence[str]) -> int:
    """Run a command on the servers the environment names, else on ones started for it."""
    command = list(program[1:] if program[:1] == ["--"] else program)
    if not command:
        raise StackError("servers run needs a command: servers run -- python -m pytest")
    if all(os.environ.get(name) for name in _NAMES):
        return subprocess.run(command, check=False).returncode
    began = time.monotonic()
    run_dir = run_dir.with_name(f"{run_dir.name}-{os.getpid()}")  # others may test at this moment
    found = find_servers(run_dir, load(run_dir), tuning, clock())
    try:
        found.start_postgres()
        found.start_broker()
        print(f"test servers ready after {time.monotonic() - began:.1f} s", file=sys.stderr)
        env = {**os.environ, **_exports(found)}
        return subprocess.run(command, env=env, check=False).returncode
    finally:
        found.discard()
        shutil.rmtree(run_dir, ignore_errors=True)
