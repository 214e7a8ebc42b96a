"""One Stripe sandbox process for all tests; each test pays with an account of its own."""

import asyncio
import contextlib
import inspect
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp import web

from sandbox import processes


@pytest.fixture
def sandbox(stripe_sandbox: processes.Sandbox) -> processes.Sandbox:
    return stripe_sandbox


@pytest.fixture
def key() -> str:
    return "sk_test_" + secrets.token_hex(8)


@contextlib.asynccontextmanager
async def connect(url: str, key: str) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.AIOHTTPClient()
    try:
        yield stripe.StripeClient(
            key, base_addresses={"api": url}, http_client=http, max_network_retries=0
        )
    finally:
        await http.close_async()


@pytest.fixture
async def client(sandbox: processes.Sandbox, key: str) -> AsyncIterator[stripe.StripeClient]:
    async with connect(sandbox.url, key) as connected:
        yield connected


@pytest.fixture
def connected() -> Callable[[str, str], Any]:
    """For tests that need a second account or a second process."""
    return connect


@dataclass(frozen=True)
class Reply:
    """An answer read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Http:
    """HTTP without the SDK."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def request(self, method: str, path: str, **more: Any) -> Reply:
        async with self.session.request(method, path, **more) as answer:
            return Reply(answer.status, answer.headers, await answer.text())

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.request("GET", path, **more)

    async def post(self, path: str, **more: Any) -> Reply:
        return await self.request("POST", path, **more)


@pytest.fixture
async def raw(sandbox: processes.Sandbox, key: str) -> AsyncIterator[Http]:
    """With the account's secret key."""
    headers = {"Authorization": f"Bearer {key}"}
    # The schemas that answers are held to may take longer to make than a connection is kept.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(sandbox.url, headers=headers, connector=connector) as session:
        yield Http(session)


@pytest.fixture
async def browser(sandbox: processes.Sandbox) -> AsyncIterator[Http]:
    """With nothing but what it is told."""
    async with aiohttp.ClientSession(sandbox.url) as session:
        yield Http(session)


@pytest.fixture
def browse() -> Callable[[str], Any]:
    """For tests that need another process than the shared one."""

    @contextlib.asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Http]:
        async with aiohttp.ClientSession(url) as session:
            yield Http(session)

    return opened


@pytest.fixture
async def control(browser: Http) -> AsyncIterator[Http]:
    """The control API; trouble and pauses are over when the test is."""
    yield browser
    await browser.request("DELETE", "/_sandbox/faults")
    await browser.post("/_sandbox/webhooks/resume")


@dataclass
class Receiver:
    """A webhook receiver; `answers` are the statuses it gives, the last one for ever."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [200])
    got: list[tuple[str, bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((request.headers["Stripe-Signature"], await request.read()))
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status)

    def events(self, secret: str) -> list[stripe.Event]:
        """What came, each signature checked by the SDK."""
        return [
            stripe.Webhook.construct_event(body, header, secret, api_key="sk_test_x")
            for header, body in self.got
        ]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    yield receiver
    await runner.cleanup()


Until = Callable[[Callable[[], Any]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Waits for a condition, plain or asynchronous."""

    async def wait(condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 60
        while True:
            met = condition()
            if inspect.isawaitable(met):
                met = await met
            if met:
                return
            assert time.monotonic() < deadline, "waited 60 s in vain"
            await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"
