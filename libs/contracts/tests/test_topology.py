"""The broker takes the definitions as they are, and keeps what a service couldn't handle."""

import base64
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractRobustChannel

from contracts import topology
from contracts.registry import CONTRACTS, consumed_by
from contracts.topology import DEAD_EXCHANGE, EXCHANGE, Queue, definitions, queues

SERVICES = ["booking", "customers", "notifications", "payments"]


def test_each_listening_service_has_a_queue_bound_to_what_it_consumes() -> None:
    assert [each.service for each in queues()] == SERVICES
    found = definitions("v")
    for each in queues():
        assert each.name == f"holdfast.{each.service}"
        bound = {
            binding["routing_key"]
            for binding in found["bindings"]
            if binding["destination"] == each.name
        }
        assert bound == set(consumed_by(each.service)) != set()


def test_queue_type_is_the_only_argument() -> None:
    for each in definitions()["queues"]:
        assert each["arguments"] == {"x-queue-type": "quorum"}
        assert each["durable"] is True


def test_single_active_consumer_is_an_option_and_off() -> None:
    assert not any(each.single_active_consumer for each in queues())
    alone = Queue("booking", (), single_active_consumer=True)
    assert alone.arguments == {"x-queue-type": "quorum", "x-single-active-consumer": True}


def test_exactly_one_policy_matches_each_queue() -> None:
    found = definitions()
    for each in found["queues"]:
        matching = [p for p in found["policies"] if re.search(p["pattern"], each["name"])]
        assert [policy["name"] for policy in matching] == [each["name"]]


def test_policies_lose_nothing_and_are_valid_from_3_10_to_4() -> None:
    found = definitions()
    names = {each["name"] for each in found["queues"]}
    for policy in found["policies"]:
        limits = policy["definition"]
        assert limits["delivery-limit"] > 0  # -1 would drop on 3.10, nothing would mean 20 on 4.0
        assert limits["overflow"] == "reject-publish"
        assert limits["max-length"] == 1_000_000
        if policy["name"].endswith(".dead"):
            assert limits["delivery-limit"] == topology.DEAD_DELIVERY_LIMIT
            assert "dead-letter-exchange" not in limits
        else:
            assert limits["delivery-limit"] == 20
            assert limits["dead-letter-strategy"] == "at-least-once"
            assert limits["dead-letter-exchange"] == DEAD_EXCHANGE
            assert f"{policy['name']}.dead" in names


def test_every_mandatory_message_reaches_a_queue() -> None:
    routed = {
        binding["routing_key"]
        for binding in definitions()["bindings"]
        if binding["source"] == EXCHANGE
    }
    assert {entry.name for entry in CONTRACTS if entry.mandatory} == routed


def test_a_user_comes_with_all_rights_in_the_vhost_and_no_readable_password() -> None:
    found = definitions("v", "holdfast", "sesame", tags=["monitoring", "management"])
    (user,) = found["users"]
    assert "sesame" not in json.dumps(found)
    raw = base64.b64decode(user["password_hash"])
    assert raw[4:] == hashlib.sha256(raw[:4] + b"sesame").digest()
    assert user["tags"] == "monitoring,management"
    assert found["permissions"] == [
        {"user": "holdfast", "vhost": "v", "configure": ".*", "write": ".*", "read": ".*"}
    ]
    assert "users" not in definitions("v")


@pytest.mark.parametrize(("user", "password"), [("holdfast", None), (None, "sesame")])
def test_half_a_user_is_refused(user: str | None, password: str | None) -> None:
    with pytest.raises(ValueError, match="together"):
        definitions("v", user, password)


class Broker:
    """The test broker's management API, with a vhost and user of its own for this module."""

    def __init__(self) -> None:
        self.management = urlsplit(os.environ["TEST_RABBITMQ_MANAGEMENT_URL"])
        self.name = f"contracts-{uuid4().hex[:12]}"
        amqp = urlsplit(os.environ["TEST_AMQP_URL"])
        self.url = f"amqp://{self.name}:sesame@{amqp.hostname}:{amqp.port}/{self.name}"

    def call(self, method: str, path: str, body: object = None) -> Any:
        credentials = f"{self.management.username}:{self.management.password}".encode()
        request = Request(
            f"http://{self.management.hostname}:{self.management.port}/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Basic {base64.b64encode(credentials).decode()}",
                "Content-Type": "application/json",
            },
        )
        with urlopen(request, timeout=120) as response:
            content = response.read()
        return json.loads(content) if content else None


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    if "TEST_RABBITMQ_MANAGEMENT_URL" not in os.environ or "TEST_AMQP_URL" not in os.environ:
        raise pytest.UsageError("TEST_AMQP_URL is not set: run the tests with `make test`")
    broker = Broker()
    broker.call("POST", "/definitions", definitions(broker.name, broker.name, "sesame"))
    yield broker
    broker.call("DELETE", f"/vhosts/{quote(broker.name)}")
    broker.call("DELETE", f"/users/{quote(broker.name)}")


