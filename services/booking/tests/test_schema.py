"""The database says the same as the code: tables, lifecycle, tenants, and how queries run."""

import re
from datetime import timedelta

import asyncpg
import pytest
from asyncpg import Range

from booking.domain.lifecycle import FIRST, TRANSITIONS, PaymentStatus, Status
from booking.domain.presets import Preset
from booking.store import bookings, for_hold, holding, places, sessions, upcoming
from booking.store.tables import metadata
from booking.store.upcoming import Within
from chassis import migrations
from chassis.db import Transaction


async def test_migrations_equal_the_models(urls):
    found = [
        difference
        for difference in await migrations.differences(urls.owner_url, metadata)
        # Its own bookkeeping is no model of ours.
        if "alembic_version" not in str(difference)
    ]
    assert found == []


async def test_the_lifecycle_in_the_database_is_the_one_in_the_code(admin):
    """Tries every pair of states against the constraint itself."""
    definition = await admin.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'bookings_transition'"
    )
    check = definition.removeprefix("CHECK ")
    legal = {(before, after) for (_, before), after in TRANSITIONS.items()}
    for after in Status:
        for before in [None, *Status]:
            allowed = await admin.fetchval(
                f"SELECT {check} FROM (SELECT $1::text AS previous_status, $2::text AS status) t",
                before,
                after.value,
            )
            assert allowed is ((before, after) in legal if before else after in FIRST)


async def test_every_payment_status_can_be_stored(admin):
    definition = await admin.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conname = 'bookings_payment_status_check'"
    )
    assert all(f"'{status}'" in definition for status in PaymentStatus)


async def test_an_illegal_step_is_refused_by_the_database(world):
    session = await world.class_session()
    held = await world.hold(session)
    await world.cancel(held)
    with pytest.raises(asyncpg.CheckViolationError, match="bookings_transition"):
        await world.run(
            lambda tx: tx.execute(
                "UPDATE bookings SET previous_status = status, status = 'confirmed', "
                "confirmed_at = now(), amount_paid = 1, payment_status = 'paid' WHERE id = $1",
                held.booking_id,
            )
        )


async def test_the_counter_cannot_pass_the_capacity(world):
    session = await world.class_session(capacity=2)
    with pytest.raises(asyncpg.CheckViolationError, match="sessions_capacity"):
        await world.run(
            lambda tx: tx.execute("UPDATE sessions SET taken = 3 WHERE id = $1", session.id)
        )


async def test_every_business_table_hides_other_tenants(admin):
    unprotected = await admin.fetch(
        """SELECT c.relname FROM pg_class c
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
             AND c.relname <> 'alembic_version'
             AND NOT (c.relrowsecurity AND EXISTS (
                 SELECT FROM pg_policy p WHERE p.polrelid = c.oid))"""
    )
    assert unprotected == []


@pytest.mark.parametrize("table", ["bookings", "audit", "receipts", "resources"])
async def test_history_cannot_be_deleted_by_the_service(world, table):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await world.run(lambda tx: tx.execute(f"DELETE FROM {table}"))


async def test_a_hold_leaves_the_row_of_its_table_alone(world):
    """Else everybody who ever books this table would lock the same row (decision 29)."""
    session, (table,) = await world.table_session()
    last_locked_by = "SELECT xmax::text FROM resources WHERE id = $1"
    before = await world.admin.fetchval(last_locked_by, table.id)
    await world.hold(session, [table])
    assert await world.admin.fetchval(last_locked_by, table.id) == before


async def _seed(world, sessions=200, holds=4000):
    """Enough rows that a sequential scan would be the cheaper plan for a missing index."""
    session, (table,) = await world.table_session()
    counted = await world.class_session(capacity=100_000)
    await world.admin.execute(
        """INSERT INTO sessions SELECT gen_random_uuid(), org_id, offering_id, venue_id, title,
               starts_at + n * interval '1 day', ends_at + n * interval '1 day', capacity, 0,
               status, 1, created_at
           FROM sessions, generate_series(1, $2) n WHERE id = $1""",
        counted.id,
        sessions,
    )
    await world.admin.execute(
        """INSERT INTO bookings (id, org_id, venue_id, offering_id, session_id, reference, status,
               payment_status, version, party_size, units, resource_ids, currency, amount_total,
               amount_due_now, amount_paid, policy, payment_methods, given_name, family_name,
               display_name, sealed_contact, email_hash, locale, source, created_at, confirmed_at,
               starts_at, ends_at, status_at)
           SELECT gen_random_uuid(), s.org_id, s.venue_id, s.offering_id, s.id,
               left(s.id::text, 8) || n, 'confirmed', 'paid', 1, 1, 1, '{}', 'GBP', 1, 1, 1, '{}',
               '{card}', 'a', '', 'a', 'x', 'x', 'en', 'web', now(), now(),
               s.starts_at, s.ends_at, now()
           FROM sessions s, generate_series(1, $2) n WHERE s.offering_id = $1""",
        counted.offering_id,
        holds // sessions,
    )
    await world.admin.execute(
        """INSERT INTO allocations SELECT b.id, 1, n, b.org_id, b.session_id, $2, 0,
               tstzrange(now() + n * interval '1 day', now() + n * interval '1 day' + interval '1 hour')
           FROM (SELECT * FROM bookings WHERE org_id = $1 LIMIT 1) b, generate_series(400, 4400) n""",
        world.org_id,
        table.id,
    )
    for name in ("sessions", "bookings", "allocations", "offerings"):
        await world.admin.execute(f"ANALYZE {name}")
    return session, table, counted


