"""A payments service on a real database, real sandboxes and real HTTP between them."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from chassis import intents
from chassis.testing import DatabaseUrls
from sandbox import processes

sys.path.insert(0, str(Path(__file__).parent / "support"))

from payments_paypal import PayPalWorld, at_paypal, connect
from payments_world import Stripe, World, running


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state: Path = tmp_path_factory.mktemp("stripe")
    with processes.stripe(state, "--retry-first", "0.05") as process:
        yield process.url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def urls(fresh_database: Callable[[str], Awaitable[DatabaseUrls]]) -> DatabaseUrls:
    return await fresh_database("payments")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(urls: DatabaseUrls, sandbox: str) -> AsyncIterator[World]:
    async with running(urls, sandbox) as world:
        yield world


@pytest_asyncio.fixture
async def world(service: World) -> AsyncIterator[World]:
    """The service, seen by an organisation of the test's own; healthy at start and end."""
    await service.stripe.reset()
    yield service.of_another_organisation()
    await service.stripe.reset()
    await service.quiet()


@pytest.fixture
def patient_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that failed is made again when the test says so (`hurry`), not after a second."""
    monkeypatch.setattr(intents, "_BACKOFF_FIRST", 3600.0)
    monkeypatch.setattr(intents, "_BACKOFF_MOST", 3600.0)


@pytest.fixture
def stripe(world: World) -> Stripe:
    return world.stripe


@pytest.fixture(scope="session")
def paypal_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paypal")


@pytest.fixture(scope="session")
def paypal_url(paypal_state: Path) -> Iterator[str]:
    with processes.paypal(paypal_state, "--retry-first", "0.05") as process:
        yield process.url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def paypal_service(
    urls: DatabaseUrls, sandbox: str, paypal_url: str, paypal_state: Path
) -> AsyncIterator[World]:
    async with running(urls, sandbox, **at_paypal(paypal_url, paypal_state)) as world:
        yield world


@pytest_asyncio.fixture
async def pp(paypal_service: World, paypal_url: str) -> AsyncIterator[PayPalWorld]:
    """An organisation of the test's own that has an account at PayPal."""
    found = await connect(paypal_service, paypal_url)
    await found.paypal.reset()
    yield found
    await found.paypal.reset()
    await found.quiet()
