"""How a process starts, logs, is watched, and leaves."""

import asyncio
import signal

import aiohttp
import asyncpg
import orjson
import pytest

from chassis.testing import environment, eventually

from . import sample
from .conftest import CLERK, answering, client, order, program, served, settings, token

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"DATABASE_URL": None}, ["DATABASE_URL: is missing"]),
        ({"DATABASE_URL": ""}, ["DATABASE_URL: is missing"]),
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, ["DATABASE_URL: must be an address"]),
        ({"HTTP_PORT": "70000"}, ["HTTP_PORT: "]),
        ({"INTERNAL_TOKEN_PUBLIC_KEYS": '{"a": "hunter2"}'}, ["INTERNAL_TOKEN_PUBLIC_KEYS: "]),
        ({"MANAGE_TOKEN_KEYS": '{"a": "hunter2"}'}, ["MANAGE_TOKEN_KEYS: the secret of key a"]),
        ({"MANAGE_TOKEN_KEYS": "hunter2"}, ["MANAGE_TOKEN_KEYS: must be a JSON object"]),
        ({"POOL_SIZE": "hunter2", "AMQP_URL": "hunter2"}, ["POOL_SIZE: ", "AMQP_URL: "]),
        ({"ENVIRONMENT": "production", "HOLDFAST_FAILPOINT": "db.after_commit"},
         ["HOLDFAST_FAILPOINT: is refused when ENVIRONMENT is production"]),
        ({"HOLDFAST_FAILPOINT": "no.such"}, ["HOLDFAST_FAILPOINT: unknown failpoint"]),
    ],
)  # fmt: skip
async def test_bad_settings_end_the_start_with_each_variable_named(change, named):
    async with program("api", **change) as (process, _, _):
        out, err = await asyncio.wait_for(process.communicate(), 120)
    lines = err.decode().splitlines()
    assert process.returncode == 1
    assert len(lines) == len(named)
    for line, start in zip(sorted(lines), sorted(f"sample: {text}" for text in named), strict=True):
        assert line.startswith(start)
    assert b"hunter2" not in err + out


async def test_help_explains_the_roles():
    async with program("--help") as (process, _, _):
        out, _ = await process.communicate()
    assert process.returncode == 0
    for role in (b"api", b"worker", b"migrate", b"all"):
        assert role in out


async def test_a_taken_port_is_said_plainly():
    async with program("api") as (_, url, _), aiohttp.ClientSession() as session:
        await answering(session, f"{url}/livez")
        port = url.rpartition(":")[2]
        async with program("api", HTTP_PORT=port) as (second, _, _):
            _, err = await asyncio.wait_for(second.communicate(), 120)
    assert second.returncode == 1
    assert err.decode().startswith(f"sample: cannot listen on 127.0.0.1:{port}: ")


async def begun(process, request):
    """The request under way, of which the service has said that it began."""
    asking = asyncio.create_task(request)
    async with asyncio.timeout(120):
        while b"slow.began" not in (line := await process.stdout.readline()):
            assert line, "the service ended"
    return asking


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_drain_finishes_what_has_begun_and_accepts_nothing_new(number, tmp_path):
    async with (
        program("api", DRAIN_SECONDS="300") as (process, url, internal),
        client() as session,
    ):
        await answering(session, f"{url}/livez")
        over = tmp_path / "over"
        slow = await begun(process, session.get(f"{url}/odd/slow", params={"until": str(over)}))
        process.send_signal(number)

        async def draining() -> bool:
            async with session.get(f"{internal}/readyz") as reply:
                return reply.status == 503 and await reply.json() == {
                    "status": "unavailable",
                    "failing": {"process": "draining"},
                }

        async def refused() -> bool:
            try:
                async with session.get(f"{url}/livez"):
                    return False
            except aiohttp.ClientConnectionError:
                return True

        await eventually(draining)
        await eventually(refused)
        assert not slow.done()
        over.touch()
        reply = await slow
        assert reply.status == 200
        assert await reply.json() == {"finished": True}
        assert await asyncio.wait_for(process.wait(), 120) == 0


async def test_a_request_that_outlasts_the_drain_is_cut_off(tmp_path):
    async with program("api", DRAIN_SECONDS="1") as (process, url, _), client() as session:
        await answering(session, f"{url}/livez")
        never = tmp_path / "never"
        slow = await begun(process, session.get(f"{url}/odd/slow", params={"until": str(never)}))
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 120) == 0
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)