async def explain(world, sql, *args, scans=True):
    """The plan the service role gets, with row-level security in force."""

    async def work(tx):
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        if not scans:
            await tx.execute("SET LOCAL enable_seqscan = off")
        rows = await tx.fetch(f"EXPLAIN {sql}", *args)
        return "\n".join(row[0] for row in rows)

    return await world.run(work)


async def test_what_stands_against_archiving_can_be_found_by_index_as_the_service_role(world):
    """Row-level security keeps an index out of reach of operators that are not leakproof."""
    session, (table,) = await world.table_session()
    for within, thing in (
        (Within.SESSION, session.id),
        (Within.OFFERING, session.offering_id),
        (Within.VENUE, world.venue_id),
    ):
        plan = await explain(world, upcoming.live_bookings(within), thing, scans=False)
        assert "allocations_session" in plan
        assert "sessions_offering" in plan or "sessions_pkey" in plan
        assert "Seq Scan" not in plan
    of_table = await explain(world, upcoming.TABLE_BOOKED, table.id, None, scans=False)
    assert "allocations_exclusive" in of_table
    others = await explain(world, upcoming.TABLES_BOOKED, session.id, [table.id], scans=False)
    assert "allocations_session" in others


async def test_hot_queries_use_their_indexes_as_the_service_role(world):
    session, _, counted = await _seed(world)
    now = await world.now()
    looked_at = await explain(world, for_hold.BY_ID, counted.id, [])
    assert "sessions_pkey" in looked_at
    span = Range(now, now + timedelta(hours=2))
    for wanted in (
        await explain(world, for_hold.BY_START, counted.offering_id, now, []),
        await explain(
            world, for_hold.BY_START_WITH_FLOOR, counted.offering_id, now, span, timedelta(0)
        ),
    ):
        assert "sessions_offering" in wanted
        assert "Seq Scan on sessions" not in wanted
    page = await explain(
        world,
        sessions.PAGE,
        counted.offering_id,
        now,
        now.replace(year=now.year + 1),
        now,
        session.id,
        ["open"],
        50,
    )
    assert "sessions_offering" in page
    assert "bookings_waiting" in page
    lapsed = await explain(world, bookings.LAPSED_UNITS, counted.id, now, 1)
    assert "bookings_waiting" in lapsed
    lock = await explain(world, bookings.LOCK, session.id)
    assert "bookings_pkey" in lock
    for plan in (looked_at, page, lapsed, lock):
        assert "Seq Scan on bookings" not in plan
        assert "Seq Scan on sessions" not in plan


async def test_the_hold_reads_only_by_key_and_by_guest(world, monkeypatch):
    session, table, counted = await _seed(world)
    seen = {}
    fetchrow = Transaction.fetchrow

    async def watched(tx, sql, *args):
        seen[sql] = args
        return await fetchrow(tx, sql, *args)

    monkeypatch.setattr(Transaction, "fetchrow", watched)
    await world.hold(session, [table])
    await world.hold(counted)
    monkeypatch.undo()
    for statement in (holding.TAKE[places.UNITS], holding.TAKE[places.RESOURCES]):
        plan = await explain(world, statement, *seen[statement])
        assert "sessions_pkey" in plan
        assert "bookings_email" in plan
        assert "bookings_phone" in plan
        assert "Seq Scan" not in plan.replace("Seq Scan on blocked_contacts", "")


async def test_who_has_a_table_is_found_by_the_ledgers_own_index(world, admin):
    """Under row-level security && would not use it, so the owner's function asks."""
    session, table, _ = await _seed(world)
    body = await admin.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'live_allocations'")
    plan = "\n".join(
        row[0]
        for row in await admin.fetch(
            "EXPLAIN "
            + body.replace("wanted)", f"ARRAY['{table.id}'::uuid])").replace(
                "span", f"tstzrange('{session.starts_at}', '{session.ends_at}')"
            )
        )
    )
    assert "allocations_exclusive" in plan


async def test_the_database_knows_which_offerings_are_at_tables(world):
    for preset in Preset:
        offering = await world.offering(preset, pricing={"kind": "free"})
        inventory = offering.inventory
        assert await world.admin.fetchval(
            "SELECT at_tables FROM offerings WHERE id = $1", offering.id
        ) is (inventory.assigns_tables or inventory.tables_are_chosen), preset


async def test_a_venue_s_classes_cost_its_diners_nothing(world):
    """Of a hundred sessions around a dinner, only those at tables are looked through."""
    session, _ = await world.table_session()
    span = Range(session.starts_at, session.ends_at)

    async def touched():
        async def work(tx):
            asked = "SELECT * FROM floor_at($1, $2)"
            await tx.fetch(asked, world.venue_id, span)  # plans
            return await tx.fetch(
                f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {asked}", world.venue_id, span
            )

        plan = "\n".join(row[0] for row in await world.run(work))
        return sum(map(int, re.findall(r"(?:hit|read)=(\d+)", plan.split("Planning:")[0])))

    before = await touched()
    classes = await world.offering(pricing={"kind": "free"})
    for hour in range(100):
        await world.open(classes, starts_in=timedelta(days=10, hours=hour - 50))
    assert await touched() < before + 100  # a page for each that it looks at, and more
