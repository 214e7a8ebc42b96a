"""The service over real HTTP, called as the gateway calls it."""

import asyncio

import aiohttp
import pytest_asyncio

from booking.app import build
from booking.settings import Settings
from chassis import auth
from chassis.http import create_app
from chassis.serving import listen, serve
from contracts.testing import EXAMPLE_CONTACT_KEYS

PRIVATE, PUBLIC = auth.new_key_pair()
MINTER = auth.TokenMinter({"a": auth.decode_key(PRIVATE)})
GUEST = auth.Principal("guest", "guest")
OPERATOR = auth.Principal("operator", "op")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(urls):
    service = build(
        Settings(
            ENVIRONMENT="test",
            DATABASE_URL=urls.url,
            AMQP_URL="amqp://guest:guest@127.0.0.1:1/",
            INTERNAL_TOKEN_PUBLIC_KEYS={"a": auth.decode_key(PUBLIC)},
            CONTACT_KEYS=EXAMPLE_CONTACT_KEYS,
            COLUMN_KEYS={"col": b"c" * 32},
            HASH_KEY="h" * 32,
            MANAGE_TOKEN_KEYS={"m": "m" * 32},
        )
    )
    yield service
    await service.db.close()


class Client:
    def __init__(self, session, address):
        self._session = session
        self.address = address

    async def __call__(self, method, path, caller=GUEST, key=None, **more):
        headers = {auth.HEADER: MINTER.mint(caller, "booking"), **more.pop("headers", {})}
        if key:
            headers["Idempotency-Key"] = key
        async with self._session.request(
            method, self.address + path, headers=headers, **more
        ) as response:
            self.headers = response.headers
            return response.status, await response.json(content_type=None)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(service):
    stop = asyncio.Event()
    door = listen("127.0.0.1", 0)
    running = asyncio.create_task(serve(create_app(service), door, stop, drain_seconds=5))
    async with aiohttp.ClientSession() as session:
        yield Client(session, f"http://127.0.0.1:{door.getsockname()[1]}")
    stop.set()
    await running


def staff(org_id, *permissions):
    return auth.Principal("key", "k1", org_id=org_id, permissions=frozenset(permissions))


def manage(org_id, booking_id, epoch=1):
    return auth.Principal("manage", "m", org_id=org_id, booking_id=booking_id, epoch=epoch)


CUSTOMER = {"name": "Test Guest", "email": "guest@example.com", "phone": "07123 456789"}


def body(session, **more):
    return {"session_id": str(session.id), "customer": CUSTOMER, **more}
