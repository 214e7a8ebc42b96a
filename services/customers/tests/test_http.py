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
from contracts.customers import CustomerBlocked, CustomerResolved, CustomerUnblocked
from contracts.registry import consumed_by, published_by
from contracts.testing import EXAMPLE_CONTACT_KEYS, example, same_shape
from customers.app import build
from customers.identity import normal_phone
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
    await inbox.hand(Story(inbox.org_id).confirmed())
    [row] = await inbox.rows("SELECT payload FROM messaging.outbox WHERE org_id = $1", inbox.org_id)
    assert same_shape(CustomerResolved.from_json(str(row["payload"])), example(CustomerResolved))
    standing = {CustomerBlocked.TYPE, CustomerUnblocked.TYPE}  # in test_blocking.py
    assert set(published_by("customers")) == {CustomerResolved.TYPE, *standing}


@pytest.mark.parametrize("message_type", consumed_by("customers"))
async def test_every_example_sent_here_is_handled(inbox: Inbox, message_type: str) -> None:
    message = example(message_type)
    fresh = {"org_id": inbox.org_id, "booking_id": uuid4(), "venue_id": uuid4()}
    update = {name: value for name, value in fresh.items() if hasattr(message, name)}
    await inbox.hand(message.model_copy(update=update))


def test_every_handler_has_a_contract(inbox: Inbox) -> None:
    assert inbox.table.types == set(consumed_by("customers"))


async def test_staff_block_a_customer_and_read_it_back(address: str, inbox: Inbox) -> None:
    """CUS-04, CUS-17."""
    await inbox.hand(Story(inbox.org_id).confirmed())
    [row] = await inbox.customers()
    path = f"/customers/{row['id']}"
    editor = staff(inbox.org_id, "customers:view", "customers:edit")
    change = {"status": "blocked", "notes": "Ask the manager", "reason": "no-shows", "version": 1}
    status, changed = await call(address, "PATCH", path, editor, json=change)
    assert status == 200
    assert (changed["status"], changed["notes"], changed["version"]) == (
        "blocked",
        "Ask the manager",
        2,
    )
    assert await call(address, "GET", path, editor) == (200, changed)
    status, problem = await call(address, "PATCH", path, editor, json=change)
    assert (status, problem["code"]) == (409, "STALE_VERSION")
    viewer = staff(inbox.org_id, "customers:view")
    assert (await call(address, "PATCH", path, viewer, json=change))[0] == 403
    stranger = staff(uuid4(), "customers:edit")
    assert (await call(address, "PATCH", path, stranger, json=change))[0] == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"status": "deleted"}, "status"),
        ({"notes": "x" * 2001}, "notes"),
        ({"notes": "a\u0000b"}, "notes"),
        ({"reason": ""}, "reason"),
        ({"version": 0}, "version"),
        ({"version": 2**31}, "version"),
        ({"no_show_count": 0}, "no_show_count"),
    ],
)
async def test_a_bad_edit_names_the_field_and_changes_nothing(
    address: str, inbox: Inbox, change: dict[str, object], field: str
) -> None:
    await inbox.hand(Story(inbox.org_id).confirmed())
    [before] = await inbox.customers()
    editor = staff(inbox.org_id, "customers:edit")
    status, problem = await call(
        address, "PATCH", f"/customers/{before['id']}", editor, json={"status": "blocked", **change}
    )
    assert status == 422
    assert problem["errors"][0]["field"].startswith(field)
    assert await inbox.customers() == [before]


@pytest.mark.parametrize("written", ["07700 900123", "00447700900123", "+447700900123"])
async def test_a_number_written_in_any_way_is_the_same_customer(
    address: str, inbox: Inbox, written: str
) -> None:
    """S1-2: one row, and one booking more each time."""
    await inbox.hand(
        example(VenueChanged).model_copy(
            update={"venue_id": uuid4(), "org_id": inbox.org_id, "default_country": "GB"}
        )
    )
    for count in (1, 2):
        # As booking reads what the guest typed, in the organisation's country.
        phone = normal_phone(written, "GB") if count == 2 else "+447700900123"
        await inbox.hand(
            Story(inbox.org_id, phone=phone, email=f"g{count}@example.com").confirmed()
        )
        [row] = await inbox.customers()
        assert row["total_bookings"] == count
    clerk = staff(inbox.org_id, "customers:view")
    status, found = await call(address, "GET", "/customers", clerk, params={"phone": written})
    assert (status, [each["id"] for each in found["items"]]) == (200, [str(row["id"])])


async def test_changes_of_a_customer_are_read_page_by_page_newest_first(
    address: str, inbox: Inbox
) -> None:
    """AUD-01."""
    await inbox.hand(Story(inbox.org_id).confirmed())
    [row] = await inbox.customers()
    path = f"/customers/{row['id']}"
    editor = staff(inbox.org_id, "customers:view", "customers:edit")
    wanted = ["blocked", "active", "inactive"]
    for standing in wanted:
        change = {"status": standing, "reason": f"now {standing}"}
        assert (await call(address, "PATCH", path, editor, json=change))[0] == 200
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        status, page = await call(address, "GET", f"{path}/changes", editor, params=query)
        assert status == 200
        seen += [change["reason"] for change in page["items"]]
        assert {change["actor"] for change in page["items"]} == {"key:k"}
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == [f"now {standing}" for standing in reversed(wanted)]
    stranger = staff(uuid4(), "customers:view")
    assert (await call(address, "GET", f"{path}/changes", stranger))[0] == 404


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "101"), ("cursor", "x")])
async def test_a_bad_page_of_changes_names_the_field(address: str, name: str, value: str) -> None:
    viewer = staff(uuid4(), "customers:view")
    path = f"/customers/{uuid4()}/changes"
    status, problem = await call(address, "GET", path, viewer, params={name: value})
    assert status == 422
    assert problem["errors"][0]["field"].endswith(name)
