"""A gateway on a real port, in front of small HTTP servers that stand in for the services."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import orjson
import pytest
import pytest_asyncio

from chassis.auth import Principal, TokenVerifier, decode_key, new_key_pair
from chassis.http import create_app
from chassis.manage_token import ManageTokens
from chassis.problems import Problem
from chassis.serving import listen, serve
from chassis.settings import load
from gateway.app import build
from gateway.messages import Listener
from gateway.settings import Settings
from gateway.waiting import ReadyPayments

SEED, PUBLIC = new_key_pair()
MANAGE_KEYS = {"k1": "a manage token key of the tests, long enough"}
SERVICES = ("booking", "payments", "customers", "notifications")
NOWHERE = "amqp://guest:guest@127.0.0.1:1/"


@dataclass
class Seen:
    """A request as it reached a service."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    principal: Principal | None


# (status, body) or (status, body, headers)
Reply = tuple[Any, ...]
Answering = Callable[[Seen], Reply]
Delay = float | Callable[[], Awaitable[object]]


class StandIn:
    """One service: says what it was told to say, and remembers what it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.url = ""
        self.seen: list[Seen] = []
        self._replies: dict[tuple[str, str], tuple[Answering, Delay]] = {}
        self._verifier = TokenVerifier({"k1": decode_key(PUBLIC)}, name)
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._port = 0

    def answers(
        self,
        method: str,
        path: str,
        body: Any = None,
        status: int = 200,
        headers: dict[str, str] | None = None,
        *,
        after: Delay = 0.0,
    ) -> None:
        """From now on; `body` may be a function of the request that returns status and body.

        `after`: seconds, or what is awaited before the answer.
        """
        answering = body if callable(body) else lambda _: (status, body, headers or {})
        self._replies[method, path] = (answering, after)

    def asked(self, method: str, path: str) -> list[Seen]:
        return [seen for seen in self.seen if (seen.method, seen.path) == (method, path)]

    async def start(self) -> None:
        at = listen("127.0.0.1", self._port)
        self._port = at.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._stop = asyncio.Event()
        self._serving = asyncio.create_task(serve(self, at, self._stop, drain_seconds=1))

    async def stop(self) -> None:
        if self._serving is not None:
            self._stop.set()
            await self._serving
            self._serving = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        token = headers.get("x-internal-token")
        seen = Seen(
            scope["method"],
            scope["path"],
            scope["query_string"].decode(),
            headers,
            body,
            self._verifier.verify(token) if token else None,
        )
        self.seen.append(seen)
        answering, after = self._replies.get(
            (seen.method, seen.path), (lambda _: (404, {"code": "NOT_FOUND"}), 0.0)
        )
        if callable(after):
            await after()
        elif after:
            await asyncio.sleep(after)
        status, answer, *rest = answering(seen)
        if isinstance(answer, AsyncIterator):
            await self._stream(send, answer)
            return
        content = answer if isinstance(answer, bytes) else orjson.dumps(answer)
        told = {"content-type": "application/json", **(rest[0] if rest else {})}
        headers_out = [(name.encode(), value.encode()) for name, value in told.items()]
        if status != 304:
            headers_out.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers_out})
        await send({"type": "http.response.body", "body": content})

    @staticmethod
    async def _stream(send: Any, chunks: AsyncIterator[bytes]) -> None:
        headers = [(b"content-type", b"text/csv")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class Services:
    def __init__(self) -> None:
        self.booking = StandIn("booking")
        self.payments = StandIn("payments")
        self.customers = StandIn("customers")
        self.notifications = StandIn("notifications")

    def __iter__(self):
        return iter((self.booking, self.payments, self.customers, self.notifications))


@pytest_asyncio.fixture(loop_scope="session")
async def services() -> AsyncIterator[Services]:
    made = Services()
    await asyncio.gather(*(one.start() for one in made))
    yield made
    await asyncio.gather(*(one.stop() for one in made))


@dataclass
class Client:
    """Talks to one gateway."""

    url: str
    session: aiohttp.ClientSession
    ready: ReadyPayments
    """What the gateway hears from the bus."""

    async def get(self, path: str, **headers: str) -> "Got":
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> "Got":
        return await self.ask("POST", path, body, headers=headers)

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> "Got":
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        async with self.session.request(
            method,
            self.url + path,
            data=data,
            headers={"Content-Type": "application/json", **named},
        ) as response:
            return Got(response.status, response.headers, await response.read())

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def raw(self, *lines: str, body: bytes = b"") -> bytes:
        """What a socket gets for these lines; `Host` and `Connection: close` are added."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = "\r\n".join([*lines, "Host: x", "Connection: close", "", ""])
        writer.write(head.encode("latin-1") + body)
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        return answer


