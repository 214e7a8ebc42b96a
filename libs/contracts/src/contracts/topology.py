"""What the broker holds: exchanges, queues, bindings and policies, derived from the registry.

Everything here is valid on RabbitMQ 3.10 to 4.x. Queue arguments can never change after a queue
was declared, so there is one (`x-queue-type`); limits and dead-lettering are policies, which can.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contracts.registry import CONTRACTS, GATEWAY, consumed_by

if TYPE_CHECKING:
    from collections.abc import Iterable

EXCHANGE = "holdfast.events"
"""Topic exchange; the routing key is the message type."""

DEAD_EXCHANGE = "holdfast.dead"
"""Direct exchange; the routing key is the name of the queue the letter died in. Not a fanout, which
would copy every service's dead letters to every other service."""

DELIVERY_LIMIT = 20
MAX_LENGTH = 1_000_000

DEAD_DELIVERY_LIMIT = 1_000_000_000
"""A dead queue has nowhere further to send a letter, so reaching its limit would destroy it. This
is "never" in a form that every version takes: 4.0 made 20 the default, and 3.10 reads -1 as 0."""


def queue(service: str) -> str:
    """Name of a service's queue."""
    return f"holdfast.{service}"


def dead_queue(service: str) -> str:
    """Name of the queue that collects what a service's queue gave up on."""
    return f"holdfast.{service}.dead"


@dataclass(frozen=True, slots=True)
class Queue:
    """A service's durable queue.

    `single_active_consumer` is off: it would leave all but one worker of a service idle. Order
    doesn't need it, for handlers tolerate reordering by `sequence` and inbox. It is an argument,
    so turning it on for an existing queue means deleting and declaring that queue again.
    """

    service: str
    types: tuple[str, ...]
    single_active_consumer: bool = False

    @property
    def name(self) -> str:
        """Name on the broker."""
        return queue(self.service)

    @property
    def dead_name(self) -> str:
        """Name of its dead queue on the broker."""
        return dead_queue(self.service)

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments to declare it with."""
        arguments: dict[str, Any] = {"x-queue-type": "quorum"}
        if self.single_active_consumer:
            arguments["x-single-active-consumer"] = True
        return arguments


def queues() -> tuple[Queue, ...]:
    """The durable queues: one for each service that listens, the gateway excepted.

    The gateway's processes each declare an exclusive, auto-deleted queue at run time.
    """
    services = {name for entry in CONTRACTS for name in entry.consumers if name != GATEWAY}
    return tuple(Queue(service, consumed_by(service)) for service in sorted(services))


def definitions(
    vhost: str = "/",
    user: str | None = None,
    password: str | None = None,
    *,
    tags: Iterable[str] = (),
) -> dict[str, Any]:
    """The topology in RabbitMQ's own definitions format.

    Fit for `load_definitions`, `POST /api/definitions` and `POST /api/definitions/{vhost}` (which
    ignores vhost and user). With a user, the result also creates it with all rights in the vhost;
    its password appears only as a salted hash, so two calls differ in that one value.

    Raises:
        ValueError: a user without a password or the reverse.
    """
    if (user is None) != (password is None):
        raise ValueError("user and password come together or not at all")
    every = queues()
    result: dict[str, Any] = {
        "vhosts": [{"name": vhost}],
        "exchanges": [
            _exchange(vhost, EXCHANGE, "topic"),
            _exchange(vhost, DEAD_EXCHANGE, "direct"),
        ],
        "queues": [entry for each in every for entry in _queues(vhost, each)],
        "bindings": [entry for each in every for entry in _bindings(vhost, each)],
        "policies": [entry for each in every for entry in _policies(vhost, each)],
    }
    if user is not None and password is not None:
        result["users"] = [
            {
                "name": user,
                "password_hash": _password_hash(password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ",".join(tags),
            }
        ]
        result["permissions"] = [
            {"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}
        ]
    return result


def _exchange(vhost: str, name: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "vhost": vhost,
        "type": kind,
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {},
    }


def _queues(vhost: str, entry: Queue) -> list[dict[str, Any]]:
    common = {"vhost": vhost, "durable": True, "auto_delete": False}
    return [
        {"name": entry.name, "arguments": entry.arguments, **common},
        {"name": entry.dead_name, "arguments": {"x-queue-type": "quorum"}, **common},
    ]


def _bindings(vhost: str, entry: Queue) -> list[dict[str, Any]]:
    common = {"vhost": vhost, "destination_type": "queue", "arguments": {}}
    return [
        *(
            {"source": EXCHANGE, "destination": entry.name, "routing_key": kind, **common}
            for kind in entry.types
        ),
        {
            "source": DEAD_EXCHANGE,
            "destination": entry.dead_name,
            "routing_key": entry.name,
            **common,
        },
    ]


def _policies(vhost: str, entry: Queue) -> list[dict[str, Any]]:
    # One policy per queue, not one for all: only one policy ever applies to a queue, and the
    # dead-letter routing key differs.
    return [
        _policy(
            vhost,
            entry.name,
            {
                "delivery-limit": DELIVERY_LIMIT,
                "dead-letter-exchange": DEAD_EXCHANGE,
                "dead-letter-routing-key": entry.name,
                # at-least-once needs overflow=reject-publish; with drop-head RabbitMQ would
                # silently fall back to at-most-once.
                "dead-letter-strategy": "at-least-once",
                "overflow": "reject-publish",
                "max-length": MAX_LENGTH,
            },
        ),
        _policy(
            vhost,
            entry.dead_name,
            {
                "delivery-limit": DEAD_DELIVERY_LIMIT,
                "overflow": "reject-publish",
                "max-length": MAX_LENGTH,
            },
        ),
    ]


def _policy(vhost: str, name: str, definition: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "vhost": vhost,
        "pattern": f"^{name.replace('.', '[.]')}$",
        "apply-to": "queues",
        "priority": 0,
        "definition": definition,
    }


def _password_hash(password: str) -> str:
    # RabbitMQ's own scheme: base64(salt ++ sha256(salt ++ password)), four bytes of salt.
    salt = secrets.token_bytes(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()
