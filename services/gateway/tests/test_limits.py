"""How often a caller may ask (GTW-01), and who counts as one caller."""

from ipaddress import ip_network

import pytest
from limits import RateLimitItemPerSecond
from limits.aio.strategies import MovingWindowRateLimiter

from gateway.addresses import TrustedProxies, networks
from gateway.limits import BoundedMemory, Limits, Window
from gateway.settings import DEFAULT_LIMITS


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_the_sixth_booking_attempt_in_a_minute_is_429(gateway, services):
    """S0-17."""
    services.booking.answers("POST", "/bookings", {}, 422)
    client = await gateway()
    got = [await client.post("/v1/bookings", {}) for _ in range(6)]
    assert [one.status for one in got] == [422] * 5 + [429]
    assert [one.headers["ratelimit-remaining"] for one in got] == ["4", "3", "2", "1", "0", "0"]
    refused = got[-1]
    assert refused.code == "RATE_LIMIT_EXCEEDED"
    assert refused.headers["ratelimit-limit"] == "5"
    assert 1 <= int(refused.headers["ratelimit-reset"]) <= 60
    assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
    assert len(services.booking.seen) == 5


async def test_codes_are_guessed_slowly_and_asking_for_prices_uses_up_no_booking(gateway, services):
    services.booking.answers("POST", "/quotes", {}, 422)
    services.booking.answers("POST", "/bookings", {}, 422)
    client = await gateway()
    got = [(await client.post("/v1/quotes", {})).status for _ in range(21)]
    assert got == [422] * 20 + [429]
    assert (await client.post("/v1/bookings", {})).status == 422


async def test_a_patient_caller_cannot_hold_a_whole_house(gateway, services):
    """F-12: a pace within the minute's limit is not free for ever."""
    services.booking.answers("POST", "/bookings", {}, 422)
    client = await gateway(RATE_LIMITS={"booking": [100, 60], "holding": [3, 900]})
    got = [await client.post("/v1/bookings", {}) for _ in range(4)]
    assert [one.status for one in got] == [422, 422, 422, 429]
    assert got[-1].headers["ratelimit-limit"] == "3"
    assert int(got[-1].headers["retry-after"]) > 60


async def test_the_fourth_payment_attempt_in_a_minute_is_refused():
    """S0-17, as far as a way to start a payment apart from a booking goes through here."""
    limits = Limits(DEFAULT_LIMITS)
    verdicts = [await limits.hit("payment", "a") for _ in range(4)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]


async def test_classes_are_counted_apart(gateway, services):
    services.booking.answers("POST", "/bookings", {}, 422)
    services.booking.answers("GET", "/offerings", [])
    client = await gateway(RATE_LIMITS={"booking": [1, 60], "reads": [2, 60]})
    assert [(await client.post("/v1/bookings", {})).status for _ in range(2)] == [422, 429]
    assert [(await client.get("/v1/offerings")).status for _ in range(3)] == [200, 200, 429]


async def test_keys_are_counted_by_key_not_by_address(gateway, services, keys):
    services.booking.answers("POST", "/bookings", {}, 422)
    client = await gateway(RATE_LIMITS={"booking": [1, 60], "keys": [3, 60]})
    one, other = keys.make("bookings:create"), keys.make("bookings:create")

    async def statuses(key: str) -> list[int]:
        shown = f"Bearer {key}"
        return [
            (await client.post("/v1/bookings", {}, Authorization=shown)).status for _ in range(4)
        ]

    assert await statuses(one) == [422, 422, 422, 429]
    assert await statuses(other) == [422, 422, 422, 429]
    assert (await client.post("/v1/bookings", {})).status == 422


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(gateway, services):
    services.booking.answers("POST", "/bookings", {}, 422)
    limits = {"booking": [1, 60]}

    async def statuses(client) -> list[int]:
        return [
            (await client.post("/v1/bookings", {}, X_Forwarded_For=f"192.0.2.{n}")).status
            for n in range(3)
        ]

    assert await statuses(await gateway(RATE_LIMITS=limits)) == [422, 429, 429]
    trusting = await gateway(RATE_LIMITS=limits, TRUSTED_PROXIES="127.0.0.1")
    assert await statuses(trusting) == [422, 422, 422]


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("192.0.2.9", [b"198.51.100.1"], "192.0.2.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
        # what the client wrote itself stands left of what our proxy saw
        ("10.0.0.1", [b"203.0.113.5, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"203.0.113.5", b"198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"203.0.113.5, 10.0.0.7, 10.0.0.8"], "203.0.113.5"),
        ("10.0.0.1", [b"10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [b"198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [b"nonsense, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b", ,"], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", [b"[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("10.0.0.1", [b"2001:db8:1:2:ffff::4"], "2001:db8:1:2::/64"),
        ("10.0.0.1", [b"::ffff:198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"\xff\xfe"], "10.0.0.1"),
        ("10.0.0.1", [b"1.1.1.1," * 500 + b"198.51.100.1"], "198.51.100.1"),
        (None, [b"198.51.100.1"], "unknown"),
    ],
)
def test_the_caller_is_the_first_address_from_the_right_that_is_not_ours(peer, forwarded, caller):
    assert TrustedProxies(networks("10.0.0.0/8")).caller(peer, forwarded) == caller


def test_networks_are_read_from_a_list():
    assert networks(" 10.0.0.0/8, ::1 ,") == (ip_network("10.0.0.0/8"), ip_network("::1"))
    with pytest.raises(ValueError):
        networks("10.0.0.0/8,nonsense")


def window(amount: int, seconds: int, clock: Clock) -> Limits:
    return Limits({"reads": Window(amount, seconds)}, clock=clock)


async def test_the_window_moves():
    clock = Clock()
    limits = window(2, 60, clock)
    assert (await limits.hit("reads", "a")).allowed
    clock.now += 30
    assert (await limits.hit("reads", "a")).allowed
    refused = await limits.hit("reads", "a")
    assert (refused.allowed, refused.remaining, refused.reset) == (False, 0, 30)
    clock.now += 30
    assert (await limits.hit("reads", "a")).allowed
    assert not (await limits.hit("reads", "a")).allowed


async def test_a_refused_request_does_not_lengthen_the_wait():
    clock = Clock()
    limits = window(1, 60, clock)
    await limits.hit("reads", "a")
    for _ in range(50):
        clock.now += 1
        assert not (await limits.hit("reads", "a")).allowed
    clock.now += 10
    assert (await limits.hit("reads", "a")).allowed


async def test_memory_is_bounded_and_forgets_who_was_idle_longest():
    memory = BoundedMemory(callers=100)
    limiter = MovingWindowRateLimiter(memory)
    item = RateLimitItemPerSecond(1, 60)
    assert await limiter.hit(item, "held")
    for n in range(1000):
        await limiter.hit(item, f"other{n}")
        assert not await limiter.hit(item, "held")
    assert len(memory) == 100


async def test_a_broken_shared_counter_neither_closes_nor_opens_the_shop():
    clock = Clock()
    limits = Limits({"reads": Window(2, 60)}, "redis://127.0.0.1:1/", clock=clock)
    verdicts = [await limits.hit("reads", "a") for _ in range(3)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, False]
