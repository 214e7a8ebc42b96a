"""Which processes make up the system, how many of each, and what each finds in its environment."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import StackError
from devstack.keys import Keys
from devstack.paths import SERVICES

SANDBOXES = ("sandbox-stripe", "sandbox-paypal", "sandbox-swish", "sandbox-mailbox")
GATEWAY = "gateway"
ROLES = ("all", "api", "worker")
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "PYTHONPATH")
_HEALTH = {
    "sandbox-stripe": "/_sandbox/health",
    "sandbox-paypal": "/_sandbox/health",
    "sandbox-swish": "/_sandbox/health",
    "sandbox-mailbox": "/_health",
}
_PREFERRED = {
    GATEWAY: 8080,
    "sandbox-stripe": 8081,
    "sandbox-mailbox": 8082,
    "sandbox-paypal": 8083,
    "sandbox-swish": 8084,
}


@dataclass(frozen=True)
class Unit:
    """One process: `booking`, `booking-api`, `booking-worker-2`, `gateway`, `sandbox-stripe`."""

    name: str
    kind: str
    package: str
    role: str
    port_names: tuple[str, ...]


def units(plan: Mapping[str, int] | None = None) -> list[Unit]:
    """The processes of a plan: how many copies of each kind.

    Kinds are `<service>` (all roles in one process), `<service>-api`, `<service>-worker`,
    `gateway`, `sandbox-stripe`, `sandbox-paypal`, `sandbox-swish`, `sandbox-mailbox`. A service
    the plan doesn't mention runs as one `<service>`; one with only its api or only its worker
    mentioned gets one of the other.

    Raises:
        StackError: the plan names a kind that does not exist, or a negative count.
    """
    wanted = dict(plan or {})
    counts: dict[str, int] = {}
    for sandbox in SANDBOXES:
        counts[sandbox] = wanted.pop(sandbox, 1)
    for service in SERVICES:
        kinds = {service: 0, f"{service}-api": 0, f"{service}-worker": 0}
        named = {kind: wanted.pop(kind) for kind in tuple(kinds) if kind in wanted}
        if not named:
            kinds[service] = 1
        elif service not in named:
            kinds[f"{service}-api"] = kinds[f"{service}-worker"] = 1
        counts |= kinds | named
    counts[GATEWAY] = wanted.pop(GATEWAY, 1)
    if wanted or min(counts.values()) < 0:
        known = ", ".join(counts)
        raise StackError(
            f"the plan names {', '.join(wanted) or 'a negative count'}; kinds: {known}"
        )
    return [unit for kind, count in counts.items() for unit in _copies(kind, count)]


def _copies(kind: str, count: int) -> Iterator[Unit]:
    package, _, role = kind.partition("-")
    role = role or "all"
    for number in range(1, count + 1):
        name = kind if number == 1 else f"{kind}-{number}"
        if kind == "sandbox-mailbox":
            names: tuple[str, ...] = (name, f"{name}.smtp")
        elif kind in SANDBOXES:
            names = (name,)
        elif role == "worker":
            names = (f"{name}.internal",)
        else:
            names = (name, f"{name}.internal")
        yield Unit(name, kind, package, role, names)


def port_names(started: Sequence[Unit]) -> list[str]:
    """Every port that is listened on, or stands in someone's settings though nobody is there."""
    present = {_party(unit) for unit in started}
    absent = [unit for unit in units() if _party(unit) not in present]
    return [name for unit in (*started, *absent) for name in unit.port_names]


def _party(unit: Unit) -> str:
    return unit.kind if unit.package == "sandbox" else unit.package


def preferred_ports() -> Mapping[str, int]:
    """Ports a person can remember, taken where they are free."""
    return _PREFERRED


def patience(environment: str) -> list[str]:
    """What tells the sandbox how long an event's receiver may take.

    Tests count deliveries, and on a busy machine one that is given up too soon is counted twice.
    """
    return ["--delivery-timeout", "120"] if environment == "test" else []


