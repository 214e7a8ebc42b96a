"""The answer to a booking: with the way to pay when it is there in time, with a link when not."""

import asyncio
import time
from uuid import UUID, uuid4

import aio_pika
import orjson
import pytest

from chassis.testing import eventually
from contracts.payments import PaymentReady
from contracts.testing import example
from contracts.topology import EXCHANGE
from gateway.waiting import ReadyPayments

BOOKING = uuid4()
PAYMENT = f"/bookings/{BOOKING}/payment"
READY = {"id": str(uuid4()), "status": "ready", "client_secret": "pi_1_secret_2"}
OWN = "holdfast.gateway."
"""How the names of the gateways' own queues begin."""
WAIT = 10
"""Seconds; as long as it may be, so that on the slowest machine what does not wait is told apart."""
PREPARING = {"id": READY["id"], "status": "preparing", "client_secret": None}


@pytest.fixture(autouse=True)
def _payments_may_be_slow(monkeypatch):
    """A look at the payment ends after half a second, which a busy machine may need."""
    monkeypatch.setattr("gateway.booking._READ_WITHIN", 30.0)


class Bus:
    """Publishes as payments does."""

    def __init__(self, channel) -> None:
        self._channel = channel

    async def ready(self, booking_id: UUID) -> None:
        message = example("payment.ready.v1").model_copy(update={"booking_id": booking_id})
        exchange = await self._channel.get_exchange(EXCHANGE, ensure=False)
        await exchange.publish(
            aio_pika.Message(message.model_dump_json().encode()), routing_key=PaymentReady.TYPE
        )


@pytest.fixture
async def bus(vhost):
    connection = await aio_pika.connect(vhost.amqp_url)
    async with connection:
        yield Bus(await connection.channel())


def held(manage_token, due: int = 5000, status: str = "pending_payment") -> dict:
    return {
        "id": str(BOOKING),
        "reference": "BK-1",
        "status": status,
        "amount_due_now": {"amount_minor": due, "currency": "GBP"},
        "manage_token": manage_token(BOOKING),
    }


async def listening(client) -> None:
    """Wait until the gateway hears what is announced."""
    await eventually(lambda: client.ready.listening)


async def book(client, **headers):
    began = time.perf_counter()
    got = await client.post(
        "/v1/bookings", {"session_id": "s"}, Idempotency_Key="k" * 20, **headers
    )
    return got, time.perf_counter() - began


async def test_the_answer_waits_for_the_payment_and_carries_it(
    gateway, services, manage_token, vhost, bus
):
    services.booking.answers(
        "POST", "/bookings", held(manage_token), 201, {"location": f"/bookings/{BOOKING}"}
    )
    services.payments.answers("GET", PAYMENT, {"code": "NOT_FOUND"}, 404)
    client = await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=WAIT)
    await listening(client)
    booking = asyncio.create_task(book(client))
    await eventually(lambda: services.payments.seen)
    services.payments.answers("GET", PAYMENT, READY)
    await bus.ready(BOOKING)
    got, seconds = await booking
    assert got.status == 201
    assert got.json["payment"] == READY
    assert got.json["reference"] == "BK-1"
    assert got.headers["location"] == f"/v1/bookings/{BOOKING}"
    assert seconds < WAIT
    reader = services.payments.seen[-1].principal
    assert (reader.kind, reader.booking_id) == ("manage", BOOKING)


async def test_an_announcement_before_bookings_answer_is_not_lost(
    gateway, services, manage_token, vhost, bus
):
    services.booking.answers("POST", "/bookings", held(manage_token), 201, after=0.5)
    services.payments.answers("GET", PAYMENT, READY)
    client = await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=WAIT)
    await listening(client)
    booking = asyncio.create_task(book(client))
    await eventually(lambda: services.booking.seen)
    await bus.ready(BOOKING)
    got, _ = await booking
    assert (got.status, got.json["payment"]) == (201, READY)
    assert len(services.payments.seen) == 1
    # What was heard of is asked for once; there is nothing more to wait for.
    services.payments.answers("GET", PAYMENT, PREPARING)
    got, _ = await book(client)
    assert (got.status, len(services.payments.seen)) == (202, 2)


