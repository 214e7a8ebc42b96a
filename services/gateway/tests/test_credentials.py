"""Who is let in, as what, and for how long."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chassis.auth import Principal
from chassis.problems import Problem, Unavailable
from gateway.keys import ApiKeys, UnknownKey
from gateway.wire import Answer, Trail

BOOKING = uuid4()
PATH = f"/v1/bookings/{BOOKING}"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_manage_token_opens_its_booking_by_header_and_by_link(
    gateway, services, manage_token
):
    services.booking.answers("GET", f"/bookings/{BOOKING}", {"id": str(BOOKING)})
    org_id = uuid4()
    token = manage_token(BOOKING, org_id)
    client = await gateway()
    assert (await client.get(PATH, X_Manage_Token=token)).status == 200
    assert (await client.get(f"{PATH}?token={token}&a=b")).status == 200
    for seen in services.booking.seen:
        assert seen.principal == Principal(
            kind="manage", id=str(BOOKING), org_id=org_id, booking_id=BOOKING, epoch=1
        )
        assert token not in seen.query
        assert token not in str(seen.headers)
    assert services.booking.seen[1].query == "a=b"


async def test_a_manage_token_of_another_booking_finds_nothing(gateway, services, manage_token):
    client = await gateway()
    got = await client.get(PATH, X_Manage_Token=manage_token(uuid4()))
    assert (got.status, got.code) == (404, "NOT_FOUND")
    assert not services.booking.seen


async def test_the_token_of_a_place_in_line_opens_that_place_alone(gateway, services, manage_token):
    services.booking.answers("GET", f"/waitlist/{BOOKING}", {"id": str(BOOKING)})
    path = f"/v1/waitlist/{BOOKING}"
    client = await gateway()
    assert (await client.get(path, X_Manage_Token=manage_token(BOOKING))).status == 200
    assert (await client.get(path, X_Manage_Token=manage_token(uuid4()))).status == 404
    assert len(services.booking.seen) == 1


async def test_forged_and_expired_manage_tokens_are_401(gateway, services, manage_token):
    client = await gateway()
    token = manage_token(BOOKING)
    expired = manage_token(BOOKING, lifetime=timedelta(seconds=-1))
    for bad in (token[:-2] + "xx", expired, "a.b.c", "", "x" * 5000, "é", "%00"):
        got = await client.get(PATH, X_Manage_Token=bad)
        assert got.status == 401, bad
    assert not services.booking.seen


async def test_staff_paths_take_no_manage_token(gateway, manage_token):
    client = await gateway()
    got = await client.get(f"{PATH}/timeline", X_Manage_Token=manage_token(BOOKING))
    assert (got.status, got.code) == (401, "UNAUTHENTICATED")


async def test_nothing_shown_is_401_where_something_is_needed(gateway):
    client = await gateway()
    for path in (PATH, f"{PATH}/payment", "/v1/customers?phone=1", "/v1/venues"):
        got = await client.get(path)
        assert (got.status, got.code) == (401, "UNAUTHENTICATED")
        assert got.headers["www-authenticate"] == "Bearer"


async def test_keys_that_read_may_not_create_and_keys_that_write_may(gateway, services, keys):
    """S1-1."""
    services.booking.answers("POST", "/bookings", {}, 422)
    reads, writes, manages = (
        keys.make("bookings:view"),
        keys.make("bookings:view", "bookings:create", "bookings:edit", "bookings:cancel"),
        keys.make("bookings:manage"),
    )
    client = await gateway()
    refused = await client.post("/v1/bookings", {}, **bearer(reads))
    assert (refused.status, refused.code) == (403, "PERMISSION_MISSING")
    assert not services.booking.seen
    assert (await client.post("/v1/bookings", {}, **bearer(writes))).status == 422
    assert (await client.post("/v1/bookings", {}, **bearer(manages))).status == 422
    for seen, key in zip(services.booking.seen, (writes, manages), strict=True):
        told = keys.known[key]
        assert seen.principal.id == told["key_id"]
        assert str(seen.principal.org_id) == told["org_id"]
        assert seen.principal.permissions == frozenset(told["permissions"])


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer hf_unknown1_0123456789abcdef0123456789abcdef",
        "Bearer hf_short_x",
        "Bearer ",
        "Bearer sk_test_123",
        "Basic dXNlcjpwYXNz",
        "hf_unknown1_0123456789abcdef0123456789abcdef",
        "Bearer " + "x" * 3000,
        "Bearer hf_\xe9\xff_0123456789abcdef0123456789abcdef",
    ],
)
async def test_a_wrong_key_is_401_even_where_a_guest_would_do(gateway, services, keys, shown):
    client = await gateway()
    for path in ("/v1/offerings", "/v1/venues"):
        got = await client.get(path, Authorization=shown)
        assert (got.status, got.code) == (401, "API_KEY_INVALID")
    assert not services.booking.seen


async def test_operators_act_for_no_organisation(gateway, services, keys):
    services.booking.answers("POST", "/organisations", {}, 201)
    operator, staff = keys.make(kind="operator"), keys.make("catalogue:manage")
    client = await gateway()
    assert (await client.post("/v1/organisations", {}, **bearer(operator))).status == 201
    assert (await client.post("/v1/organisations", {}, **bearer(staff))).status == 403
    assert (await client.get("/v1/customers?phone=1", **bearer(operator))).status == 403


async def test_two_authorization_headers_are_refused(gateway):
    client = await gateway()
    got = await client.raw(
        "GET /v1/offerings HTTP/1.1", "Authorization: Bearer a", "Authorization: Bearer b"
    )
    assert got.startswith(b"HTTP/1.1 400 ")


async def test_customers_is_asked_once_for_many_requests(gateway, services, keys):
    services.booking.answers("GET", "/venues", [])
    key = keys.make("catalogue:view")
    client = await gateway()
    got = await asyncio.gather(*(client.get("/v1/venues", **bearer(key)) for _ in range(20)))
    assert {one.status for one in got} == {200}
    assert keys.checks[key] == 1


async def test_guessing_keys_is_limited_by_address(gateway, services, keys):
    good = keys.make("catalogue:view")
    services.booking.answers("GET", "/venues", [])
    client = await gateway(RATE_LIMITS={"credentials": [5, 60]})
    got = [
        await client.get("/v1/venues", **bearer(f"hf_guess{n:03}_{uuid4().hex}")) for n in range(8)
    ]
    assert [one.status for one in got] == [401] * 5 + [429] * 3
    assert sum(keys.checks.values()) == 5
    assert (await client.get("/v1/venues", **bearer(good))).status == 429


async def test_guests_do_not_notice_that_customers_is_down(gateway, services, keys):
    services.booking.answers("GET", "/offerings", [])
    key = keys.make("catalogue:view")
    await services.customers.stop()
    client = await gateway()
    assert (await client.get("/v1/offerings")).status == 200
    got = await client.get("/v1/offerings", **bearer(key))
    assert (got.status, got.code) == (503, "DEPENDENCY_UNAVAILABLE")
    await services.customers.start()


class Customers:
    """Customers as `ApiKeys` meets it, with a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: Answer | Problem = key_answer()
        self.asked = 0

    async def call(self, *_, **__) -> Answer:
        self.asked += 1
        if isinstance(self.told, Problem):
            raise self.told
        return self.told