@dataclass(frozen=True)
class Wiring:
    """Everything a process may need to know about the others."""

    run_dir: Path
    environment: str
    keys: Keys
    ports: Mapping[str, int]
    amqp: str
    databases: Mapping[str, Mapping[str, str]]

    def http(self, name: str) -> str:
        """Base address of what listens on a named port."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def api(self, service: str) -> str:
        """Where a service's HTTP is, whichever role serves it."""
        return self.http(service if service in self.ports else f"{service}-api")

    def internal(self, package: str) -> str:
        """Where probes and metrics of a service's first process are."""
        names = (f"{package}.internal", f"{package}-api.internal", f"{package}-worker.internal")
        return self.http(next(name for name in names if name in self.ports))

    @property
    def smtp(self) -> str:
        """Where the mailbox takes mail."""
        return f"smtp://127.0.0.1:{self.ports['sandbox-mailbox.smtp']}"

    def address(self, unit: Unit) -> str:
        """Where a process answers: its HTTP, or its probes and metrics when it serves none."""
        return self.http(unit.port_names[0])

    def ready_url(self, unit: Unit) -> str:
        """Answered with 2xx once the process is ready."""
        if unit.package == "sandbox":
            return self.http(unit.name) + _HEALTH[unit.kind]
        return f"{self.http(f'{unit.name}.internal')}/readyz"

    def migration(self, service: str) -> tuple[list[str], dict[str, str]]:
        """Command line and environment that migrate a service's database."""
        unit = Unit(f"{service}-migrate", f"{service}-migrate", service, "migrate", ())
        return self.argv(unit), self.env(unit)

    def command(self, service: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """Any other command of a service, in its environment."""
        env = self.migration(service)[1]
        return [sys.executable, "-m", service, *arguments], env

    def argv(self, unit: Unit) -> list[str]:
        """Its command line."""
        command = [sys.executable, "-m", unit.package]
        if unit.kind in {"sandbox-stripe", "sandbox-paypal", "sandbox-swish"}:
            party, port = unit.kind.removeprefix("sandbox-"), str(self.ports[unit.name])
            command += [party, "--port", port, "--state", str(self._state(unit.name))]
            return command if party == "swish" else [*command, *patience(self.environment)]
        if unit.kind == "sandbox-mailbox":
            smtp = self.ports[f"{unit.name}.smtp"]
            return [
                *command,
                *("mailbox", "--port", str(self.ports[unit.name]), "--smtp-port", str(smtp)),
            ]
        return [*command, "api" if unit.package == GATEWAY else unit.role]

    def _state(self, sandbox: str) -> Path:
        return self.run_dir / "state" / sandbox

    def env(self, unit: Unit) -> dict[str, str]:
        """Its environment: a few variables of ours, never the caller's secrets."""
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env |= {"PYTHONUNBUFFERED": "1", "TZ": "UTC", "ENVIRONMENT": self.environment}
        if unit.package == "sandbox":
            return env
        env |= {"AMQP_URL": self.amqp, "HTTP_HOST": "127.0.0.1"}
        if unit.name in self.ports:
            env["HTTP_PORT"] = str(self.ports[unit.name])
        if f"{unit.name}.internal" in self.ports:
            env["INTERNAL_PORT"] = str(self.ports[f"{unit.name}.internal"])
        if unit.package == GATEWAY:
            return env | self._gateway()
        return env | self.service_env(unit.package)

    def service_env(self, service: str) -> dict[str, str]:
        """What all roles of a service share, `migrate` included."""
        keys = self.keys
        env = {
            "DATABASE_URL": self.databases[service]["url"],
            "MIGRATION_DATABASE_URL": self.databases[service]["owner_url"],
            "INTERNAL_TOKEN_PUBLIC_KEYS": json.dumps({"k1": keys.internal_public}),
            "COLUMN_KEYS": json.dumps({"k1": keys.columns[service]}),
            "CONTACT_KEYS": json.dumps({"k1": keys.contact}),
        }
        if service in ("booking", "customers"):
            env["HASH_KEY"] = keys.hash
        if service in ("booking", "notifications"):
            env["MANAGE_TOKEN_KEYS"] = json.dumps({"k1": keys.manage_token})
        if service == "payments":
            env |= {
                "STRIPE_SECRET_KEY": keys.stripe_secret,
                "STRIPE_WEBHOOK_SECRET": keys.stripe_webhook,
                "STRIPE_CONNECT_WEBHOOK_SECRET": keys.stripe_connect_webhook,
                "STRIPE_PUBLISHABLE_KEY": keys.stripe_publishable,
                "STRIPE_API_BASE": self.http("sandbox-stripe"),
                "PAYPAL_API_BASE": self.http("sandbox-paypal"),
                "PAYPAL_CERT_HOSTS": self.http("sandbox-paypal").removeprefix("http://"),
                "PAYPAL_CERT_CA": str(self._state("sandbox-paypal") / "ca.pem"),
                "WEBHOOK_BASE_URL": self.api("payments"),
                "PUBLIC_URL": self.http(GATEWAY),
            }
        if service == "notifications":
            env |= {
                "SMTP_URL": self.smtp,
                "MAIL_FROM": "bookings@holdfast.example",
                "PUBLIC_URL": self.http(GATEWAY),
            }
        return env

    def _gateway(self) -> dict[str, str]:
        env = {f"{service.upper()}_URL": self.api(service) for service in SERVICES}
        env["INTERNAL_TOKEN_PRIVATE_KEYS"] = json.dumps({"k1": self.keys.internal_seed})
        env["MANAGE_TOKEN_KEYS"] = json.dumps({"k1": self.keys.manage_token})
        if self.environment == "test":
            env["TRUSTED_PROXIES"] = "127.0.0.1/32"  # so that one test can be fifty guests
        return env