async def test_not_ready_in_time_is_202_with_a_link(gateway, services, manage_token, vhost):
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    services.payments.answers("GET", PAYMENT, PREPARING)
    client = await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=0.6)
    await listening(client)
    got, seconds = await book(client)
    assert got.status == 202
    assert got.json["payment"] is None
    assert got.json["payment_url"] == f"/v1/bookings/{BOOKING}/payment"
    assert seconds > 0.5
    assert len(services.payments.seen) == 2


async def test_with_the_bus_down_the_answer_is_202_at_once(gateway, services, manage_token):
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    client = await gateway(PAYMENT_WAIT=WAIT)
    got, seconds = await book(client)
    assert (got.status, got.json["payment"]) == (202, None)
    assert seconds < WAIT


async def test_with_payments_down_the_place_is_held_all_the_same(
    gateway, services, manage_token, vhost
):
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    await services.payments.stop()
    client = await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=0.5)
    await listening(client)
    got, _ = await book(client)
    assert (got.status, got.json["id"]) == (202, str(BOOKING))
    await services.payments.start()


async def test_with_payments_hanging_the_answer_does_not_hang(
    gateway, services, manage_token, monkeypatch
):
    monkeypatch.setattr("gateway.booking._READ_WITHIN", 0.5)
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    services.payments.answers("GET", PAYMENT, READY, after=WAIT)
    client = await gateway()
    got, seconds = await book(client)
    assert (got.status, seconds < WAIT) == (202, True)


async def test_who_does_not_want_to_wait_does_not_ask(gateway, services, manage_token):
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    client = await gateway(PAYMENT_WAIT=0)
    got, _ = await book(client)
    assert got.status == 202
    assert not services.payments.seen


async def test_losing_the_bus_while_waiting_ends_the_wait(gateway, services, manage_token, vhost):
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    services.payments.answers("GET", PAYMENT, PREPARING)
    client = await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=WAIT)
    await listening(client)
    # The broker lists a connection some seconds after it was made.
    await eventually(vhost.connections)
    booking = asyncio.create_task(book(client))
    await eventually(lambda: services.payments.seen)
    assert vhost.cut_connections()
    got, seconds = await booking
    assert (got.status, seconds < WAIT) == (202, True)


async def test_after_the_bus_comes_back_waiting_works_again(
    gateway, services, manage_token, vhost, bus
):
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    services.payments.answers("GET", PAYMENT, PREPARING)
    client = await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=WAIT)
    await listening(client)
    queues = vhost.queues(OWN)
    await eventually(vhost.cut_connections)
    await eventually(lambda: vhost.queues(OWN) - queues)
    await listening(client)
    fresh = await aio_pika.connect(vhost.amqp_url)
    async with fresh:
        booking = asyncio.create_task(book(client))
        await eventually(lambda: services.payments.seen)
        services.payments.answers("GET", PAYMENT, READY)
        await Bus(await fresh.channel()).ready(BOOKING)
        got, _ = await booking
    assert (got.status, got.json["payment"]) == (201, READY)


async def test_where_only_a_card_is_to_be_saved_the_answer_waits_for_that(
    gateway, services, manage_token, vhost, bus
):
    services.booking.answers("POST", "/bookings", held(manage_token, due=0), 201)
    services.payments.answers("GET", PAYMENT, READY)
    client = await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=WAIT)
    await listening(client)
    booking = asyncio.create_task(book(client))
    await eventually(lambda: services.booking.seen)
    await bus.ready(BOOKING)
    got, _ = await booking
    assert (got.status, got.json["payment"]) == (201, READY)


