import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.exceptions import DeliveryError, PublishError

from chassis.ids import uuid7
from chassis.messaging import publisher as module
from chassis.messaging.publisher import Publisher
from contracts import topology
from contracts.envelope import CONTENT_TYPE, Envelope

ROUTED = "booking.held.v1"  # to the payments service
UNROUTED = "nobody.listens.v1"


def envelope(kind: str = ROUTED, **more) -> Envelope:
    return Envelope(
        id=uuid7(),
        type=kind,
        source="booking",
        time=datetime.now(UTC),
        key=str(uuid4()),
        sequence=3,
        org_id=uuid4(),
        traceparent=f"00-{'a' * 32}-{'b' * 16}-00",
        **more,
    )


@asynccontextmanager
async def publishing(vhost):
    connection = await aio_pika.connect(vhost.amqp_url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        publisher = Publisher(await channel.get_underlay_channel(), topology.EXCHANGE)
        writing = asyncio.create_task(publisher.run())
        yield publisher, channel
        writing.cancel()


async def received(channel, service: str = "payments"):
    queue = await channel.get_queue(topology.queue(service), ensure=False)
    message = await queue.get(timeout=60)
    await message.ack()
    return message


@pytest.mark.parametrize(
    "body",
    [b"{}", '{"name": "Zoë"}'.encode(), b"x" * 300_000],
    ids=["small", "unicode", "three frames"],
)
async def test_a_message_arrives_as_aio_pika_would_have_sent_it(vhost, body):
    sent = envelope(expires_at=datetime.now(UTC))
    async with publishing(vhost) as (publisher, channel):
        async with asyncio.timeout(60):
            await publisher.publish(sent, body, mandatory=True)
        message = await received(channel)
    assert message.body == body
    assert Envelope.from_headers(message.headers) == sent
    assert message.content_type == CONTENT_TYPE
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.message_id == str(sent.id)
    assert message.type == message.routing_key == ROUTED


async def test_a_thousand_at_once_are_confirmed_and_keep_their_order(vhost):
    sent = [envelope() for _ in range(1000)]
    async with publishing(vhost) as (publisher, channel):
        async with asyncio.timeout(60):
            await asyncio.gather(*(publisher.publish(one, b"{}", mandatory=True) for one in sent))
        arrived = [(await received(channel)).message_id for _ in range(20)]
        assert arrived == [str(one.id) for one in sent[:20]]
        assert not (await channel.get_underlay_channel()).message_id_delivery_tag


async def test_a_message_that_no_queue_takes_is_an_error_only_when_it_is_mandatory(vhost):
    async with publishing(vhost) as (publisher, _), asyncio.timeout(60):
        returned = publisher.publish(envelope(UNROUTED), b"{}", mandatory=True)
        dropped = publisher.publish(envelope(UNROUTED), b"{}", mandatory=False)
        routed = publisher.publish(envelope(), b"{}", mandatory=True)
        with pytest.raises(PublishError):
            await returned
        await dropped
        await routed


async def test_a_message_that_a_full_queue_refuses_is_an_error(vhost):
    async with publishing(vhost) as (publisher, channel), asyncio.timeout(60):
        full = await channel.declare_queue(
            "full",
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-max-length": 1,
                "x-overflow": "reject-publish",
            },
        )
        await full.bind(topology.EXCHANGE, "fills.up.v1")
        with pytest.raises(DeliveryError):
            for _ in range(50):
                await publisher.publish(envelope("fills.up.v1"), b"{}", mandatory=True)


async def test_a_confirm_that_does_not_come_ends_the_publisher(vhost, monkeypatch):
    monkeypatch.setattr(module, "CONFIRM_TIMEOUT", 0.05)
    async with publishing(vhost) as (publisher, channel):
        underlay = await channel.get_underlay_channel()
        underlay.confirmations[10**6] = asyncio.get_running_loop().create_future()
        with pytest.raises(ExceptionGroup) as failure:
            await publisher.run()
        assert failure.group_contains(TimeoutError)
