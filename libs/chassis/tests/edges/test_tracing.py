"""Spans leave only when someone is there to receive them, and carry no personal data."""

import asyncio

import aiohttp
from aiohttp import web

from chassis import telemetry

from .conftest import CLERK, answering, client, order, program

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_span_continues_its_parent_and_ends_with_its_block():
    assert telemetry.traceparent() is None
    assert telemetry.headers() == {}
    with telemetry.remote(PARENT, "handle booking.confirmed.v1"):
        carried = telemetry.traceparent()
        with telemetry.span("inside"):
            inner = telemetry.traceparent()
        assert telemetry.headers() == {"traceparent": carried}
    assert carried.split("-")[1] == inner.split("-")[1] == PARENT.split("-")[1]
    assert len({part.split("-")[2] for part in (PARENT, carried, inner)}) == 3
    assert telemetry.traceparent() is None


async def test_spans_are_exported_when_an_endpoint_is_set():
    received = []

    async def take(request):
        received.append(await request.read())
        return web.Response()

    collector = web.Application()
    collector.router.add_post("/v1/traces", take)
    runner = web.AppRunner(collector)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    exporter = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{runner.addresses[0][1]}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "60",
    }
    async with (
        program("api", **exporter) as (process, url, _),
        client(principal=CLERK) as session,
    ):
        await answering(session, f"{url}/livez")
        async with session.post(
            f"{url}/orders", json=order(), headers={"traceparent": PARENT}
        ) as reply:
            assert reply.status == 201
        async with session.get(f"{url}/odd/crash", params={"email": "guest@example.org"}) as reply:
            assert reply.status == 500
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 120) == 0
    await runner.cleanup()
    sent = b"".join(received)
    assert b"POST /orders" in sent
    assert bytes.fromhex(PARENT.split("-")[1]) in sent
    assert b"guest@example.org" not in sent
    assert b"Test Guest" not in sent


async def test_a_collector_that_is_away_neither_slows_nor_stops_anything():
    async with (
        program("api", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as (process, url, _),
        aiohttp.ClientSession() as session,
    ):
        await answering(session, f"{url}/livez")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 120) == 0