async def test_when_nothing_is_due_the_answer_is_201_at_once(
    gateway, services, manage_token, vhost
):
    confirmed = held(manage_token, due=0, status="confirmed")
    services.booking.answers("POST", "/bookings", confirmed, 201)
    client = await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=WAIT)
    await listening(client)
    got, seconds = await book(client)
    assert (got.status, got.json["payment"]) == (201, None)
    assert seconds < WAIT
    assert not services.payments.seen


async def test_a_replayed_answer_carries_its_payment_again(gateway, services, manage_token):
    services.booking.answers(
        "POST", "/bookings", held(manage_token), 201, {"idempotent-replayed": "true"}
    )
    services.payments.answers("GET", PAYMENT, READY)
    client = await gateway()
    got, _ = await book(client)
    assert (got.status, got.json["payment"]) == (201, READY)
    assert len(services.payments.seen) == 1


async def test_how_a_payment_ended_is_an_answer_too(gateway, services, manage_token):
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    ended = {"id": READY["id"], "status": "succeeded", "client_secret": None}
    services.payments.answers("GET", PAYMENT, ended)
    client = await gateway()
    got, _ = await book(client)
    assert (got.status, got.json["payment"]) == (201, ended)


async def test_refusals_are_not_waited_for(gateway, services):
    services.booking.answers(
        "POST",
        "/bookings",
        {"code": "CAPACITY_EXCEEDED"},
        409,
        {"content-type": "application/problem+json"},
    )
    client = await gateway()
    got, _ = await book(client)
    assert (got.status, got.code) == (409, "CAPACITY_EXCEEDED")
    assert not services.payments.seen


async def test_staff_book_with_their_key_and_wait_as_well(gateway, services, keys, manage_token):
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    services.payments.answers("GET", PAYMENT, READY)
    client = await gateway()
    got, _ = await book(client, Authorization=f"Bearer {keys.make('bookings:create')}")
    assert (got.status, got.json["payment"]) == (201, READY)


async def test_garbage_on_the_bus_is_passed_over(gateway, services, manage_token, vhost, bus):
    client = await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=WAIT)
    await listening(client)
    exchange = await bus._channel.get_exchange(EXCHANGE, ensure=False)
    for body in (b"", b"{", b"\xff", orjson.dumps({"booking_id": "x"})):
        await exchange.publish(aio_pika.Message(body), routing_key=PaymentReady.TYPE)
    services.booking.answers("POST", "/bookings", held(manage_token), 201)
    services.payments.answers("GET", PAYMENT, PREPARING)
    booking = asyncio.create_task(book(client))
    await eventually(lambda: services.payments.seen)
    services.payments.answers("GET", PAYMENT, READY)
    await bus.ready(BOOKING)
    assert (await booking)[0].status == 201


async def test_each_gateway_has_a_queue_of_its_own_that_goes_with_it(gateway, vhost):
    await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=WAIT)
    await gateway(AMQP_URL=vhost.amqp_url, PAYMENT_WAIT=WAIT)

    def own() -> list[dict]:
        queues = vhost.management.call("GET", f"/queues/{vhost.name}")
        return [queue for queue in queues if queue["name"].startswith(OWN)]

    await eventually(lambda: len(own()) == 2)
    for queue in own():
        assert queue["exclusive"]
        assert queue["auto_delete"]
        assert queue["arguments"]["x-max-length"] == 10_000
    vhost.cut_connections()
    await eventually(lambda: len(own()) == 2)


async def test_what_is_remembered_is_bounded_in_number_and_time():
    now = 0.0
    ready = ReadyPayments(clock=lambda: now)
    ready.listening = True
    first = uuid4()
    ready.announce(first)
    for _ in range(10_000):
        ready.announce(uuid4())
    assert len(ready._recent) == 10_000
    with ready.expecting(first) as expected:
        assert not expected.over
    now = 120.0
    latest = uuid4()
    ready.announce(latest)
    assert list(ready._recent) == [latest]
    assert not ready._waiting