async def test_probes_and_metrics(url):
    async with (
        program("api") as (_, address, internal),
        aiohttp.ClientSession() as session,
    ):
        await answering(session, f"{address}/readyz")
        async with session.post(f"{address}/orders", json=order(), headers=token()) as reply:
            assert reply.status == 201
        async with session.get(f"{internal}/livez") as reply:
            assert reply.status == 200
        async with session.get(f"{internal}/metrics") as reply:
            metrics = await reply.text()
        async with session.get(f"{address}/metrics") as reply:
            assert reply.status == 401
    assert 'holdfast_http_seconds_count{method="POST",route="/orders",status="201"} 1.0' in metrics
    assert "holdfast_outbox_lag_seconds" in metrics


async def test_a_database_that_is_away_is_a_503_and_not_ready():
    gone = settings().model_copy(update={"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/none"})
    async with (
        served(sample.build(gone)) as url,
        client() as session,
    ):
        async with session.get(f"{url}/odd/database") as reply:
            document = await reply.json(content_type="application/problem+json")
            assert (reply.status, document["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
            assert int(reply.headers["Retry-After"]) > 0
        async with session.get(f"{url}/readyz") as reply:
            assert reply.status == 503
            assert list((await reply.json())["failing"]) == ["database"]
        async with session.get(f"{url}/livez") as reply:
            assert reply.status == 200


async def test_a_lock_that_is_held_is_a_conflict_to_try_again(http):
    holder = await asyncpg.connect(environment("TEST_POSTGRES_URL"))
    try:
        await holder.execute("SELECT pg_advisory_lock(424242)")
        async with http.get("/odd/database", params={"locked": "true"}) as reply:
            document = await reply.json(content_type="application/problem+json")
        assert (reply.status, document["code"]) == (409, "BUSY")
        assert reply.headers["Retry-After"] == "1"
    finally:
        await holder.close()


async def test_a_trace_is_continued_or_started(http):
    async with http.get("/odd/trace", headers={"traceparent": PARENT}) as reply:
        carried = (await reply.json())["traceparent"]
    assert carried.split("-")[1] == TRACE
    assert carried.split("-")[2] != PARENT.split("-")[2]
    for bad in (None, "garbage", "00-00000000000000000000000000000000-0000000000000000-01"):
        headers = {"traceparent": bad} if bad else {}
        async with http.get("/odd/trace", headers=headers) as reply:
            own = (await reply.json())["traceparent"]
        assert len(own.split("-")[1]) == 32
        assert own.split("-")[1] not in {TRACE, "0" * 32}


@pytest.mark.parametrize("given", ["short", "x" * 65, "has space in", 'quote"quote'])
async def test_a_strange_request_id_is_replaced(http, given):
    async with http.get("/odd/trace", headers={"X-Request-ID": given}) as reply:
        assert reply.headers["X-Request-ID"] != given
        assert len(reply.headers["X-Request-ID"]) == 32


async def test_logs_are_json_that_joins_up_and_holds_no_personal_data():
    async with program("api") as (process, url, _), aiohttp.ClientSession() as session:
        await answering(session, f"{url}/livez")
        session.headers.update(secret := token(CLERK))
        headers = {"X-Request-ID": "request-77", "traceparent": PARENT}
        async with session.get(
            f"{url}/odd/crash", headers=headers, params={"email": "guest@example.org"}
        ) as reply:
            assert reply.status == 500
        async with session.post(f"{url}/orders", json=order()) as reply:
            assert reply.status == 201
        async with session.get(f"{url}/guest@example.org") as reply:
            assert reply.status == 404
        process.terminate()
        out, err = await asyncio.wait_for(process.communicate(), 120)
    text = (out + err).decode()
    for personal in ("guest@example.org", "Test Guest", "123 45 67", "46701234567", "sk_test_abc"):
        assert personal not in text
    assert next(iter(secret.values())) not in text
    lines = [orjson.loads(line) for line in out.splitlines()]
    assert not err
    ours = [line for line in lines if line.get("request_id") == "request-77"]
    assert [line["event"] for line in ours] == ["about.to_crash", "http.failed", "http.request"]
    assert {line["trace_id"] for line in ours} == {TRACE}
    assert {(line["service"], line["role"]) for line in lines} == {("sample", "api")}
    failed, access = ours[1:]
    assert failed["exception"][0]["error"].startswith("RuntimeError: row for [email], [phone]")
    assert any("sample.py" in frame for frame in failed["exception"][0]["frames"])
    assert (access["route"], access["status"], access["caller"]) == ("/odd/crash", 500, "key:key-1")
