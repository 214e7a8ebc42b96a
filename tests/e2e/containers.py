"""The system in containers: the project's own images and the official servers, by testcontainers.

One container per service role on a network of its own. What the tests reach is published on
loopback, on ports that stay the same when a container is made again.
"""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from devstack import database, keys, layout, ports, seed, web
from devstack.paths import ROOT, SERVICES
from devstack.progress import silent

from .system import Endpoints, Finished

PLAN = {f"{service}-{role}": 1 for service in SERVICES for role in ("api", "worker")}
LOOPBACK = {"options": {"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"}}
HTTP, PROBES, SMTP, AMQP, MANAGEMENT, POSTGRES = 8000, 9000, 2525, 5672, 15672, 5432
# Asked before the server has made its cookie, this would make one that the server can't read.
_RABBITMQ_ANSWERS = (
    "test -s /var/lib/rabbitmq/.erlang.cookie && "
    "exec rabbitmq-diagnostics -q check_port_connectivity"
)


class Inside(layout.Wiring):
    """What a process finds in its environment, with addresses of the containers' network."""

    def http(self, name: str) -> str:
        return f"http://{name}:{HTTP}"

    @property
    def smtp(self) -> str:
        return f"smtp://sandbox-mailbox:{SMTP}"

    def env(self, unit: layout.Unit) -> dict[str, str]:
        """Without what belongs to this machine; the images say where they listen."""
        here = {"HTTP_HOST", "HTTP_PORT", "INTERNAL_PORT", "PATH", "HOME", "TMPDIR", "PYTHONPATH"}
        return {name: value for name, value in super().env(unit).items() if name not in here}


@dataclass
class Part:
    """One container, by its name in the network."""

    name: str
    image: str
    command: list[str]
    env: Mapping[str, str]
    published: Mapping[int, int] = field(default_factory=dict)  # container port: host port
    ready: tuple[int, str] | None = None  # port and path that answer 2xx
    container: DockerContainer | None = None

    def create(self, network: Network, env: Mapping[str, str] | None = None, **more: Any) -> None:
        """A new container in place of an earlier one, started."""
        self.remove()
        made = DockerContainer(self.image, env={**self.env, **(env or {})})
        made.with_network(network).with_network_aliases(self.name)
        if self.command:
            made.with_command(self.command)
        made.with_kwargs(hostname=self.name, init=True, **more)
        for inside, outside in self.published.items():
            made.with_bind_ports(inside, outside)
        self.container = made
        made.start()

    def remove(self) -> None:
        """Gone, with its data."""
        if self.container:
            self.container.stop()
            self.container = None

    @property
    def docker(self) -> Any:
        """The engine's own view of it, as of now."""
        assert self.container is not None, f"{self.name} was never started"
        found = self.container.get_wrapped_container()
        found.reload()
        return found

    @property
    def running(self) -> bool:
        return self.container is not None and self.docker.status == "running"

    def log(self, lines: int = 200) -> str:
        return str(self.docker.logs(tail=lines).decode(errors="replace"))

    def wait_exit(self, seconds: float) -> int:
        """Its return code; -n for signal n.

        Raises:
            TimeoutError: it still runs.
        """
        deadline = time.monotonic() + seconds
        while self.running:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} still runs after {seconds:.0f} s")
            time.sleep(0.05)
        code = int(self.docker.attrs["State"]["ExitCode"])
        return 128 - code if code > 128 else code

    def wait_ready(self, seconds: float = 120) -> None:
        """Return once it says so itself."""
        if self.ready is None:
            return
        port, path = self.ready
        url = f"http://127.0.0.1:{self.published[port]}{path}"
        deadline = time.monotonic() + seconds
        while not web.ok(url):
            assert self.running, f"{self.name} ended:\n{self.log(40)}"
            assert time.monotonic() < deadline, f"{self.name} is not ready:\n{self.log(40)}"
            time.sleep(0.1)


