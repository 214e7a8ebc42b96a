"""What moving and waiting add to other statements is a look into an index, as the service's role."""

import pytest_asyncio

from booking.store import bookings, changes, ledger, waitlist
from chassis.db import Transaction
from chassis.ids import uuid7

_SESSIONS = """
INSERT INTO sessions (id, org_id, offering_id, venue_id, title, starts_at, ends_at, capacity,
    status, version, created_at)
SELECT gen_random_uuid(), org_id, offering_id, venue_id, title, starts_at + n * interval '1 hour',
    ends_at + n * interval '1 hour', capacity, status, 1, created_at
FROM sessions, generate_series(1, 5000) n WHERE id = $1
"""
_ENTRIES = """
INSERT INTO waitlist_entries (id, org_id, venue_id, offering_id, session_id, state, version,
    party_size, quantities, units, given_name, family_name, display_name, sealed_contact,
    email_hash, locale, until, booking_id, joined_at, settled_at)
SELECT gen_random_uuid(), s.org_id, s.venue_id, s.offering_id, s.id, 'lapsed', 1, 1, '{}', 1, 'a',
    '', 'a', 'x', sha256((s.id::text || n)::bytea), 'en', s.starts_at, $2, now(), now()
FROM sessions s, generate_series(1, 2) n WHERE s.offering_id = $1
"""
_CHANGES = """
INSERT INTO changes (id, org_id, venue_id, booking_id, state, by_guest, ledger_version, amount_due,
    currency, created_at, settled_at, place)
SELECT gen_random_uuid(), b.org_id, b.venue_id, b.id, 'done', true, 1, 0, 'GBP', now(), now(), '{}'
FROM bookings b, generate_series(1, 5000) WHERE b.id = $1
"""


async def explain(world, sql, *args):
    async def work(tx):
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        return "\n".join(row[0] for row in await tx.fetch(f"EXPLAIN {sql}", *args))

    return await world.run(work)


@pytest_asyncio.fixture
async def crowded(world):
    """A session among 5,000, with 10,000 groups that waited once and 5,000 moves made."""
    session = await world.class_session(capacity=10)
    held = await world.hold(session)
    await world.pay(held)
    await world.admin.execute(_SESSIONS, session.id)
    await world.admin.execute(_ENTRIES, session.offering_id, held.booking_id)
    await world.admin.execute(_CHANGES, held.booking_id)
    for table in ("sessions", "waitlist_entries", "changes", "bookings", "allocations"):
        await world.admin.execute(f"ANALYZE {table}")
    return session, held


async def test_freeing_a_place_looks_for_those_who_wait_in_one_small_index(
    world, crowded, monkeypatch
):
    _, held = crowded
    seen = {}
    fetchrow = Transaction.fetchrow

    async def watched(tx, sql, *args):
        seen[sql] = args
        return await fetchrow(tx, sql, *args)

    monkeypatch.setattr(Transaction, "fetchrow", watched)
    await world.cancel(held)
    monkeypatch.undo()
    save = await explain(world, bookings.SAVE, *seen[bookings.SAVE])
    release = await explain(world, ledger.RELEASE, held.booking_id, await world.now(), None)
    for plan in (save, release):
        assert "sessions_waited_for" in plan
        assert "Seq Scan on sessions" not in plan
        assert "Seq Scan on waitlist_entries" not in plan
    assert "waitlist_offers" in save


async def test_the_line_is_read_by_index(world, crowded):
    session, _ = crowded
    now = await world.now()
    plans = [
        await explain(world, waitlist.LINE, session.id, now, now, session.id),
        await explain(world, waitlist.PAGE, session.id, now, session.id, ["waiting"], 50),
    ]
    for plan in plans:
        assert "waitlist_" in plan
        assert "Seq Scan" not in plan


async def test_changes_are_found_by_booking_and_by_their_end(world, crowded):
    session, _ = crowded
    now = await world.now()
    lapsing = await explain(world, changes.LAPSED, session.venue_id, now)
    assert "changes_" in lapsing
    assert "Seq Scan on changes" not in lapsing
    assert "changes_pkey" in await explain(world, changes.READ, uuid7(), uuid7())
