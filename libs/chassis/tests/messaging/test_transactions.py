"""State and messages commit together or not at all, and one tenant never sees another."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from probe.worker import Tick
from sqlalchemy import text

from .conftest import confirmed, effects


async def write(tx, note="x"):
    await tx.execute(
        "INSERT INTO effects (org_id, key, sequence, note) VALUES ($1, 'k', 1, $2)", tx.org_id, note
    )


async def outbox(db):
    return await db.statement("SELECT * FROM messaging.outbox ORDER BY position")


async def test_state_and_messages_commit_together(db):
    org = uuid4()
    async with db.transaction(org) as tx:
        await write(tx)
        tx.publish(confirmed("a"), key="k", sequence=1)
    (row,) = await outbox(db)
    assert (row["type"], row["ordering_key"], row["org_id"]) == ("booking.confirmed.v1", "k", org)
    assert len(await effects(db, org)) == 1


async def test_a_refusal_leaves_neither(db):
    org = uuid4()
    with pytest.raises(ValueError):
        async with db.transaction(org) as tx:
            await write(tx)
            tx.publish(confirmed("a"), key="k", sequence=1)
            raise ValueError("refused")
    assert await outbox(db) == []
    assert await effects(db, org) == []


async def test_a_cancelled_request_leaves_neither_and_the_pool_works_on(db):
    org, entered = uuid4(), asyncio.Event()

    async def hang():
        async with db.transaction(org) as tx:
            await write(tx)
            entered.set()
            await tx.execute("SELECT pg_sleep(5)")

    task = asyncio.create_task(hang())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await effects(db, org) == []


async def test_no_tenant_sees_anothers_rows(db):
    mine, other = uuid4(), uuid4()
    async with db.transaction(mine) as tx:
        await write(tx)
    assert await effects(db, other) == []
    async with db.transaction(None) as tx:
        assert await tx.fetchval("SELECT count(*) FROM effects") == 0
    async with db.transaction(other) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.execute(
                "INSERT INTO effects (org_id, key, sequence, note) VALUES ($1, 'k', 1, '')", mine
            )


async def test_core_statements_share_the_transaction(db):
    org = uuid4()
    with pytest.raises(ValueError):
        async with db.transaction(org) as tx:
            await write(tx)
            found = await tx.core(text("SELECT count(*) FROM effects"))
            assert found.scalar_one() == 1
            raise ValueError("roll back")
    assert await effects(db, org) == []


async def test_the_same_timer_key_replaces_and_unscheduling_removes(db):
    org = uuid4()
    async with db.transaction(org) as tx:
        now = await tx.now()
        tx.schedule(Tick(note="first"), due_at=now + timedelta(hours=1), key="hold:1")
    async with db.transaction(org) as tx:
        tx.schedule(Tick(note="second"), due_at=now + timedelta(hours=2), key="hold:1")
    (row,) = await outbox(db)
    assert row["due_at"] == now + timedelta(hours=2)
    assert "second" in row["payload"]
    async with db.transaction(org) as tx:
        tx.unschedule("hold:1")
    assert await outbox(db) == []


async def test_the_same_timer_key_replaces_within_a_transaction_too(db):
    async with db.transaction(uuid4()) as tx:
        now = await tx.now()
        for hours in (1, 2):
            tx.schedule(Tick(note="soon"), due_at=now + timedelta(hours=hours), key="hold:1")
    (row,) = await outbox(db)
    assert row["due_at"] == now + timedelta(hours=2)


async def test_an_intent_is_recorded_once_per_subject(db):
    for _ in range(2):
        async with db.transaction(uuid4()) as tx:
            tx.intend("call", subject="payment-1", lane="acct", payload={})
    assert len(await db.statement("SELECT * FROM messaging.intents")) == 1


async def test_a_deadlock_is_retried(db):
    org = uuid4()
    async with db.transaction(org) as tx:
        await write(tx, "a")
        await write(tx, "b")
    order = {0: ("a", "b"), 1: ("b", "a")}
    met, calls = asyncio.Barrier(2), []

    def update(which):
        async def work(tx):
            first, second = order[which]
            calls.append(which)
            await tx.execute("UPDATE effects SET sequence = sequence + 1 WHERE note = $1", first)
            if calls.count(which) == 1:
                await met.wait()
            await tx.execute("UPDATE effects SET sequence = sequence + 1 WHERE note = $1", second)

        return db.run(org, work)

    await asyncio.gather(update(0), update(1))
    assert len(calls) >= 3  # the victim may be one again, of the winner's retry
    assert [sequence for _, sequence, _ in await effects(db, org)] == [3, 3]


@pytest.mark.parametrize(("times", "calls"), [(1, 2), (3, 4), (100, 4)])
async def test_whoever_is_the_victim_again_tries_again_but_not_for_ever(db, times, calls):
    made = []

    async def work(tx):
        made.append(tx)
        if len(made) <= times:
            await tx.execute("DO $$ BEGIN RAISE deadlock_detected; END $$")
        return "done"

    if calls > times:
        assert await db.run(None, work) == "done"
    else:
        with pytest.raises(asyncpg.DeadlockDetectedError):
            await db.run(None, work)
    assert len(made) == calls


async def test_connections_that_the_server_ended_are_replaced_without_an_error(db, urls):
    for _ in range(20):
        await asyncio.gather(*(db.ping() for _ in range(5)))
        admin = await asyncpg.connect(urls.admin_url)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.close()
        await db.ping()