@pytest.fixture
async def channel(broker: Broker) -> AsyncIterator[AbstractRobustChannel]:
    connection = await aio_pika.connect_robust(broker.url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        assert isinstance(channel, AbstractRobustChannel)
        yield channel


def test_the_broker_loads_the_definitions_again_and_holds_nothing_else(broker: Broker) -> None:
    vhost = quote(broker.name)
    broker.call("POST", "/definitions", definitions(broker.name, broker.name, "sesame"))
    broker.call("POST", f"/definitions/{vhost}", definitions(broker.name))
    wanted = definitions(broker.name)

    def named(kind: str) -> dict[str, Any]:
        return {each["name"]: each for each in broker.call("GET", f"/{kind}/{vhost}")}

    assert {n: q["arguments"] for n, q in named("queues").items()} == {
        each["name"]: each["arguments"] for each in wanted["queues"]
    }
    assert {n: p["definition"] for n, p in named("policies").items()} == {
        each["name"]: each["definition"] for each in wanted["policies"]
    }
    ours = {n: e["type"] for n, e in named("exchanges").items() if n.startswith("holdfast.")}
    assert ours == {EXCHANGE: "topic", DEAD_EXCHANGE: "direct"}
    bound = {
        (each["source"], each["routing_key"], each["destination"])
        for each in broker.call("GET", f"/bindings/{vhost}")
        if each["source"]  # the default exchange binds every queue by its name
    }
    assert bound == {
        (each["source"], each["routing_key"], each["destination"]) for each in wanted["bindings"]
    }


async def test_a_message_reaches_exactly_those_who_listen(channel: AbstractRobustChannel) -> None:
    exchange = await channel.get_exchange(EXCHANGE)
    await exchange.publish(aio_pika.Message(b"{}"), "booking.confirmed.v1", mandatory=True)
    for service in ("customers", "notifications"):
        queue = await channel.get_queue(topology.queue(service))
        received = await queue.get(timeout=60)
        assert received is not None
        await received.ack()
    for service in ("booking", "payments"):
        queue = await channel.get_queue(topology.queue(service))
        assert await queue.get(fail=False, timeout=60) is None


async def test_a_message_nobody_listens_to_comes_back(channel: AbstractRobustChannel) -> None:
    exchange = await channel.get_exchange(EXCHANGE)
    with pytest.raises(aio_pika.exceptions.PublishError):
        await exchange.publish(aio_pika.Message(b"{}"), "notification.sent.v1", mandatory=True)


async def test_a_rejected_message_is_kept_in_its_own_dead_queue_only(
    channel: AbstractRobustChannel,
) -> None:
    exchange = await channel.get_exchange(EXCHANGE)
    message = aio_pika.Message(b"bad", headers={"cloudEvents_id": "x"})
    await exchange.publish(message, "booking.expired.v1", mandatory=True)
    queue = await channel.get_queue(topology.queue("payments"))
    received = await queue.get(timeout=60)
    assert received is not None
    await received.reject(requeue=False)
    letter = await _next(channel, topology.dead_queue("payments"))
    assert letter.body == b"bad"
    assert letter.headers["cloudEvents_id"] == "x"
    (death,) = letter.headers["x-death"]  # type: ignore[misc]
    assert death["routing-keys"] == ["booking.expired.v1"]  # type: ignore[index,call-overload]
    await letter.ack()
    for service in ("booking", "customers", "notifications"):
        other = await channel.get_queue(topology.dead_queue(service))
        assert await other.get(fail=False, timeout=60) is None


async def test_a_message_that_keeps_killing_its_worker_ends_in_the_dead_queue(
    channel: AbstractRobustChannel,
) -> None:
    exchange = await channel.get_exchange(EXCHANGE)
    await exchange.publish(aio_pika.Message(b"poison"), "payment.failed.v1", mandatory=True)
    queue = await channel.get_queue(topology.queue("booking"))
    deliveries = 0
    async with queue.iterator(timeout=60) as incoming:
        async for received in incoming:
            deliveries += 1
            await received.reject(requeue=True)
            if deliveries > topology.DELIVERY_LIMIT:
                break
    letter = await _next(channel, topology.dead_queue("booking"))
    assert letter.body == b"poison"
    await letter.ack()


async def test_a_dead_letter_outlives_more_deliveries_than_a_living_message(
    channel: AbstractRobustChannel,
) -> None:
    await channel.default_exchange.publish(
        aio_pika.Message(b"kept"), topology.dead_queue("customers"), mandatory=True
    )
    queue = await channel.get_queue(topology.dead_queue("customers"))
    for _ in range(topology.DELIVERY_LIMIT + 5):
        received = await _next(channel, queue.name)
        await received.reject(requeue=True)
    letter = await _next(channel, queue.name)
    assert letter.body == b"kept"
    await letter.ack()


async def _next(channel: AbstractRobustChannel, name: str) -> Any:
    """The queue's next message; at-least-once dead-lettering takes a moment."""
    queue = await channel.get_queue(name)
    async with queue.iterator(timeout=60) as incoming:
        async for received in incoming:
            return received
    raise AssertionError(f"nothing arrived in {name}")
