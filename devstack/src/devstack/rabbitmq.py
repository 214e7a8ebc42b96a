"""A RabbitMQ node of the stack's own: node name, cookie, epmd, ports and data directory.

Debian's `rabbitmq-server` in /usr/sbin is a wrapper that changes user and reads the system's
configuration, so the script it wraps is run instead. epmd is started by us, in the foreground:
started by Erlang it would outlive the node.
"""

import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from contracts.topology import definitions
from devstack import paths, ports, web
from devstack.errors import StackError, StartError
from devstack.processes import Daemon

USER = "holdfast"
PORT_NAMES = ("amqp", "management", "distribution", "epmd")
_KNOWN_PLACES = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",  # Debian
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server",
    "/opt/rabbitmq*/sbin/rabbitmq-server",
    "/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",
    "/usr/local/opt/rabbitmq/sbin/rabbitmq-server",
)
_EPMD_PLACES = ("/usr/lib/erlang/bin/epmd", "/usr/lib/erlang/erts-*/bin/epmd")


def find_binaries() -> Path | None:
    """The start script of an installed RabbitMQ, None when there is none (or no Erlang)."""
    if not find_epmd():
        return None
    for pattern in _KNOWN_PLACES:
        for place in sorted(Path("/").glob(pattern[1:]), reverse=True):
            return place
    on_path = shutil.which("rabbitmq-server")
    return Path(on_path) if on_path and not on_path.startswith("/usr/sbin/") else None


def find_epmd() -> Path | None:
    """Erlang's port mapper, None without Erlang."""
    on_path = shutil.which("epmd")
    if on_path:
        return Path(on_path)
    return next((place for known in _EPMD_PLACES for place in Path("/").glob(known[1:])), None)


def topology(password: str) -> dict[str, Any]:
    """Everything the broker holds, and one user with every right."""
    return definitions("/", USER, password, tags=["administrator"])


@dataclass
class PrivateRabbit:
    """RabbitMQ with the management plugin on 127.0.0.1."""

    run_dir: Path
    script: Path
    ports: Mapping[str, int]
    password: str

    @property
    def home(self) -> Path:
        return self.run_dir / "rabbitmq"

    @property
    def amqp(self) -> str:
        return f"amqp://{USER}:{self.password}@127.0.0.1:{self.ports['amqp']}/"

    @property
    def management(self) -> str:
        return f"http://{USER}:{self.password}@127.0.0.1:{self.ports['management']}"

    @cached_property
    def epmd(self) -> Daemon:
        binary = find_epmd()
        if not binary:
            raise StackError("RabbitMQ needs Erlang's epmd, which is not installed")
        argv = [str(binary), "-port", str(self.ports["epmd"]), "-address", "127.0.0.1"]
        return Daemon("epmd", self.run_dir, argv, self._environment())

    @cached_property
    def daemon(self) -> Daemon:
        # The script stays as parent of the Erlang machine and turns SIGTERM into a clean stop.
        return Daemon(
            "rabbitmq", self.run_dir, [str(self.script)], self._environment(), whole_group=True
        )

    def start(self, seconds: float = 240) -> None:
        """Start epmd and the node, return when it answers; does nothing when it runs.

        Raises:
            StartError: it ended, or does not answer after `seconds`.
        """
        self._configure()
        epmd = self.epmd
        epmd.start()
        deadline = time.monotonic() + seconds
        while not ports.is_open(self.ports["epmd"]):
            if epmd.identity is None or time.monotonic() > deadline:
                raise StartError("epmd", "did not start", epmd.log)
            time.sleep(0.05)
        left = deadline - time.monotonic()
        self.daemon.start_until(self._answers, left, crashed=self._crashed())

    def _crashed(self) -> bool:
        """Whether the last node left its pid file, which one that is stopped takes away.

        Its name and its ports may be held for a moment longer, and a new node ends without them.
        """
        return self.daemon.identity is None and (self.home / "pid").exists()

    def stop(self) -> None:
        """A clean stop of the node, then of its epmd."""
        self.daemon.stop(30)
        self.epmd.stop()

    def kill9(self) -> None:
        """End the node as a crash would; epmd stays, as it would."""
        self.daemon.kill9()

    def remove(self) -> None:
        """Delete the data. The node must be stopped."""
        shutil.rmtree(self.home, ignore_errors=True)

    def _answers(self) -> bool:
        # Quorum queues are declared from the definitions before the listeners open.
        return ports.is_open(self.ports["amqp"]) and web.ok(f"{self.management}/api/overview")

    def _configure(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        for folder in ("db", "log", "conf.d"):
            (self.home / folder).mkdir(exist_ok=True)
        cookie = self.home / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(secrets.token_hex(24))
            cookie.chmod(0o400)
        (self.home / "enabled_plugins").write_text("[rabbitmq_management].\n")
        file = self.home / "definitions.json"
        file.write_text(json.dumps(topology(self.password), indent=1))
        file.chmod(0o600)
        (self.home / "rabbitmq.conf").write_text(
            "\n".join(
                [
                    f"listeners.tcp.1 = 127.0.0.1:{self.ports['amqp']}",
                    "management.tcp.ip = 127.0.0.1",
                    f"management.tcp.port = {self.ports['management']}",
                    f"load_definitions = {file}",
                    "vm_memory_high_watermark.absolute = 512MB",
                    "disk_free_limit.absolute = 100MB",
                    # 64 MB of write-ahead log instead of 512: it is kept in memory as well
                    "raft.wal_max_size_bytes = 67108864",
                    "log.console = true",
                    "log.console.level = warning",
                    "log.file = false",
                    "",
                ]
            )
        )

    def _environment(self) -> Mapping[str, str]:
        erlang = f"-kernel inet_dist_use_interface {{127,0,0,1}} +S {min(4, os.cpu_count() or 1)}"
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.home),  # where Erlang looks for the cookie
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.ports["epmd"]),
            "RABBITMQ_NODENAME": f"holdfast-{paths.stack_id(self.run_dir)}@localhost",
            "RABBITMQ_DIST_PORT": str(self.ports["distribution"]),
            "RABBITMQ_CONF_ENV_FILE": str(self.home / "no-system-settings"),
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.home / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.home / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.home / "db"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_PID_FILE": str(self.home / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang,
        }
