"""Each role of a service as a real process, with a real database and a real broker."""

import asyncio

import aiohttp
import asyncpg
import orjson
import pytest

from chassis.testing import eventually

from .conftest import answering, program


@pytest.fixture(scope="module")
async def urls(fresh_database):
    return await fresh_database("probe")


def running(role, urls, amqp_url="amqp://guest:guest@127.0.0.1:1/", **more):
    return program(*role.split(), file="roles.py", DATABASE_URL=urls.url, AMQP_URL=amqp_url, **more)


async def ended(process, code=0):
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == code, err
    return out.decode(), err.decode().splitlines()


async def test_migrating_what_is_migrated_changes_nothing(urls):
    async with running("migrate", urls, MIGRATION_DATABASE_URL=urls.owner_url) as (process, _, _):
        out, _ = await ended(process)
    assert orjson.loads(out.splitlines()[-1])["event"] == "migrate.done"


async def test_a_command_of_the_services_own_runs_and_gives_the_exit_code(urls):
    async with running("count 41", urls) as (process, _, _):
        assert await ended(process, 3) == ("42\n", [])


@pytest.mark.parametrize("role", ["worker", "all"])
async def test_a_worker_is_ready_when_broker_and_database_are_and_drains(urls, vhost, role):
    async with (
        running(role, urls, vhost.amqp_url) as (process, url, internal),
        aiohttp.ClientSession() as session,
    ):
        await answering(session, f"{internal}/readyz")
        if role == "all":
            await answering(session, f"{url}/readyz")
        process.terminate()
        _, err = await ended(process)
    assert err == ["started", "stopped"]


async def test_without_a_broker_requests_are_answered_and_only_the_worker_is_not_ready(urls):
    async with (
        running("all", urls) as (process, url, internal),
        aiohttp.ClientSession() as session,
    ):
        await answering(session, f"{url}/readyz")

        async def only_the_broker_fails():
            async with session.get(f"{internal}/readyz") as reply:
                return (await reply.json()).get("failing") == {"broker": "NotReady"}

        await eventually(only_the_broker_fails)
        process.terminate()
        await ended(process)


async def test_production_refuses_a_clock_that_a_test_has_moved(urls):
    owner = await asyncpg.connect(urls.admin_url)
    try:
        await owner.execute("UPDATE messaging.clock SET shift = interval '1 hour'")
        for environment, code in (("production", 1), ("test", 0)):
            async with (
                running("api", urls, ENVIRONMENT=environment) as (process, url, _),
                aiohttp.ClientSession() as session,
            ):
                if code == 0:
                    await answering(session, f"{url}/livez")
                    process.terminate()
                _, err = await ended(process, code)
                assert any("clock" in line for line in err) is (code == 1)
    finally:
        await owner.execute("UPDATE messaging.clock SET shift = interval '0'")
        await owner.close()


async def test_a_service_without_handlers_has_no_worker():
    async with program("worker") as (process, _, _):
        out, _ = await ended(process, 1)
    assert "no handlers" in out