class ContainerSystem:
    """See `system.System`. Images are built first, so the first start takes minutes."""

    def __init__(self, run_dir: Path) -> None:
        # The reaper is an image of its own that may not be at hand; `close` removes everything.
        testcontainers_config.ryuk_disabled = True
        self._run_dir = run_dir
        self._keys = keys.load(run_dir)
        self._parts: dict[str, Part] = {}
        _build_images()
        self._network = Network(docker_network_kw=LOOPBACK).create()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    # --- the whole ---

    def _start(self) -> None:
        self._start_servers()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._migrate, SERVICES))
        self._apply_topology()
        units = layout.units(PLAN)
        self._parts |= {unit.name: self._process(unit) for unit in units}
        for unit in units:
            self._parts[unit.name].create(self._network)
        for unit in units:
            self._parts[unit.name].wait_ready()
        self._announce_platform_webhook()
        known = self._known()
        system = seed.System(known, self._run_dir, self._create_operator_key, silent)
        self._endpoints = Endpoints.of(known | seed.seed(system))

    def close(self) -> None:
        for part in self._parts.values():
            part.remove()
        self._network.remove()

    @property
    def endpoints(self) -> Endpoints:
        return self._endpoints

    @property
    def run_dir(self) -> Path:
        """Holds the secrets that this system was given, and what seeding made of them."""
        return self._run_dir

    # --- its parts ---

    def parts(self) -> Sequence[str]:
        return list(self._parts)

    def start(self, part: str, env: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        found = self._parts[part]
        if found.running:
            return
        if part in ("postgres", "rabbitmq"):
            found.docker.start()
            self._wait_for_server(part)
            return
        found.create(self._network, env)
        if wait:
            found.wait_ready()

    def stop(self, part: str) -> None:
        self._parts[part].docker.stop(timeout=30)

    def kill(self, part: str) -> None:
        self._parts[part].docker.kill()

    def wait_exit(self, part: str, seconds: float = 120) -> int | None:
        return self._parts[part].wait_exit(seconds)

    def log(self, part: str) -> str:
        return self._parts[part].log()

    def run(self, service: str, *arguments: str, env: Mapping[str, str | None]) -> Finished:
        unit = next(unit for unit in layout.units(PLAN) if unit.package == service)
        settings: dict[str, str | None] = {**self._inside.env(unit), **env}
        kept = {name: value for name, value in settings.items() if value is not None}
        return self._once(service, list(arguments), kept)

    # --- how ---

    def _start_servers(self) -> None:
        chosen = ports.choose(["postgres", "amqp", "management"])
        self._parts["postgres"] = Part(
            "postgres",
            "postgres:17",
            ["-c", "max_connections=300", "-c", "jit=off", "-c", "fsync=off"],
            {"POSTGRES_PASSWORD": self._keys.postgres},
            {POSTGRES: chosen["postgres"]},
        )
        self._parts["rabbitmq"] = Part(
            "rabbitmq",
            "rabbitmq:4-management",
            [],
            {
                "RABBITMQ_DEFAULT_USER": "holdfast",
                "RABBITMQ_DEFAULT_PASS": self._keys.rabbitmq,
            },
            {AMQP: chosen["amqp"], MANAGEMENT: chosen["management"]},
        )
        for name in ("postgres", "rabbitmq"):
            self._parts[name].create(self._network)
        for name in ("postgres", "rabbitmq"):
            self._wait_for_server(name)
        database.provide(self._superuser, self._keys)
        self._inside = Inside(
            run_dir=self._run_dir,
            environment="test",
            keys=self._keys,
            ports={name: HTTP for unit in layout.units(PLAN) for name in unit.port_names},
            amqp=f"amqp://holdfast:{self._keys.rabbitmq}@rabbitmq:{AMQP}/",
            databases=database.addresses(f"postgresql://postgres@postgres:{POSTGRES}", self._keys),
        )

    @property
    def _superuser(self) -> str:
        port = self._parts["postgres"].published[POSTGRES]
        return f"postgresql://postgres:{self._keys.postgres}@127.0.0.1:{port}/postgres"

    @property
    def _management(self) -> str:
        port = self._parts["rabbitmq"].published[MANAGEMENT]
        return f"http://holdfast:{self._keys.rabbitmq}@127.0.0.1:{port}"

    def _wait_for_server(self, name: str, seconds: float = 120) -> None:
        # Over TCP: while the image initialises its volume, PostgreSQL answers on a socket only.
        part = self._parts[name]
        question = {
            "postgres": ["pg_isready", "-h", "127.0.0.1", "-U", "postgres"],
            "rabbitmq": ["sh", "-c", _RABBITMQ_ANSWERS],
        }[name]
        deadline = time.monotonic() + seconds
        while part.docker.exec_run(question).exit_code != 0:
            assert part.running, f"{name} ended:\n{part.log(40)}"
            assert time.monotonic() < deadline, f"{name} is not ready:\n{part.log(40)}"
            time.sleep(0.2)

    def _migrate(self, service: str) -> None:
        unit = layout.Unit(f"{service}-migrate", f"{service}-migrate", service, "migrate", ())
        done = self._once(service, ["migrate"], self._inside.env(unit))
        assert done.code == 0, done.output

    def _apply_topology(self) -> None:
        address = f"http://holdfast:{self._keys.rabbitmq}@rabbitmq:{MANAGEMENT}"
        env = {"RABBITMQ_MANAGEMENT_URL": address, "ENVIRONMENT": "test"}
        command = ["topology", "apply"]
        entrypoint = ["python", "-m", "chassis.cli"]
        done = self._once("booking", command, env, entrypoint=entrypoint)
        assert done.code == 0, done.output

    def _once(
        self, service: str, command: list[str], env: Mapping[str, str], **more: Any
    ) -> Finished:
        """A container that runs one command to its end."""
        part = Part(f"{service}-once", f"holdfast/{service}", command, env)
        try:
            part.create(self._network, **more)
            return Finished(part.wait_exit(120), part.log(1000))
        finally:
            part.remove()

    def _process(self, unit: layout.Unit) -> Part:
        chosen = ports.choose([HTTP, PROBES])
        published = {int(inside): outside for inside, outside in chosen.items()}
        if unit.package == "sandbox":
            party = unit.name.removeprefix("sandbox-")
            command = [party, "--bind-any", "--port", str(HTTP)]
            if party == "mailbox":
                command += ["--smtp-port", str(SMTP)]
            else:
                command += ["--state", "/state"]
            if party in {"stripe", "paypal"}:
                here = f"http://127.0.0.1:{published[HTTP]}"  # where guests find its pages
                command += ["--public-url", here, *layout.patience("test")]
            if party == "paypal":
                command += ["--api-url", f"http://{unit.name}:{HTTP}"]
            health = (HTTP, layout._HEALTH[unit.kind])
            return Part(unit.name, "holdfast/sandbox", command, {}, published, health)
        env = self._inside.env(unit)
        if unit.package == layout.GATEWAY:
            env["TRUSTED_PROXIES"] = self._subnet  # whence the tests come
        role = "api" if unit.package == layout.GATEWAY else unit.role
        image = f"holdfast/{unit.package}"
        return Part(unit.name, image, [role], env, published, (PROBES, "/readyz"))

    @property
    def _subnet(self) -> str:
        network = self._parts["postgres"].docker.client.networks.get(self._network.id)
        return ",".join(pool["Subnet"] for pool in network.attrs["IPAM"]["Config"])

    def _announce_platform_webhook(self) -> None:
        address = f"{self._outside('sandbox-stripe')}/_sandbox/webhook_endpoints"
        for secret in (self._keys.stripe_webhook, self._keys.stripe_connect_webhook):
            body = {
                "key": self._keys.stripe_secret,
                "url": f"{self._inside.api('payments')}/webhooks/stripe/platform",
                "secret": secret,
                "connect": secret == self._keys.stripe_connect_webhook,
            }
            reply = web.call("PUT", address, body=body)
            assert reply.status < 300, reply.body

    def _outside(self, part: str) -> str:
        return f"http://127.0.0.1:{self._parts[part].published[HTTP]}"

    def _create_operator_key(self) -> str:
        command = ["python", "-m", "customers", "create-key", "--operator"]
        done = self._parts["customers-api"].docker.exec_run(command)
        assert done.exit_code == 0, done.output
        return str(done.output.decode().split()[-1])

    def _known(self) -> dict[str, Any]:
        """What `endpoints.json` would hold, from outside of the network."""
        amqp = self._parts["rabbitmq"].published[AMQP]
        return {
            "gateway": self._outside("gateway"),
            "sandbox": {
                "stripe": self._outside("sandbox-stripe"),
                "paypal": self._outside("sandbox-paypal"),
                "swish": self._outside("sandbox-swish"),
                "mailbox": self._outside("sandbox-mailbox"),
            },
            "webhooks": self._inside.api("payments"),
            "stripe": {"publishable_key": self._keys.stripe_publishable},
            "services": {"payments": {"http": self._outside("payments-api")}},
            "postgres": self._superuser,
            "databases": database.addresses(self._superuser, self._keys),
            "rabbitmq": {
                "amqp": f"amqp://holdfast:{self._keys.rabbitmq}@127.0.0.1:{amqp}/",
                "management": self._management,
            },
        }


def _build_images() -> None:
    """Every image of the compose file, from its Dockerfile; what has not changed is cached."""
    _compose("build", "--quiet")


def built_images() -> list[str]:
    """Names of what `_build_images` makes."""
    described = json.loads(_compose("config", "--format", "json"))["services"].values()
    return sorted({service["image"] for service in described if "build" in service})


def _compose(*command: str) -> str:
    compose = ["docker", "compose", "-f", str(ROOT / "docker-compose.yml"), *command]
    done = subprocess.run(compose, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
