"""Two copies of every worker, one of which is killed while it works."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.calls import until
from tests.e2e.outside import Mailbox
from tests.e2e.people import City
from tests.e2e.system import SERVICES, StackSystem, System, Tables

from .conftest import LEASES
from .story import check, set_scene, tell

_OWNERS = "SELECT count(DISTINCT owner) FROM messaging.leases WHERE lease_until > clock_timestamp()"


@pytest.fixture(scope="module")
def doubled(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A second worker for each service, on the databases and broker of the running stack."""
    assert isinstance(system, StackSystem)
    started = []
    for service in SERVICES:
        unit = system.stack.process(f"{service}-worker")
        copy = type(unit.daemon)(
            f"{service}-worker-copy",
            system.stack.run_dir,
            unit.daemon.argv,
            {**unit.daemon.env, **LEASES, "INTERNAL_PORT": "0"},
        )
        copy.start()
        started.append(copy)
    yield [f"{service}-worker" for service in SERVICES]
    for copy in started:
        copy.stop()


async def test_the_other_copy_takes_over(
    doubled: list[str], system: System, city: City, mailbox: Mailbox, tables: Tables
) -> None:
    for service in SERVICES:

        async def shared(service: str = service) -> bool:
            return bool(await tables.value(service, _OWNERS) == 2)

        await until(f"both copies of {service} relaying", shared, seconds=240)
    story = asyncio.create_task(tell(city, await set_scene(city, tables)))
    for part in doubled:
        await asyncio.to_thread(system.kill, part)
    ends = await story
    await check(ends, mailbox, tables)
    for part in doubled:
        await asyncio.to_thread(system.start, part)
