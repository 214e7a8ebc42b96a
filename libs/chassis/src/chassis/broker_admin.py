"""The broker's management API, as far as operating this system needs it."""

from __future__ import annotations

import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import orjson

from contracts import topology


class Unreachable(Exception):
    """The management API does not answer, or refuses the user."""


class BrokerAdmin:
    """Applies and checks the topology.

    Args:
        url: ``http://user:password@host:port`` of the management API.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Unreachable(
                "the management address must look like http://user:password@host:15672"
            )
        self._base = f"{parts.scheme}://{parts.hostname}:{parts.port or 15672}/api"
        credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._authorization = f"Basic {b64encode(credentials.encode()).decode()}"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request; the decoded answer, or None for an empty one.

        Raises:
            Unreachable: no answer within 10 s, or an error status.
        """
        request = urllib.request.Request(  # noqa: S310 - http or https, checked above
            self._base + path,
            method=method,
            data=None if body is None else orjson.dumps(body),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                content = response.read()
        except urllib.error.HTTPError as error:
            raise Unreachable(
                f"the broker's management API answered {error.code} to {path}"
            ) from None
        except OSError as error:
            raise Unreachable(f"the broker's management API is away: {error}") from None
        return orjson.loads(content) if content else None

    def version(self) -> str:
        """The broker's version, such as 3.10.8."""
        return str(self.call("GET", "/overview")["rabbitmq_version"])

    def apply(self, vhost: str) -> None:
        """Create exchanges, queues, bindings and policies. Running it again changes nothing."""
        definitions = topology.definitions(vhost)
        for part in ("vhosts", "users", "permissions"):
            definitions.pop(part, None)
        for items in definitions.values():
            for item in items:
                item.pop("vhost", None)
        self.call("POST", f"/definitions/{quote(vhost, safe='')}", definitions)

    def check(self, vhost: str) -> list[str]:
        """What is missing or different on the broker, a line each."""
        name = quote(vhost, safe="")
        wanted = topology.definitions(vhost)
        problems: list[str] = []
        queues = {q["name"]: q for q in self.call("GET", f"/queues/{name}")}
        for queue in wanted["queues"]:
            found = queues.get(queue["name"])
            if found is None:
                problems.append(f"queue {queue['name']} is missing")
            elif found["arguments"].get("x-queue-type") != queue["arguments"]["x-queue-type"]:
                problems.append(f"queue {queue['name']} is not a quorum queue")
        exchanges = {e["name"]: e["type"] for e in self.call("GET", f"/exchanges/{name}")}
        problems += [
            f"exchange {e['name']} is missing or of another type"
            for e in wanted["exchanges"]
            if exchanges.get(e["name"]) != e["type"]
        ]
        bound = {
            (b["source"], b["destination"], b["routing_key"])
            for b in self.call("GET", f"/bindings/{name}")
        }
        problems += [
            f"{b['destination']} is not bound to {b['routing_key']}"
            for b in wanted["bindings"]
            if (b["source"], b["destination"], b["routing_key"]) not in bound
        ]
        policies = {p["name"]: p["definition"] for p in self.call("GET", f"/policies/{name}")}
        problems += [
            f"policy {p['name']} is missing or different"
            for p in wanted["policies"]
            if policies.get(p["name"]) != p["definition"]
        ]
        return problems
