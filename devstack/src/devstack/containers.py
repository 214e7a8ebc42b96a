"""The whole system in containers, from the compose file, seeded like any other."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack import paths, ports, private
from devstack.errors import StackError
from devstack.paths import ROOT
from devstack.progress import Say
from devstack.seed import System, seed

_PUBLISHED = ("gateway", "stripe", "paypal", "swish", "mailbox")
_SECONDS = 1200  # images are built first


class Containers:
    """One compose project with the development secrets of the file itself, on free ports.

    Args:
        run_dir: gets `endpoints.json` and what seeding remembers.
        say: told what happens.
        env: variables for the compose file.
    """

    def __init__(self, run_dir: Path, say: Say, env: Mapping[str, str] | None = None) -> None:
        self.run_dir = run_dir.resolve()
        self.say = say
        self.env = dict(env or {})
        self.project = f"holdfast-{paths.stack_id(self.run_dir)}"
        self.endpoints: dict[str, Any] = {}

    @property
    def endpoints_file(self) -> Path:
        return self.run_dir / "endpoints.json"

    def start(self, scale: Mapping[str, int] | None = None) -> None:
        """Build, start and seed; returns when every container is healthy.

        Raises:
            StackError: compose failed, or a call was refused.
        """
        chosen = ports.choose(_PUBLISHED)
        self.env |= {f"{name.upper()}_PORT": str(port) for name, port in chosen.items()}
        self.env.setdefault("PUBLIC_URL", f"http://127.0.0.1:{chosen['gateway']}")
        self.say("building the images")
        self.compose("build")
        self.say("starting the containers")
        wanted = [part for kind, n in (scale or {}).items() for part in ("--scale", f"{kind}={n}")]
        self.compose("up", "--detach", "--wait", "--wait-timeout", "300", *wanted)
        self.endpoints = {
            "gateway": f"http://127.0.0.1:{chosen['gateway']}",
            "sandbox": {
                "stripe": f"http://127.0.0.1:{chosen['stripe']}",
                "paypal": f"http://127.0.0.1:{chosen['paypal']}",
                "swish": f"http://127.0.0.1:{chosen['swish']}",
                "mailbox": f"http://127.0.0.1:{chosen['mailbox']}",
            },
            "webhooks": "http://payments-api:8000",
        }
        self.say("seeding the demo organisations")
        self.endpoints |= seed(
            System(self.endpoints, self.run_dir, self._create_operator_key, self.say)
        )
        private.write_json(self.endpoints_file, self.endpoints)

    def stop(self) -> None:
        """Containers and volumes gone."""
        self.compose("down", "--volumes", "--remove-orphans")
        for name in ("endpoints.json", "seed.json"):
            (self.run_dir / name).unlink(missing_ok=True)

    def compose(self, *arguments: str) -> str:
        """Output of a `docker compose` command on this project.

        Raises:
            StackError: it failed; carries the end of what it said.
        """
        command = ["docker", "compose", "-p", self.project, "-f", str(ROOT / "docker-compose.yml")]
        done = subprocess.run(
            [*command, *arguments],
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode:
            end = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
            raise StackError(f"docker compose {arguments[0]} failed:\n{end}")
        return done.stdout

    def _create_operator_key(self) -> str:
        return self.compose(
            *("exec", "-T", "customers-api", "python", "-m", "customers"),
            *("create-key", "--operator"),
        ).split()[-1]
