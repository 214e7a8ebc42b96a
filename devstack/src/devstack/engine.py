"""The compose file's two servers, run by a Docker engine, published on loopback only."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from devstack import paths, rabbitmq, sql, web
from devstack.errors import StackError
from devstack.keys import Keys
from devstack.paths import ROOT, SERVICES
from devstack.progress import Say

_FILES = (ROOT / "docker-compose.yml", ROOT / "deploy" / "compose" / "servers-on-loopback.yml")
_PULL_SECONDS = 180


def unusable(say: Say) -> str | None:
    """Why the engine can't give us the two servers; None when it can.

    Images that are not there yet are pulled, for at most three minutes.
    """
    if not shutil.which("docker"):
        return "Docker: no docker command"
    host = urlsplit(os.environ.get("DOCKER_HOST", ""))
    if host.scheme in ("tcp", "ssh") and host.hostname not in ("localhost", "127.0.0.1"):
        return "Docker: DOCKER_HOST is another machine, whose loopback ports can't be reached"
    if _run(["docker", "info"], seconds=10) is None:
        return "Docker: no engine answers"
    if _run(["docker", "compose", "version"], seconds=10) is None:
        return "Docker: the compose plugin is not installed"
    images = _images()
    absent = [name for name in images if _run(["docker", "image", "inspect", name]) is None]
    for name in absent:
        say(f"pulling {name} (at most {_PULL_SECONDS} s)")
        if _run(["docker", "pull", "--quiet", name], seconds=_PULL_SECONDS) is None:
            return f"Docker: the image {name} is not here and can't be pulled"
    return None


def _images() -> list[str]:
    said = _run(["docker", "compose", "-f", str(_FILES[0]), "config", "--format", "json"])
    if said is None:
        return ["postgres:17", "rabbitmq:4-management"]
    services = json.loads(said)["services"]
    return [services[name]["image"] for name in ("postgres", "rabbitmq")]


def _run(command: Sequence[str], seconds: float = 30) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


@dataclass
class DockerServers:
    """PostgreSQL and RabbitMQ as two containers of a compose project of the stack's own."""

    run_dir: Path
    keys: Keys
    postgres_port: int
    amqp_port: int
    management_port: int
    kind: str = "docker"
    _creating: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def postgres_url(self) -> str:
        return f"postgresql://postgres:{self.keys.postgres}@127.0.0.1:{self.postgres_port}/postgres"

    @property
    def amqp(self) -> str:
        return f"amqp://{rabbitmq.USER}:{self.keys.rabbitmq}@127.0.0.1:{self.amqp_port}/"

    @property
    def management(self) -> str:
        return f"http://{rabbitmq.USER}:{self.keys.rabbitmq}@127.0.0.1:{self.management_port}"

    def start_postgres(self) -> None:
        self._start("postgres")
        self._wait_for("postgres", lambda: sql.answers(self.postgres_url))

    def start_broker(self) -> None:
        self._start("rabbitmq")
        self._wait_for("rabbitmq", lambda: web.ok(f"{self.management}/api/overview"))
        reply = web.call(
            "POST",
            f"{self.management}/api/definitions",
            body=rabbitmq.topology(self.keys.rabbitmq),
            timeout=60,
        )
        if reply.status >= 300:
            raise StackError(f"RabbitMQ refused the topology: {reply.status} {reply.body}")

    def stop_postgres(self) -> None:
        self._compose("stop", "postgres")

    def stop_broker(self) -> None:
        self._compose("stop", "rabbitmq")

    def kill_postgres(self) -> None:
        self._compose("kill", "postgres")

    def kill_broker(self) -> None:
        self._compose("kill", "rabbitmq")

    def stop(self) -> None:
        """Both stopped and their containers gone; the data stays in its volumes."""
        self._compose("down", "--remove-orphans")

    def discard(self) -> None:
        """Containers and volumes gone."""
        self._compose("down", "--volumes", "--remove-orphans")

    def pids(self) -> dict[str, int]:
        """Nothing: the processes belong to the engine."""
        return {}

    def _start(self, name: str) -> None:
        # Both servers start at once, and two projects coming up together each make the network:
        # the engine takes two of one name, and from then on knows neither.
        with self._creating:
            self._compose("create", "--no-recreate", "postgres", "rabbitmq")
        self._compose("up", "-d", "--wait", "--no-deps", name)

    def _wait_for(self, name: str, ready: Callable[[], bool], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise StackError(f"the container of {name} gave no answer in {seconds:.0f} s")
            time.sleep(0.3)

    def _compose(self, *arguments: str) -> None:
        files = [part for file in _FILES for part in ("-f", str(file))]
        project = f"holdfast-{paths.stack_id(self.run_dir)}"
        env = {
            **os.environ,
            "POSTGRES_PASSWORD": self.keys.postgres,
            "RABBITMQ_PASSWORD": self.keys.rabbitmq,
            "POSTGRES_PORT": str(self.postgres_port),
            "AMQP_PORT": str(self.amqp_port),
            "MANAGEMENT_PORT": str(self.management_port),
        }
        for service in SERVICES:
            env[f"{service.upper()}_DB_PASSWORD"] = self.keys.roles[service]
            env[f"{service.upper()}_OWNER_PASSWORD"] = self.keys.owners[service]
        command = ["docker", "compose", "-p", project, *files, *arguments]
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            raise StackError(f"docker compose {arguments[0]} failed:\n{done.stdout}{done.stderr}")
