"""What strangers send that is not a request we serve: bounded, refused in words, never passed on."""

import asyncio
import contextlib
import socket

import pytest

from chassis.testing import eventually
from gateway.wire import Answer  # noqa: F401 - importable without the server

LIMIT = 256 * 1024
LARGE = 12_000_000


async def test_a_body_announced_too_large_is_413_before_it_is_sent(gateway, services):
    client = await gateway()
    got = await client.raw("POST /v1/bookings HTTP/1.1", f"Content-Length: {LIMIT + 1}")
    assert got.startswith(b"HTTP/1.1 413 ")
    assert b'"TOO_LARGE"' in got
    assert not services.booking.seen


async def test_a_streamed_body_too_large_is_413(gateway, services):
    client = await gateway()

    async def stream():
        for _ in range(LIMIT // 8192 + 1):
            yield b"x" * 8192

    async with client.session.post(client.url + "/v1/bookings", data=stream()) as response:
        assert response.status == 413
    assert not services.booking.seen


async def test_a_body_of_the_largest_size_passes(gateway, services):
    services.booking.answers("POST", "/bookings", {}, 422)
    client = await gateway()
    assert (await client.post("/v1/bookings", b"x" * LIMIT)).status == 422
    assert len(services.booking.seen[0].body) == LIMIT


async def test_a_chunked_body_reaches_the_service_with_its_length(gateway, services):
    services.booking.answers("POST", "/bookings", {}, 422)
    client = await gateway()

    async def stream():
        yield b'{"a":'
        yield b"1}"

    async with client.session.post(client.url + "/v1/bookings", data=stream()) as response:
        assert response.status == 422
    seen = services.booking.seen[0]
    assert (seen.body, seen.headers["content-length"]) == (b'{"a":1}', "7")
    assert "transfer-encoding" not in seen.headers


async def test_bad_utf8_reaches_the_service_as_it_is(gateway, services):
    services.booking.answers("POST", "/bookings", {"code": "MALFORMED"}, 400)
    client = await gateway()
    assert (await client.post("/v1/bookings", b'{"a":"\xff\xfe"}')).status == 400
    assert services.booking.seen[0].body == b'{"a":"\xff\xfe"}'


@pytest.mark.parametrize(
    ("line", "statuses"),
    [
        ("GET /v1/offerings?x=\xff HTTP/1.1", (400,)),
        ("GET /v1/\xff HTTP/1.1", (400, 404)),
        ("GET http://elsewhere/v1/offerings HTTP/1.1", (200, 400, 404)),
        ("GET /v1/offerings HTTP/9.9", (400,)),
        ("FOO /v1/offerings HTTP/1.1", (400,)),
        ("nonsense", (400,)),
        ("", (400,)),
        ("GET /v1/offerings?" + "x" * 17_000 + " HTTP/1.1", (431,)),
    ],
)
async def test_unreadable_request_lines_are_refused(gateway, services, line, statuses):
    services.booking.answers("GET", "/offerings", [])
    client = await gateway()
    got = await client.raw(line)
    assert int(got[9:12]) in statuses, got
    if not got.startswith(b"HTTP/1.1 200"):
        assert b"application/problem+json" in got


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5", "Content-Length: 5"],
        ["Content-Length: +5"],
        ["Content-Length: -1"],
        ["Content-Length: 5 5"],
        ["Content-Length: 99999999999999999999999999"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding : chunked"],
        [" Folded: header"],
        ["Bad Name: x"],
        ["X-Test: a\x00b"],
        ["No colon here"],
    ],
)
async def test_requests_that_two_parsers_could_read_in_two_ways_are_refused(
    gateway, services, headers
):
    client = await gateway()
    smuggled = b"0\r\n\r\nGET /v1/organisations/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    got = await client.raw("POST /v1/bookings HTTP/1.1", *headers, body=smuggled)
    assert got[9:12] in {b"400", b"413"}, got
    assert not services.booking.seen


async def test_a_head_too_large_is_431_whole_or_in_pieces(gateway, services):
    client = await gateway()
    got = await client.raw("GET /v1/offerings HTTP/1.1", "X-Long: " + "x" * 20_000)
    assert got.startswith(b"HTTP/1.1 431 ")
    assert b'"HEADERS_TOO_LARGE"' in got
    got = await client.raw("GET /v1/offerings HTTP/1.1", *(f"X-{n}: {n}" for n in range(150)))
    assert got.startswith(b"HTTP/1.1 431 ")

    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"GET /v1/offerings HTTP/1.1\r\nX-Endless: ")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError, StopAsyncIteration)):
        for _ in range(1000):
            writer.write(b"x" * 1000)
            await writer.drain()
            await asyncio.sleep(0)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 431 ")
        raise StopAsyncIteration
    writer.close()
    assert not services.booking.seen


