"""One system for the whole run, and what stories are told with.

`pytest tests/e2e` starts processes of its own; `--endpoints FILE` (or HOLDFAST_ENDPOINTS) takes a
system that runs already, `--containers` the images.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from .calls import Http
from .outside import Mailbox, Swish
from .people import City
from .system import Clock, Endpoints, GivenSystem, StackSystem, System, Tables


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("end to end")
    group.addoption(
        "--endpoints",
        type=Path,
        default=os.environ.get("HOLDFAST_ENDPOINTS"),
        help="endpoints.json of a running system (ENVIRONMENT=test)",
    )
    group.addoption(
        "--containers",
        action="store_true",
        default=os.environ.get("HOLDFAST_E2E") == "containers",
        help="build the images and run the system in containers",
    )


@pytest.fixture(scope="session")
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    given = request.config.getoption("--endpoints")
    found: System
    if given:
        found = GivenSystem(Path(given))
    elif request.config.getoption("--containers"):
        from .containers import ContainerSystem

        found = ContainerSystem(tmp_path_factory.mktemp("containers"))
    else:
        found = StackSystem(tmp_path_factory.mktemp("stack"))
    yield found
    found.close()


@pytest.fixture(scope="session")
def endpoints(system: System) -> Endpoints:
    return system.endpoints


@pytest.fixture(scope="session")
def clock(endpoints: Endpoints) -> Clock:
    return Clock(endpoints)


@pytest.fixture(scope="session")
def tables(endpoints: Endpoints) -> Tables:
    return Tables(endpoints)


@pytest_asyncio.fixture(scope="session")
async def http() -> AsyncIterator[Http]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64), timeout=aiohttp.ClientTimeout(total=180)
    ) as session:
        yield Http(session)


@pytest.fixture(scope="session")
def city(http: Http, endpoints: Endpoints, clock: Clock) -> City:
    return City(http, endpoints, clock)


@pytest.fixture(scope="session")
def swish(http: Http, endpoints: Endpoints) -> Swish:
    return Swish(http, endpoints.swish)


@pytest.fixture(scope="session")
def mailbox(http: Http, endpoints: Endpoints) -> Mailbox:
    return Mailbox(http, endpoints.mailbox)
