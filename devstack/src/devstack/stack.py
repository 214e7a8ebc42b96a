"""The whole system as one object: start it, break parts of it, stop it.

    stack = Stack(directory, environment="test", plan={"booking-worker": 2})
    stack.start()
    stack.process("booking-worker").kill9()
    stack.stop()

Several stacks run side by side, each on free ports with servers of its own.
"""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devstack import database, layout, postgres, private, rabbitmq, web
from devstack.errors import PortTakenError, StackError, StartError, tail_of
from devstack.keys import Keys, load
from devstack.paths import SERVICES
from devstack.ports import choose, is_free
from devstack.processes import Daemon, end_strays, stop_all
from devstack.progress import Say, silent
from devstack.seed import System, seed
from devstack.servers import Servers, Tuning, find_servers, known_servers

Overrides = Mapping[str, Mapping[str, str]]


class Process:
    """One running part of the system, by its name in the plan."""

    def __init__(
        self, unit: layout.Unit, daemon: Daemon, ready_url: str, ports: Sequence[int]
    ) -> None:
        self.unit = unit
        self.daemon = daemon
        self.ready_url = ready_url
        self.ports = ports

    @property
    def name(self) -> str:
        return self.unit.name

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self.daemon.pid

    @property
    def ready(self) -> bool:
        """Whether it says so itself: database, broker and relay are well."""
        return self.pid is not None and web.ok(self.ready_url)

    @property
    def log(self) -> str:
        """The end of its log."""
        return "\n".join(tail_of(self.daemon.log, 200))

    def start(self, env: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """Start it unless it runs; `env` is added to its environment this time only.

        Raises:
            PortTakenError: another program has a port of its.
            StartError: it ended or did not become ready.
        """
        if self.pid is None:
            self._check_ports()
        self.daemon.start(env)
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds: float = 180) -> None:
        """Return once it is ready.

        Raises:
            PortTakenError: it ended, and another program has a port of its.
            StartError: it ended, or is not ready after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not self.ready:
            if self.daemon.identity is None:
                self._check_ports()
                raise StartError(self.name, "ended during its start", self.daemon.log)
            if time.monotonic() > deadline:
                raise StartError(self.name, f"is not ready after {seconds:.0f} s", self.daemon.log)
            time.sleep(0.1)

    def _check_ports(self) -> None:
        taken = [port for port in self.ports if not is_free(port)]
        if taken:
            why = f"can't listen, another program has port {taken[0]}"
            raise PortTakenError(self.name, why, self.daemon.log)

    def stop(self, seconds: float = 30) -> None:
        """SIGTERM, and wait until it has drained and ended."""
        self.daemon.stop(seconds)

    def kill9(self) -> None:
        """SIGKILL, as a crash would."""
        self.daemon.kill9()

    def wait_exit(self, seconds: float = 60) -> int | None:
        """Wait until it ends by itself; its return code (-9 = SIGKILL) where we started it.

        Raises:
            TimeoutError: it still runs.
        """
        return self.daemon.wait_exit(seconds)

    def restart(self, env: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """End it if it runs, then start it with `env` added this time only."""
        self.stop()
        self.start(env, wait=wait)


class Stack:
    """PostgreSQL, RabbitMQ, the sandbox and every service, under one directory.

    Args:
        run_dir: holds everything: data, logs, pids, secrets, `endpoints.json`.
        environment: ENVIRONMENT of each process; `test` trusts X-Forwarded-For from loopback and
            turns fsync off.
        plan: copies of each kind of process, see `layout.units`.
        env_overrides: variables per process name, per package, or for all under `*`; the more
            exact wins.
        say: told what happens, for a person who waits.

    Raises:
        StackError: the plan names a kind of process that does not exist.
    """

    def __init__(
        self,
        run_dir: Path | str,
        environment: str = "test",
        env_overrides: Overrides | None = None,
        plan: Mapping[str, int] | None = None,
        say: Say = silent,
    ) -> None:
        self.run_dir = Path(run_dir).resolve()
        self.environment = environment
        self.overrides = env_overrides or {}
        self.plan = dict(plan or {})
        self.units = layout.units(self.plan)
        self.say = say
        self.endpoints: dict[str, Any] = {}
        self._processes: dict[str, Process] = {}
        self._servers: Servers | None = None

    @classmethod
    def existing(cls, run_dir: Path, say: Say = silent) -> "Stack | None":
        """The stack that was started in `run_dir`, by whichever command; None when none was."""
        try:
            facts = json.loads((run_dir / "stack.json").read_text())
        except FileNotFoundError:
            return None
        stack = cls(run_dir, facts["environment"], plan=facts["plan"], say=say)
        stack._servers = known_servers(stack.run_dir, load(stack.run_dir), stack._tuning)
        if stack._servers:
            stack._wire(facts["ports"])
        with contextlib.suppress(FileNotFoundError):
            stack.endpoints = json.loads(stack.endpoints_file.read_text())
        return stack

    # --- the whole ---

    def start(self) -> None:
        """Bring up what does not run yet, and return when every part says it is ready.

        Raises:
            StackError: the machine can't give what is needed, or a part failed.
        """
        self.run_dir.mkdir(parents=True, exist_ok=True)
        keys = load(self.run_dir)
        self._servers = find_servers(self.run_dir, keys, self._tuning, self.say)
        self._wire(self._choose_ports())
        if all(process.ready for process in self._processes.values()):
            self.say("everything runs already")
        else:
            self._prepare(keys)
            self._start_processes_somewhere()
        self._write_endpoints(keys)

    def seed(self) -> None:
        """Create the demo organisations where they are missing; ids and keys go to `endpoints`."""
        self.say("seeding the demo organisations")
        system = System(self.endpoints, self.run_dir, self._create_operator_key, self.say)
        self.endpoints |= seed(system)
        self._save_endpoints()

    def _create_operator_key(self) -> str:
        argv, env = self.wiring.command("customers", "create-key", "--operator")
        done = subprocess.run(argv, env=env, cwd="/", capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"customers create-key failed:\n{done.stdout}{done.stderr}")
        return done.stdout.split()[-1]

    def stop(self, *, keep: bool = False) -> None:
        """End every process of ours, and delete the data unless `keep`; logs stay."""
        stop_all([process.daemon for process in self._processes.values()])
        if self._servers:
            try:
                if keep:
                    self._servers.stop()
                else:
                    self._servers.discard()
            except StackError as error:  # an engine that is gone can't be asked to stop anything
                self.say(f"PostgreSQL and RabbitMQ could not be stopped: {error}")
        end_strays(self.run_dir)
        self.endpoints_file.unlink(missing_ok=True)
        if not keep:
            forget(self.run_dir)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # --- its parts ---

    @property
    def servers(self) -> Servers:
        """PostgreSQL and RabbitMQ.

        Raises:
            StackError: the stack was never started.
        """
        if not self._servers:
            raise StackError("this stack was never started")
        return self._servers

    @property
    def processes(self) -> Mapping[str, Process]:
        """Every process of the plan by name, running or not."""
        return self._processes

    def process(self, name: str) -> Process:
        """One process by its name.

        Raises:
            StackError: the plan has none of that name.
        """
        try:
            return self._processes[name]
        except KeyError:
            known = ", ".join(self._processes) or "none, the stack was never started"
            raise StackError(f"no process {name}; there are: {known}") from None

    def stop_broker(self) -> None:
        """Stop RabbitMQ cleanly; its data stays."""
        self.servers.stop_broker()

    def start_broker(self) -> None:
        """Start RabbitMQ again at the same address."""
        self.servers.start_broker()

    def kill_broker(self) -> None:
        """End RabbitMQ as a crash would."""
        self.servers.kill_broker()

    def stop_postgres(self) -> None:
        """Stop PostgreSQL cleanly (sessions are cut); its data stays."""
        self.servers.stop_postgres()

    def start_postgres(self) -> None:
        """Start PostgreSQL again at the same address."""
        self.servers.start_postgres()

    def kill_postgres(self) -> None:
        """End PostgreSQL as a crash would."""
        self.servers.kill_postgres()

    @property
    def endpoints_file(self) -> Path:
        return self.run_dir / "endpoints.json"

    # --- how ---

    @property
    def _tuning(self) -> Tuning:
        return Tuning(max_connections=200, durable=self.environment != "test")

    def _choose_ports(self) -> dict[str, int]:
        """The earlier ports where they can be had; all our processes move when one can't."""
        names = layout.port_names(self.units)
        file = self.run_dir / "stack.json"
        earlier: Mapping[str, int] = {}
        if file.exists():
            earlier = json.loads(file.read_text())["ports"]
        parts = [Daemon(pid_file.stem, self.run_dir, [], {}) for pid_file in self._pid_files()]
        ours = {daemon.name for daemon in parts if daemon.pid}
        taken = [
            name
            for name in names
            if name in earlier and name.partition(".")[0] not in ours and not is_free(earlier[name])
        ]
        if taken and ours:
            self.say(f"a port of {', '.join(taken)} is taken by someone else; starting all anew")
            stop_all(parts)
            ours = set()
        kept = {name: earlier[name] for name in names if name in earlier and name not in taken}
        missing = [name for name in names if name not in kept]
        preferred = layout.preferred_ports() if self.environment == "development" else {}
        chosen = kept | choose(missing, preferred)
        for name, port in preferred.items():
            if name in missing and chosen[name] != port:
                self.say(f"port {port} is taken: {name} gets {chosen[name]}")
        facts = {"environment": self.environment, "plan": self.plan, "ports": chosen}
        file.write_text(json.dumps(facts, indent=1))
        return chosen

    def _pid_files(self) -> list[Path]:
        """Those of our own processes; the servers have theirs beside them."""
        servers = {"postgres", "rabbitmq", "epmd"}
        files = (self.run_dir / "pids").glob("*.json")
        return [file for file in files if file.stem not in servers]

    def _wire(self, chosen: Mapping[str, int]) -> None:
        keys = load(self.run_dir)
        self.wiring = layout.Wiring(
            run_dir=self.run_dir,
            environment=self.environment,
            keys=keys,
            ports=chosen,
            amqp=self.servers.amqp,
            databases=database.addresses(self.servers.postgres_url, keys),
        )
        self._processes = {unit.name: self._process(unit) for unit in self.units}

    def _process(self, unit: layout.Unit) -> Process:
        env = self.wiring.env(unit)
        for scope in ("*", unit.package, unit.kind, unit.name):
            env |= self.overrides.get(scope, {})
        daemon = Daemon(unit.name, self.run_dir, self.wiring.argv(unit), env)
        ports = [self.wiring.ports[name] for name in unit.port_names]
        return Process(unit, daemon, self.wiring.ready_url(unit), ports)

    def _prepare(self, keys: Keys) -> None:
        """Servers up, databases migrated. The broker is slow to start, so both go on at once."""
        self.say(f"starting PostgreSQL and RabbitMQ ({self.servers.kind})")
        with ThreadPoolExecutor(1) as pool:
            broker = pool.submit(self.servers.start_broker)
            self.servers.start_postgres()
            self.say("PostgreSQL is ready; migrating the databases")
            database.provide(self.servers.postgres_url, keys)
            database.migrate(
                {service: self.wiring.migration(service) for service in SERVICES},
                self.run_dir / "logs",
            )
            self.say("the databases are migrated")
            broker.result()
        self.say("RabbitMQ is ready")

    def _start_processes_somewhere(self) -> None:
        """A port that was free when it was chosen may be gone by the time it is wanted."""
        for _ in range(3):
            try:
                return self._start_processes()
            except PortTakenError as error:
                self.say(f"{error.name}: {error.why}")
                # Here, where they are our children: left to others they would stay as zombies.
                stop_all([process.daemon for process in self._processes.values()])
                self._wire(self._choose_ports())
        return self._start_processes()

    def _start_processes(self) -> None:
        for pid_file in self._pid_files():
            if pid_file.stem not in self._processes:
                Daemon(pid_file.stem, self.run_dir, [], {}).stop()  # an earlier plan had it
        for process in self._processes.values():
            process.start(wait=False)
        self.say(f"{len(self._processes)} processes started; waiting until each is ready")
        for process in self._processes.values():
            process.wait_ready()
            self.say(f"{process.name} is ready")
        self._announce_platform_webhook()

    def _announce_platform_webhook(self) -> None:
        """Tell the sandbox where the platform's own account wants its events; repeating is safe.

        Events of connected accounts go to an endpoint of their own, with a secret of its own.
        """
        keys, wiring = self.wiring.keys, self.wiring
        if "sandbox-stripe" not in self._processes:
            return
        for secret in (keys.stripe_webhook, keys.stripe_connect_webhook):
            reply = web.call(
                "PUT",
                f"{wiring.http('sandbox-stripe')}/_sandbox/webhook_endpoints",
                body={
                    "key": keys.stripe_secret,
                    "url": f"{wiring.api('payments')}/webhooks/stripe/platform",
                    "secret": secret,
                    "connect": secret == keys.stripe_connect_webhook,
                },
            )
            if reply.status >= 300:
                raise StackError(f"the sandbox refused the platform's webhook: {reply.body}")

    def _write_endpoints(self, keys: Keys) -> None:
        wiring = self.wiring
        earlier = (
            json.loads(self.endpoints_file.read_text()) if self.endpoints_file.exists() else {}
        )
        services = {
            service: {
                "http": wiring.api(service),
                "internal": wiring.internal(service),
            }
            for service in (*SERVICES, layout.GATEWAY)
        }
        self.endpoints = {
            "gateway": wiring.http(layout.GATEWAY),
            "sandbox": {
                "stripe": wiring.http("sandbox-stripe"),
                "paypal": wiring.http("sandbox-paypal"),
                "swish": wiring.http("sandbox-swish"),
                "mailbox": wiring.http("sandbox-mailbox"),
                "smtp": wiring.smtp,
            },
            "postgres": self.servers.postgres_url,
            "databases": wiring.databases,
            "rabbitmq": {
                "amqp": self.servers.amqp,
                "management": self.servers.management,
                "user": rabbitmq.USER,
                "password": keys.rabbitmq,
            },
            "services": services,
            "webhooks": wiring.api("payments"),
            "stripe": {"publishable_key": keys.stripe_publishable},
            "keys": earlier.get("keys", {}),
            "demo": earlier.get("demo", {"organisations": {}}),
        }
        self._save_endpoints()

    def _save_endpoints(self) -> None:
        private.write_json(self.endpoints_file, self.endpoints)


def forget(run_dir: Path) -> None:
    """Delete what a stopped stack leaves in its directory; the logs stay."""
    for entry in run_dir.iterdir() if run_dir.exists() else ():
        if entry.name == "logs":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    shutil.rmtree(postgres.spare_home(run_dir), ignore_errors=True)
