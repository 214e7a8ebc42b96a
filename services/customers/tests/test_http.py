"""Over real HTTP, as the gateway calls it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
import pytest_asyncio

from chassis import auth
from chassis.http import create_app
from chassis.serving import listen, serve
from chassis.testing import DatabaseUrls
from contracts.booking import VenueChanged
from contracts.customers import CustomerResolved
from contracts.registry import consumed_by, published_by
from contracts.testing import EXAMPLE_CONTACT_KEYS, example, same_shape
from customers.app import build
from customers.settings import Settings

from .conftest import HASH_KEY, Inbox, Story

PRIVATE, PUBLIC = auth.new_key_pair()
MINTER = auth.TokenMinter({"a": auth.decode_key(PRIVATE)})
OPERATOR = auth.Principal("operator", "op")
GATEWAY = auth.Principal("system", "gateway")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(urls: DatabaseUrls) -> AsyncIterator[str]:
    service = build(
        Settings(
            ENVIRONMENT="test",
            DATABASE_URL=urls.url,
            AMQP_URL="amqp://guest:guest@127.0.0.1:1/",
            INTERNAL_TOKEN_PUBLIC_KEYS={"a": auth.decode_key(PUBLIC)},
            CONTACT_KEYS=EXAMPLE_CONTACT_KEYS,
            COLUMN_KEYS={"test": b"c" * 32},
            HASH_KEY=HASH_KEY,
        )
    )
    stop = asyncio.Event()
    door = listen("127.0.0.1", 0)
    running = asyncio.create_task(serve(create_app(service), door, stop, drain_seconds=5))
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    stop.set()
    await running
    assert service.db is not None
    await service.db.close()


async def call(
    address: str, method: str, path: str, caller: auth.Principal, **more: Any
) -> tuple[int, Any]:
    headers = {auth.HEADER: MINTER.mint(caller, "customers")}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, address + path, headers=headers, **more) as response,
    ):
        return response.status, await response.json() if response.content_length else None


def staff(org_id: UUID, *permissions: str) -> auth.Principal:
    return auth.Principal("key", "k", org_id, frozenset(permissions))


async def test_a_customer_is_found_as_staff_write_their_number(address: str, inbox: Inbox) -> None:
    """S1-2, S1-19, S4-19."""
    venue = example(VenueChanged).model_copy(
        update={"venue_id": uuid4(), "org_id": inbox.org_id, "default_country": "GB"}
    )
    await inbox.hand(venue)
    await inbox.hand(Story(inbox.org_id).confirmed())
    clerk = staff(inbox.org_id, "customers:view")
    for query in (
        {"phone": "07700 900123"},
        {"phone": "+447700900123"},
        {"email": "Guest@Example.com"},
        {"phone": "+447700900123", "email": "guest@example.com"},
    ):
        status, found = await call(address, "GET", "/customers", clerk, params=query)
        assert status == 200
        [customer] = found["items"]
    assert customer["display"] == "Test Guest"
    assert customer["total_bookings"] == 1
    assert customer["spend"] == [{"amount_minor": 5000, "currency": "GBP"}]
    assert {"kind": "phone", "value": "+447700900123"} in customer["identifiers"]
    path = f"/customers/{customer['id']}"
    assert await call(address, "GET", path, clerk) == (200, customer)
    stranger = staff(uuid4(), "customers:view")
    status, problem = await call(address, "GET", path, stranger)
    assert (status, problem["code"]) == (404, "CUSTOMER_NOT_FOUND")
    found = await call(
        address, "GET", "/customers", stranger, params={"email": "guest@example.com"}
    )
    assert found == (200, {"items": []})


@pytest.mark.parametrize(
    ("query", "field"),
    [({}, "phone"), ({"phone": "12345"}, "phone"), ({"email": "nobody"}, "email")],
)
async def test_a_search_by_nothing_readable_names_the_field(
    address: str, query: dict[str, str], field: str
) -> None:
    caller = staff(uuid4(), "customers:manage")
    status, problem = await call(address, "GET", "/customers", caller, params=query)
    assert status == 422
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_only_those_who_may_see_customers_see_them(address: str) -> None:
    path = f"/customers/{uuid4()}"
    assert (await call(address, "GET", path, auth.Principal("guest", "g")))[0] == 401
    assert (await call(address, "GET", path, staff(uuid4(), "bookings:view")))[0] == 403


async def test_a_key_is_made_verified_and_revoked(address: str) -> None:
    org_id = uuid4()
    request = {"name": "Site", "scopes": ["write:bookings"], "organisation_id": str(org_id)}
    status, made = await call(address, "POST", "/api-keys", OPERATOR, json=request)
    assert status == 201
    assert made["key"].startswith(f"hf_{made['prefix']}_")
    verify = "/internal/api-keys/verify"
    status, holder = await call(address, "POST", verify, GATEWAY, json={"key": made["key"]})
    assert (status, holder["org_id"], holder["kind"]) == (200, str(org_id), "key")
    assert "bookings:create" in holder["permissions"]
    assert holder["key_id"] == made["id"]
    owner = staff(org_id, "keys:manage")
    revoke = f"/api-keys/{made['prefix']}/revoke"
    assert (await call(address, "POST", revoke, staff(uuid4(), "keys:manage")))[0] == 404
    assert await call(address, "POST", revoke, owner) == (204, None)
    status, _ = await call(address, "POST", verify, GATEWAY, json={"key": made["key"]})
    assert status == 404


async def test_only_the_gateway_itself_verifies_keys(address: str) -> None:
    path = "/internal/api-keys/verify"
    assert (await call(address, "POST", path, OPERATOR, json={"key": "hf_a_b"}))[0] == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": ["read:everything"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"expires_in_days": 100000}, "expires_in_days"),
        ({"expires_in_days": -1}, "expires_in_days"),
        ({"admin": True}, "admin"),
        ({"organisation_id": "x"}, "organisation_id"),
    ],
)
async def test_a_bad_key_request_names_the_field(
    address: str, change: dict[str, object], field: str
) -> None:
    request = {"name": "Site", "scopes": ["read:bookings"], **change}
    status, problem = await call(address, "POST", "/api-keys", OPERATOR, json=request)
    assert status == 422
    assert problem["errors"][0]["field"].startswith(field)


async def test_the_timeline_tells_what_was_counted(address: str, inbox: Inbox) -> None:
    story = Story(inbox.org_id)
    for message in (story.confirmed(), story.cancelled(), story.refunded(5000)):
        await inbox.hand(message)
    clerk = staff(inbox.org_id, "bookings:view")
    path = f"/bookings/{story.booking_id}/timeline"
    status, timeline = await call(address, "GET", path, clerk)
    assert status == 200
    assert [entry["type"] for entry in timeline["entries"]] == [
        "customer.resolved.v1",
        "booking.cancelled.v1",
        "payment.refunded.v1",
    ]
    assert {entry["service"] for entry in timeline["entries"]} == {"customers"}
    stranger = staff(uuid4(), "bookings:view")
    assert await call(address, "GET", path, stranger) == (200, {"entries": []})


async def test_what_is_published_has_the_shape_of_its_contract(inbox: Inbox) -> None:
    assert published_by("customers") == (CustomerResolved.TYPE,)
    await inbox.hand(Story(inbox.org_id).confirmed())
    [row] = await inbox.rows("SELECT payload FROM messaging.outbox WHERE org_id = $1", inbox.org_id)
    assert same_shape(CustomerResolved.from_json(str(row["payload"])), example(CustomerResolved))


@pytest.mark.parametrize("message_type", consumed_by("customers"))
async def test_every_example_sent_here_is_handled(inbox: Inbox, message_type: str) -> None:
    message = example(message_type)
    fresh = {"org_id": inbox.org_id, "booking_id": uuid4(), "venue_id": uuid4()}
    update = {name: value for name, value in fresh.items() if hasattr(message, name)}
    await inbox.hand(message.model_copy(update=update))


def test_every_handler_has_a_contract(inbox: Inbox) -> None:
    assert inbox.table.types == set(consumed_by("customers"))
