"""PostgreSQL and RabbitMQ for a stack, from wherever this machine can give them."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from devstack import engine, packages, ports, postgres, rabbitmq
from devstack.errors import StackError
from devstack.keys import Keys
from devstack.postgres import PrivatePostgres
from devstack.processes import running
from devstack.progress import Say
from devstack.rabbitmq import PrivateRabbit

CHOICE = "HOLDFAST_SERVERS"  # docker | private; unset = the first that works


class Servers(Protocol):
    """The two servers. Starting what runs and stopping what does not run changes nothing."""

    kind: str

    @property
    def postgres_url(self) -> str:
        """Address of the superuser."""

    @property
    def amqp(self) -> str: ...

    @property
    def management(self) -> str: ...

    def start_postgres(self) -> None: ...

    def start_broker(self) -> None:
        """The broker answers and holds the topology when this returns."""

    def stop_postgres(self) -> None: ...

    def stop_broker(self) -> None: ...

    def kill_postgres(self) -> None:
        """As a crash would end it."""

    def kill_broker(self) -> None:
        """As a crash would end it."""

    def stop(self) -> None:
        """Both stopped, no process left; the data stays."""

    def discard(self) -> None:
        """Both ended, no process left, the data deleted."""

    def pids(self) -> dict[str, int]: ...


@dataclass
class PrivateServers:
    """Installed programs, run as instances of the stack's own under its run directory."""

    postgres: PrivatePostgres
    rabbit: PrivateRabbit
    kind: str = "private"

    @property
    def postgres_url(self) -> str:
        return self.postgres.url

    @property
    def amqp(self) -> str:
        return self.rabbit.amqp

    @property
    def management(self) -> str:
        return self.rabbit.management

    def start_postgres(self) -> None:
        self.postgres.start()

    def start_broker(self) -> None:
        self.rabbit.start()

    def stop_postgres(self) -> None:
        self.postgres.stop()

    def stop_broker(self) -> None:
        self.rabbit.stop()

    def kill_postgres(self) -> None:
        self.postgres.kill9()

    def kill_broker(self) -> None:
        self.rabbit.kill9()

    def stop(self) -> None:
        self.rabbit.stop()
        self.postgres.stop()

    def discard(self) -> None:
        self.rabbit.kill9()  # a clean stop takes seconds, for data nobody will read
        self.stop()
        self.rabbit.remove()
        self.postgres.remove()

    def pids(self) -> dict[str, int]:
        daemons = (self.postgres.daemon, self.rabbit.daemon, self.rabbit.epmd)
        return {daemon.name: daemon.pid for daemon in daemons if daemon.pid}


@dataclass(frozen=True)
class Tuning:
    """What a stack asks of its servers."""

    max_connections: int = 200
    durable: bool = True


def known_servers(run_dir: Path, keys: Keys, tuning: Tuning) -> Servers | None:
    """The servers a stack chose earlier, None when it has none yet."""
    note = _note(run_dir)
    if note is None:
        return None
    return _build(note["kind"], note["ports"], run_dir, keys, tuning)


def find_servers(run_dir: Path, keys: Keys, tuning: Tuning, say: Say) -> Servers:
    """The servers a stack chose earlier, else the first of: Docker, installed, freshly installed.

    Raises:
        StackError: none can be had here; the message says what was tried and what to do.
    """
    note = _note(run_dir)
    if note is None:
        kind = _choose(run_dir, say)
        note = {"kind": kind, "ports": ports.choose(["postgres", *rabbitmq.PORT_NAMES])}
    elif note["kind"] == "private" and not _runs(run_dir):
        lost = [name for name, port in note["ports"].items() if not ports.is_free(port)]
        note["ports"] |= ports.choose(lost)  # someone took them while the stack was down
    run_dir.mkdir(parents=True, exist_ok=True)
    _note_file(run_dir).write_text(json.dumps(note))
    built = known_servers(run_dir, keys, tuning)
    if built is None:
        raise StackError(
            "PostgreSQL or RabbitMQ was here when this stack was made and is gone now;"
            " install it again, or `make down` and `make up`"
        )
    return built


def _note_file(run_dir: Path) -> Path:
    return run_dir / "servers.json"


def _note(run_dir: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(_note_file(run_dir).read_text())
    except FileNotFoundError:
        return None
    return found


def _runs(run_dir: Path) -> bool:
    names = ("postgres", "rabbitmq", "epmd")
    return any(running(run_dir / "pids" / f"{name}.json") for name in names)


def _choose(run_dir: Path, say: Say) -> str:
    wish = os.environ.get(CHOICE, "")
    if wish not in ("", "docker", "private"):
        raise StackError(f"{CHOICE} is {wish!r}; it may be docker, private or unset")
    reasons = []
    if wish != "private":
        reason = engine.unusable(say)
        if reason is None:
            return "docker"
        reasons.append(reason)
    if wish != "docker":
        missing = _missing()
        if not missing:
            return "private"
        reasons.append(f"installed programs: no {' and no '.join(missing)}")
        refusal = packages.install(missing, run_dir / "logs" / "install.log", say)
        if refusal is None:
            missing = _missing()
            if not missing:
                return "private"
            refusal = f"installing packages: done, yet no {' and no '.join(missing)} is found"
        reasons.append(refusal)
    raise StackError(packages.advice(reasons))


def _missing() -> list[str]:
    found = {"PostgreSQL": postgres.find_binaries(), "RabbitMQ": rabbitmq.find_binaries()}
    return [name for name, place in found.items() if place is None]


def _build(
    kind: str, chosen: dict[str, int], run_dir: Path, keys: Keys, tuning: Tuning
) -> Servers | None:
    if kind == "docker":
        return engine.DockerServers(
            run_dir, keys, chosen["postgres"], chosen["amqp"], chosen["management"]
        )
    binaries, script = postgres.find_binaries(), rabbitmq.find_binaries()
    if not binaries or not script:
        return None
    return PrivateServers(
        PrivatePostgres(
            run_dir,
            binaries,
            postgres.choose_runner(run_dir),
            chosen["postgres"],
            keys.postgres,
            max_connections=tuning.max_connections,
            durable=tuning.durable,
        ),
        PrivateRabbit(run_dir, script, chosen, keys.rabbitmq),
    )
