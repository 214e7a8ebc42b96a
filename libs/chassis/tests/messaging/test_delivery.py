"""From commit to effect: in order per key, once, and whatever happens in between."""

import asyncio
import random
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from probe.worker import Tick, build

from chassis import metrics
from chassis.broker_admin import BrokerAdmin
from chassis.messaging import parked
from chassis.messaging.outbox import bucket_of
from chassis.testing import environment, eventually
from contracts.payments import PaymentProcessing
from contracts.testing import example

from .conftest import effects, process, publish, settings, settled, working


async def test_messages_of_a_key_arrive_once_and_in_order(db, urls, vhost):
    org = uuid4()
    sent = [("m", f"key-{n % 7}", n // 7 + 1) for n in range(140)]
    await publish(db, org, sent)
    async with working(build(settings(urls, vhost))):
        found = await settled(db, org, len(sent))
    assert len(found) == len(sent)
    for key in {key for key, *_ in found}:
        assert [s for k, s, _ in found if k == key] == list(range(1, 21))


async def test_confirmed_messages_are_archived_and_not_sent_again(db, urls, vhost):
    org = uuid4()
    async with working(build(settings(urls, vhost))):
        await publish(db, org, [("m", "archived", 1)])
        await settled(db, org, 1)
    rows = await db.statement(
        "SELECT published_at >= created_at AS later FROM messaging.archive WHERE org_id = $1", org
    )
    assert [row["later"] for row in rows] == [True]


async def test_a_refused_message_is_retried_and_leaves_one_effect(db, urls, vhost):
    org = uuid4()
    async with working(build(settings(urls, vhost))):
        await publish(db, org, [("retry once", "k", 1)])
        assert len(await settled(db, org, 1)) == 1


async def test_a_hopeless_message_is_parked_redriven_and_discarded(db, urls, vhost):
    org = uuid4()
    async with working(build(settings(urls, vhost))):
        await publish(db, org, [("park", "k", 1), ("always fails", "k", 2), ("m", "k", 3)])
        assert await settled(db, org, 1) == [("k", 3, "m")]

        async def both():
            async with db.transaction(None) as tx:
                found = await parked.listed(tx)
            return found if len(found) == 2 else None

        found = await eventually(both)
        errors = {row["error"] for row in found}
        assert "asked to" in errors
        assert "after 3 attempts: RuntimeError: always" in errors
        async with db.transaction(None) as tx:
            assert await parked.redrive(tx, message_id=found[0]["message_id"]) == 1
            assert await parked.discard(tx, found[1]["message_id"])

        async def parked_again():
            async with db.transaction(None) as tx:
                (row,) = await parked.listed(tx)
            return row["redriven_at"] is None

        await eventually(parked_again)
    assert await effects(db, org) == [("k", 3, "m")]


async def test_a_redriven_message_is_in_the_bucket_of_its_key(db):
    """One process at a time has all that is to be done for a key."""
    keys = [f"key-{n}" for n in range(20)]
    await db.statement(
        "INSERT INTO messaging.parked (message_id, consumer, type, ordering_key, sequence, payload,"
        " attempt, error, created_at) SELECT gen_random_uuid(), 'customers', 'probe.tick', key, 1,"
        " '{}', 1, 'asked to', now() FROM unnest($1::text[]) AS key",
        keys,
    )
    async with db.transaction(None) as tx:
        assert await parked.redrive(tx) == len(keys)
    rows = await db.statement("SELECT ordering_key, bucket, redrive FROM messaging.outbox")
    assert sorted(row["ordering_key"] for row in rows) == sorted(keys)
    for row in rows:
        assert (row["bucket"], row["redrive"]) == (bucket_of(row["ordering_key"]), True)


async def test_timers_run_on_time_without_the_broker(db, urls, vhost):
    org = uuid4()
    service = build(settings(urls, vhost))
    unreachable = service.settings.model_copy(update={"AMQP_URL": "amqp://127.0.0.1:1/"})
    service.settings = unreachable
    async with working(service):
        async with db.transaction(org) as tx:
            due = await tx.now() + timedelta(milliseconds=300)
            tx.schedule(Tick(note="on time"), due_at=due, key="t1")
            tx.schedule(Tick(note="fail once"), due_at=due, key="t2")
            tx.schedule(Tick(note="never"), due_at=due + timedelta(days=3), key="t3")
        found = await eventually(lambda: at_least(db, org, 2))
        assert {note for *_, note in found} == {"on time", "fail once"}
        late = await db.statement(
            "SELECT done_at < $1::timestamptz AS early FROM messaging.inbox "
            "ORDER BY done_at DESC LIMIT 2",
            due,
        )
        assert not any(row["early"] for row in late)


async def at_least(db, org, count):
    found = await effects(db, org)
    return found if len(found) >= count else None


async def test_two_workers_share_the_buckets_and_keep_the_order(db, urls, vhost):
    org = uuid4()
    first = build(settings(urls, vhost))
    second = build(settings(urls, vhost))
    async with working(first) as one, working(second) as two:
        await eventually(lambda: len(one.leases.owned) == 32 and len(two.leases.owned) == 32)
        sent = [("m", f"shared-{n % 16}", n // 16 + 1) for n in range(160)]
        await publish(db, org, sent)
        found = await settled(db, org, 160)
    assert sorted((k, s) for k, s, _ in found) == sorted((k, s) for _, k, s in sent)


async def test_a_lost_broker_connection_loses_nothing(db, urls, vhost):
    org = uuid4()
    async with working(build(settings(urls, vhost))) as worker:
        await eventually(lambda: worker.broker_up)

        async def cut():
            for _ in range(5):
                await asyncio.to_thread(vhost.cut_connections)
                await asyncio.sleep(0.3)

        cutting = asyncio.create_task(cut())
        sent = [("m", f"cut-{n % 5}", n // 5 + 1) for n in range(200)]
        for at in range(0, 200, 40):
            await publish(db, org, sent[at : at + 40])
            await asyncio.sleep(0.2)
        await cutting
        found = await settled(db, org, 200)
    assert len(found) == 200


async def test_an_unroutable_message_waits_for_its_queue_and_raises_an_alarm(db, urls, vhost):
    vhost.management.call("DELETE", f"/queues/{vhost.name}/holdfast.booking")
    before = metrics.UNROUTABLE._value.get()
    async with working(build(settings(urls, vhost))):
        async with db.transaction(uuid4()) as tx:
            tx.publish(example(PaymentProcessing), key="unroutable", sequence=1)

        async def waiting():
            return await db.statement(
                "SELECT 1 FROM messaging.outbox WHERE ordering_key = 'unroutable'"
            )

        await eventually(lambda: metrics.UNROUTABLE._value.get() > before)
        assert await waiting()
        await asyncio.to_thread(
            BrokerAdmin(environment("TEST_RABBITMQ_MANAGEMENT_URL")).apply, vhost.name
        )

        async def gone():
            return not await waiting()

        await eventually(gone)
    (queue,) = [
        q
        for q in vhost.management.call("GET", f"/queues/{vhost.name}")
        if q["name"] == "holdfast.booking"
    ]
    await eventually(
        lambda: vhost.management.call(
            "POST",
            f"/queues/{vhost.name}/{queue['name']}/get",
            {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"},
        )
    )


async def test_messages_from_an_unknown_version_or_in_no_envelope_are_parked(db, urls, vhost):
    async with working(build(settings(urls, vhost))) as worker:
        await eventually(lambda: worker.broker_up)
        for properties in ({"message_id": "x"}, {"headers": {"cloudEvents_id": "nonsense"}}):
            vhost.management.call(
                "POST",
                f"/exchanges/{vhost.name}/holdfast.events/publish",
                {
                    "properties": properties,
                    "routing_key": "booking.confirmed.v1",
                    "payload": "{",
                    "payload_encoding": "string",
                },
            )

        async def both():
            async with db.transaction(None) as tx:
                # Without an id, one that the broker delivers again is parked again.
                return len(await parked.listed(tx, message_type="booking.confirmed.v1")) >= 2

        await eventually(both)


async def test_a_database_outage_burns_no_attempts(db, urls, vhost):
    org = uuid4()
    name = urls.url.rpartition("/")[2]
    admin = await asyncpg.connect(environment("TEST_POSTGRES_URL"))
    async with working(build(settings(urls, vhost))) as worker:
        await eventually(lambda: worker.broker_up)
        await publish(db, org, [("m", f"outage-{n}", 1) for n in range(30)])
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        await asyncio.sleep(3)
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        found = await settled(db, org, 30)
    await admin.close()
    assert len(found) == 30
    assert await db.statement("SELECT 1 FROM messaging.parked") == []


@pytest.mark.parametrize(
    "point",
    [
        "db.after_commit",  # of those transactions that leave work behind
        "relay.after_publish:3",
        "relay.after_confirm:3",
        "relay.before_delete",
        "consumer.before_ack:3",
        "timer.after_commit",
        "intent.before_call",
        "intent.after_call",
    ],
)
async def test_a_killed_process_loses_nothing(db, urls, vhost, tmp_path, point):
    calls, org = tmp_path / "calls", uuid4()
    sent = [("call" if n == 5 else "m", f"k{n % 3}", n // 3 + 1) for n in range(12)]
    random.Random(point).shuffle(sent)
    sent.sort(key=lambda m: m[2])
    await publish(db, org, sent)
    async with db.transaction(org) as tx:
        tx.schedule(Tick(note="tick"), due_at=await tx.now(), key=f"tick-{point}")
    more = {"PROBE_CALLS": str(calls)}
    async with process(urls, vhost, HOLDFAST_FAILPOINT=point, **more) as dying:
        assert await asyncio.wait_for(dying.wait(), 120) == -9
    # As after the lease, which is longer than a slow machine may make a call.
    await db.statement("UPDATE messaging.intents SET claim = NULL, next_at = now()")
    async with process(urls, vhost, **more):
        found = await settled(db, org, 14)
    done = sorted((k, s) for k, s, note in found if note in ("m", "call"))
    assert done == sorted((k, s) for _, k, s in sent)
    assert [note for *_, note in found].count("tick") == 1
    assert [note for *_, note in found].count("called") == 1
    assert len(set(calls.read_text().split())) == 1
    for key in ("k0", "k1", "k2"):
        order = [s for k, s, note in found if k == key and note in ("m", "call")]
        assert order == sorted(order), key
