import asyncio
import os
import socket
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

import aiohttp
import orjson
import pytest

from chassis import auth, logging
from chassis.http import create_app
from chassis.serving import listen, serve
from chassis.testing import environment, eventually

from . import sample

PRIVATE, PUBLIC = auth.new_key_pair()
ORG = UUID("0192f0c1-1111-7000-8000-000000000001")
SESSION = "0192f0c1-2222-7000-8000-000000000002"


@contextmanager
def port_kept() -> Iterator[int]:
    """A port for a program to listen on; bound here, so that the system gives it to nobody else."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def minter(private: str = PRIVATE, **more) -> auth.TokenMinter:
    return auth.TokenMinter({"a": auth.decode_key(private)}, **more)


GUEST = auth.Principal("guest", "web")
CLERK = auth.Principal("key", "key-1", ORG, frozenset({"bookings:manage"}))


def token(principal=GUEST, audience="sample", **more) -> dict[str, str]:
    return {auth.HEADER: minter(**more).mint(principal, audience)}


def client(url=None, principal=GUEST) -> aiohttp.ClientSession:
    """A session of the gateway's: every request has a token of its own, which lives a minute."""

    async def with_token(request, send):
        request.headers.update(token(principal))
        return await send(request)

    return aiohttp.ClientSession(url, middlewares=(with_token,))


def order(**more) -> dict:
    return {
        "session_id": SESSION,
        "customer": {"name": "Test Guest", "email": "guest@example.org"},
        **more,
    }


def settings(**more) -> sample.Settings:
    return sample.Settings(
        ENVIRONMENT="test",
        DATABASE_URL=environment("TEST_POSTGRES_URL"),
        AMQP_URL="amqp://guest:guest@127.0.0.1:1/",
        INTERNAL_TOKEN_PUBLIC_KEYS={"a": auth.decode_key(PUBLIC)},
        MANAGE_TOKEN_KEYS={"k": "m" * 32},
        **more,
    )


@asynccontextmanager
async def served(service):
    """The service on a real port; yields its address."""
    stop = asyncio.Event()
    door = listen("127.0.0.1", 0)
    running = asyncio.create_task(serve(create_app(service), door, stop, drain_seconds=5))
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        stop.set()
        await running
        await service.db.close()


class _Captured:
    """Whatever standard output is at the moment, so that pytest shows logs of a failed test."""

    def write(self, text):
        return sys.stdout.write(text)

    def flush(self):
        sys.stdout.flush()


@pytest.fixture(scope="package", autouse=True)
def logs():
    logging.configure("sample", "test", stream=_Captured())


@pytest.fixture(scope="module")
async def url():
    async with served(sample.build(settings())) as address:
        yield address


@pytest.fixture
async def http(url):
    async with client(url) as session:
        yield session


@asynccontextmanager
async def program(*arguments, file="sample.py", **more):
    """A service as a process of its own; yields it and its two addresses."""
    with port_kept() as port, port_kept() as internal:
        env = {
            **os.environ,
            "ENVIRONMENT": "test",
            "DATABASE_URL": environment("TEST_POSTGRES_URL"),
            "AMQP_URL": "amqp://guest:guest@127.0.0.1:1/",
            "INTERNAL_TOKEN_PUBLIC_KEYS": orjson.dumps({"a": PUBLIC}).decode(),
            "MANAGE_TOKEN_KEYS": orjson.dumps({"k": b64encode(bytes(32)).decode()}).decode(),
            "HTTP_PORT": str(port),
            "INTERNAL_PORT": str(internal),
            "PYTHONPATH": str(Path(__file__).parents[1] / "probe" / "src"),
            **more,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name(file)),
            *arguments,
            env={name: value for name, value in env.items() if value is not None},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{internal}"
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def answering(session, address) -> None:
    """Wait until something listens there."""

    async def asked() -> bool:
        try:
            async with session.get(address) as reply:
                return reply.status == 200
        except aiohttp.ClientError:
            return False

    await eventually(asked, what=address)