@pytest.mark.parametrize("first", [b"", b"GET /v1/offerings HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_head_that_trickles_in_is_cut_off(gateway, services, first):
    """Slowloris: also on a connection that served a request before."""
    services.booking.answers("GET", "/offerings", [])
    client = await gateway(HEADER_TIMEOUT=0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    if first:
        writer.write(first)
        await reader.readuntil(b"[]")
    closed = asyncio.create_task(reader.read())
    writer.write(b"GET /v1/offerings HTTP/1.1\r\n")
    for _ in range(600):
        if closed.done():
            break
        writer.write(b"X: y\r\n")
        await asyncio.sleep(0.05)
    assert closed.done()
    writer.close()


async def test_a_silent_connection_is_cut_off(gateway):
    client = await gateway(HEADER_TIMEOUT=0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    try:
        async with asyncio.timeout(60):
            assert await reader.read() == b""
    except ConnectionResetError:
        pass
    writer.close()


async def test_an_idle_connection_that_has_served_stays(gateway, services):
    services.booking.answers("GET", "/offerings", [])
    client = await gateway(HEADER_TIMEOUT=0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    for _ in range(2):
        writer.write(b"GET /v1/offerings HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"[]")
        await asyncio.sleep(0.6)
    writer.close()


async def test_a_body_that_trickles_in_is_408(gateway, services):
    client = await gateway(BODY_TIMEOUT=0.4)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"POST /v1/bookings HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    async with asyncio.timeout(60):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    writer.close()
    assert not services.booking.seen


async def test_a_slow_answer_does_not_run_into_the_time_for_heads(gateway, services):
    services.booking.answers("GET", "/offerings", [], after=0.8)
    client = await gateway(HEADER_TIMEOUT=0.3)
    assert (await client.get("/v1/offerings")).status == 200


async def served(client):
    return (await client.raw("GET /v1/offerings HTTP/1.1")).startswith(b"HTTP/1.1 200 ")


async def test_connections_are_bounded(gateway, services):
    services.booking.answers("GET", "/offerings", [])
    client = await gateway(MAX_CONNECTIONS=3)
    held = [await asyncio.open_connection("127.0.0.1", client.port) for _ in range(3)]
    await asyncio.sleep(0.1)
    got = await client.raw("GET /v1/offerings HTTP/1.1")
    assert got.startswith(b"HTTP/1.1 503 ")
    for _, writer in held:
        writer.close()
    await eventually(lambda: served(client))


async def test_one_address_cannot_take_all_connections(gateway, services):
    """Many silent sockets of one stranger must not shut everybody else out."""
    services.booking.answers("GET", "/offerings", [])
    client = await gateway(MAX_CONNECTIONS_PER_ADDRESS=3)
    held = [await asyncio.open_connection("127.0.0.1", client.port) for _ in range(3)]
    await asyncio.sleep(0.1)
    got = await client.raw("GET /v1/offerings HTTP/1.1")
    assert got.startswith(b"HTTP/1.1 429 ")
    assert b'"RATE_LIMIT_EXCEEDED"' in got
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", client.port, local_addr=("127.0.0.2", 0)
    )
    writer.write(b"GET /v1/offerings HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    for _, writer in held:
        writer.close()
    await eventually(lambda: served(client))


async def test_our_own_proxies_bring_as_many_as_come(gateway, services):
    services.booking.answers("GET", "/offerings", [])
    client = await gateway(MAX_CONNECTIONS_PER_ADDRESS=1, TRUSTED_PROXIES="127.0.0.1")
    held = [await asyncio.open_connection("127.0.0.1", client.port) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert (await client.raw("GET /v1/offerings HTTP/1.1")).startswith(b"HTTP/1.1 200 ")
    for _, writer in held:
        writer.close()


async def unread_answer(gateway, services, seconds, **settings):
    """A client in the middle of an answer larger than any buffer on its way."""
    services.booking.answers("GET", "/offerings", b"x" * LARGE)
    client = await gateway(UNREAD_TIMEOUT=seconds, **settings)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    slow.connect(("127.0.0.1", client.port))
    slow.sendall(b"GET /v1/offerings HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    slow.setblocking(False)
    return client, slow


async def rest_of(slow):
    """Bytes that still come before the end, or before the connection is cut."""
    got = 0
    loop = asyncio.get_running_loop()
    with contextlib.closing(slow), contextlib.suppress(ConnectionError):
        async with asyncio.timeout(60):
            while some := await loop.sock_recv(slow, 1 << 20):
                got += len(some)
    return got


async def test_an_answer_that_nobody_reads_is_cut_off(gateway, services):
    client, slow = await unread_answer(gateway, services, 1.0, MAX_CONNECTIONS_PER_ADDRESS=1)
    await eventually(lambda: services.booking.seen)

    async def dropped() -> bool:
        """Whether there is room for another connection from this address."""
        return (await client.raw("GET /v1/nothing HTTP/1.1")).startswith(b"HTTP/1.1 404 ")

    await eventually(dropped)
    assert await rest_of(slow) < LARGE


async def test_an_answer_that_is_read_slowly_is_not_cut_off(gateway, services):
    """Each read is far less than what the kernel holds for the client."""
    _, slow = await unread_answer(gateway, services, 4.0)
    loop = asyncio.get_running_loop()
    got, until = 0, loop.time() + 6
    while loop.time() < until:
        some = await loop.sock_recv(slow, 65536)
        assert some, "cut off"
        got += len(some)
        await asyncio.sleep(0.05)
    assert got < LARGE
    assert got + await rest_of(slow) > LARGE
