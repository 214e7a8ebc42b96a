"""The whole system on its own servers, with one api and one worker process for each service."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.cpu import memory
from devstack.layout import GATEWAY, SANDBOXES
from devstack.paths import SERVICES
from devstack.progress import Say
from devstack.stack import Stack

PLAN = {f"{service}-{role}": 1 for service in SERVICES for role in ("api", "worker")}
# No wait for a payment: a hold is a hold. The bench restores it where guests pay.
NO_WAIT = {"PAYMENT_WAIT": "0"}
WAIT = {"PAYMENT_WAIT": "10"}
_OVERRIDES = {
    GATEWAY: {
        **NO_WAIT,
        "TRUSTED_PROXIES": "127.0.0.1/32",  # each request of the load is another guest
        "RATE_LIMITS": '{"keys": [1000000, 60]}',
    },
}


class System:
    """A running stack, and the processes that belong to it by the names of its parts."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @property
    def gateway(self) -> str:
        return str(self.stack.endpoints["gateway"])

    @property
    def database(self) -> str:
        """The superuser's address of booking's database."""
        return self.superuser("booking")

    def operator_key(self) -> str:
        """A new API key of the operator, made as a person would make it."""
        argv, env = self.stack.wiring.command("customers", "create-key", "--operator")
        done = subprocess.run(argv, env=env, cwd="/", capture_output=True, text=True, check=True)
        return next(word for word in done.stdout.split() if word.startswith("hf_"))

    def superuser(self, database: str) -> str:
        return self.stack.servers.postgres_url.rpartition("/")[0] + f"/{database}"

    def pids(self, parts: Iterable[str] | None = None) -> dict[str, int]:
        """Root processes by name: ours, the sandbox's, `postgres` and `rabbitmq`."""
        roots = {name: process.pid for name, process in self.stack.processes.items() if process.pid}
        servers = self.stack.servers.pids()
        roots |= {name: servers[name] for name in ("postgres", "rabbitmq")}
        return roots if parts is None else {name: roots[name] for name in parts}

    @property
    def ours(self) -> list[str]:
        """The parts that a hold or a booking is charged for: all but the outside world."""
        return [name for name in self.pids() if name not in SANDBOXES]

    def memory(self) -> dict[str, dict[str, float]]:
        return {name: memory(pid) for name, pid in sorted(self.pids().items())}

    def stop(self, names: Iterable[str]) -> None:
        for name in names:
            self.stack.process(name).stop()

    def start(self, names: Iterable[str]) -> None:
        for name in names:
            self.stack.process(name).start()

    def gateway_waits(self, setting: Mapping[str, str]) -> None:
        self.stack.process(GATEWAY).restart(setting)


@contextmanager
def system(run_dir: Path, say: Say) -> Iterator[System]:
    """The system, started; ended and forgotten on leaving.

    ENVIRONMENT=development: real durability, and the sandbox instead of Stripe.
    """
    with Stack(run_dir, "development", _OVERRIDES, PLAN, say) as stack:
        yield System(stack)