def key_answer(**more) -> Answer:
    import orjson

    told = {"key_id": str(uuid4()), "org_id": str(uuid4()), "kind": "key", "permissions": []}
    return Answer.json(orjson.dumps({**told, **more}))


KEY = f"hf_abcdef_{uuid4().hex}"


def cached(customers: Customers):
    keys = ApiKeys(customers, clock=lambda: customers.now)

    async def no_limit() -> None:
        return None

    return lambda: keys.principal(KEY, Trail("r", "t"), no_limit)


async def test_a_key_is_asked_about_again_after_a_minute():
    customers = Customers()
    principal = cached(customers)
    await principal()
    customers.now += 59
    await principal()
    assert customers.asked == 1
    customers.now += 2
    await principal()
    assert customers.asked == 2


async def test_a_revoked_key_is_refused_after_a_minute_at_the_latest():
    customers = Customers()
    principal = cached(customers)
    await principal()
    customers.told = Answer(404)
    customers.now += 60
    with pytest.raises(UnknownKey):
        await principal()
    with pytest.raises(UnknownKey):
        await principal()
    assert customers.asked == 2


async def test_a_known_key_is_honoured_for_15_minutes_while_customers_is_down():
    customers = Customers()
    principal = cached(customers)
    known = await principal()
    customers.told = Unavailable()
    for _ in range(14):
        customers.now += 61
        assert await principal() == known
    customers.now = 1000 + 899
    assert await principal() == known
    customers.now = 1000 + 900
    with pytest.raises(Unavailable):
        await principal()


async def test_while_customers_is_down_it_is_asked_every_five_seconds_only():
    customers = Customers()
    principal = cached(customers)
    await principal()
    customers.told = Unavailable()
    customers.now += 61
    for _ in range(10):
        await principal()
    assert customers.asked == 2
    customers.now += 6
    await principal()
    assert customers.asked == 3


async def test_an_unknown_key_is_503_while_customers_is_down_not_401():
    customers = Customers()
    customers.told = Unavailable()
    with pytest.raises(Unavailable):
        await cached(customers)()


async def test_no_key_outlives_its_expiry_not_even_in_memory():
    customers = Customers()
    expires = datetime.now(UTC) + timedelta(seconds=30)
    customers.told = key_answer(expires_at=expires.isoformat())
    principal = cached(customers)
    await principal()
    customers.told = Unavailable()
    customers.now += 29
    await principal()
    customers.now += 2
    with pytest.raises(Unavailable):
        await principal()


@pytest.mark.parametrize("status", [401, 403, 422])
async def test_a_misunderstanding_with_customers_is_not_taken_for_a_wrong_key(status):
    customers = Customers()
    customers.told = Answer(status)
    with pytest.raises(Unavailable):
        await cached(customers)()
