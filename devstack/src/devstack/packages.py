"""PostgreSQL and RabbitMQ from the system's package manager, without starting its services."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devstack.errors import StackError, tail_of
from devstack.progress import Say

_POLICY = Path("/usr/sbin/policy-rc.d")  # asked by Debian's packages before they start a service
_APT = {"PostgreSQL": "postgresql", "RabbitMQ": "rabbitmq-server"}
_ADVICE = """Holdfast needs PostgreSQL {oldest} or newer and RabbitMQ 3.10 or newer. Either
  - start a Docker engine (Docker Desktop, or the docker package), or
  - install them:   Debian, Ubuntu   sudo apt-get install postgresql rabbitmq-server
                    Fedora           sudo dnf install postgresql-server rabbitmq-server
                    macOS            brew install postgresql rabbitmq
    (nothing needs to be configured or started; Holdfast runs private instances of its own)
then run the command again."""


def advice(reasons: Sequence[str], oldest: int = 14) -> str:
    """The one message for a machine where the servers can't be had, with what was tried."""
    tried = "\n".join(f"  - {reason}" for reason in reasons)
    return f"{_ADVICE.format(oldest=oldest)}\nWhat was tried:\n{tried}"


def install(missing: Sequence[str], log: Path, say: Say) -> str | None:
    """Install what is missing; the reason why not, or None when it is done.

    Done without asking when `HOLDFAST_INSTALL=1` or nobody sits at a terminal; refused when
    `HOLDFAST_INSTALL=0`.

    Raises:
        StackError: the package manager failed.
    """
    wish = os.environ.get("HOLDFAST_INSTALL", "")
    if wish == "0":
        return "installing packages: HOLDFAST_INSTALL=0 forbids it"
    if not shutil.which("apt-get"):
        return "installing packages: only apt-get is known here, and this system has none"
    prefix = _as_root()
    if prefix is None:
        return "installing packages: needs root, and sudo asks for a password or is absent"
    packages = [_APT[name] for name in missing]
    asks = wish != "1" and sys.stdin.isatty()
    if asks and not _agreed(packages):
        return "installing packages: declined"
    say(f"installing {' and '.join(packages)} with apt-get (a minute or two; output in {log})")
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as output, _services_stay_down(prefix):
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", *packages],
        ):
            done = subprocess.run(
                [*prefix, *command],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
            if done.returncode and "update" not in command:
                tail = "\n".join(f"    {line}" for line in tail_of(log))
                raise StackError(f"{' '.join(command)} failed. The end of {log}:\n{tail}")
    return None


def _as_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    silent = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    if silent.returncode == 0:
        return ["sudo", "-n"]
    return ["sudo"] if sys.stdin.isatty() else None


def _agreed(packages: Sequence[str]) -> bool:
    question = f"Install {' and '.join(packages)} with apt-get? Their services stay off. [Y/n] "
    return input(question).strip().lower() in ("", "y", "yes")


@contextmanager
def _services_stay_down(prefix: Sequence[str]) -> Iterator[None]:
    """Debian starts a service when its package is installed, unless this file says no."""
    if _POLICY.exists():
        yield
        return
    write = 'printf \'#!/bin/sh\\nexit 101\\n\' > "$0" && chmod 755 "$0"'
    subprocess.run([*prefix, "sh", "-c", write, str(_POLICY)], check=True)
    try:
        yield
    finally:
        subprocess.run([*prefix, "rm", "-f", str(_POLICY)], check=True)