@dataclass
class Got:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        assert self.headers["content-type"] == "application/problem+json", self.body
        found: str = self.json["code"]
        return found


Gateways = Callable[..., Coroutine[Any, Any, Client]]


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(services: Services) -> AsyncIterator[Gateways]:
    """Starts gateways with the settings that a test names."""
    running: list[Any] = []

    async def start(**values: Any) -> Client:
        context = running_gateway(services, values)
        running.append(context)
        client: Client = await context.__aenter__()
        return client

    yield start
    for context in running:
        await context.__aexit__(None, None, None)


@asynccontextmanager
async def running_gateway(services: Services, values: dict[str, Any]) -> AsyncIterator[Client]:
    settings = load(
        Settings,
        {
            "ENVIRONMENT": "test",
            "HTTP_PORT": 1,
            "INTERNAL_PORT": 1,
            "AMQP_URL": NOWHERE,
            "BOOKING_URL": services.booking.url,
            "PAYMENTS_URL": services.payments.url,
            "CUSTOMERS_URL": services.customers.url,
            "NOTIFICATIONS_URL": services.notifications.url,
            "INTERNAL_TOKEN_PRIVATE_KEYS": {"k1": SEED},
            "MANAGE_TOKEN_KEYS": MANAGE_KEYS,
            **values,
        },
    )
    service = build(settings)
    at = listen("127.0.0.1", 0)
    stop = asyncio.Event()
    for hook in service.on_start:
        await hook()
    serving = asyncio.create_task(
        serve(create_app(service), at, stop, drain_seconds=1, protocol=service.protocol)
    )
    [listener] = [hook.__self__ for hook in service.on_start if isinstance(hook.__self__, Listener)]
    async with aiohttp.ClientSession() as session:
        yield Client(f"http://127.0.0.1:{at.getsockname()[1]}", session, listener._ready)
    stop.set()
    await serving
    for hook in service.on_stop:
        await hook()


@pytest.fixture
def manage_token() -> Callable[..., str]:
    """Mints the manage token of a booking, as booking does."""

    def mint(
        booking_id: UUID, org_id: UUID | None = None, lifetime: timedelta = timedelta(days=1)
    ) -> str:
        tokens = ManageTokens(MANAGE_KEYS)
        return tokens.mint(org_id or uuid4(), booking_id, 1, datetime.now(UTC) + lifetime)

    return mint


@dataclass
class Keys:
    """The keys that customers knows, by what the client shows."""

    services: Services
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def make(self, *permissions: str, kind: str = "key", **more: Any) -> str:
        key = f"hf_test{len(self.known):04}_{uuid4().hex}"
        self.known[key] = {
            "key_id": str(uuid4()),
            "org_id": None if kind == "operator" else str(uuid4()),
            "kind": kind,
            "permissions": list(permissions),
            **more,
        }
        return key

    def verify(self, seen: Seen) -> Reply:
        key = orjson.loads(seen.body)["key"]
        self.checks[key] += 1
        found = self.known.get(key)
        return (200, found) if found else (404, Problem().document(""))


@pytest.fixture
def keys(services: Services) -> Keys:
    made = Keys(services)
    services.customers.answers("POST", "/internal/api-keys/verify", made.verify)
    return made
