"""Reads cost what they show: by indexes, as the service's role, beside 50,000 bookings of others."""

import re
from datetime import timedelta

import pytest_asyncio

from booking.store import front_desk, holding
from booking.store.audit_log import Asked
from booking.store.front_desk import Wanted
from booking.store.integrity import INVARIANTS
from booking.usecases import figures
from booking.usecases.check_integrity import check_integrity
from booking.usecases.list_bookings import list_bookings, looking_for, upcoming
from booking.usecases.read_audit import read_audit
from booking.usecases.recover import failed_bookings
from chassis.db import Transaction

OTHERS, OURS = 50_000, 3_000

_COPY = """
INSERT INTO bookings (id, org_id, venue_id, offering_id, session_id, reference, status,
    payment_status, version, party_size, units, resource_ids, currency, amount_total,
    amount_due_now, amount_paid, policy, payment_methods, given_name, family_name, display_name,
    sealed_contact, email_hash, phone_hash, locale, source, created_at, confirmed_at, starts_at,
    ends_at, status_at)
SELECT gen_random_uuid(), s.org_id, s.venue_id, s.offering_id, s.id,
    left(s.id::text, 8) || '-' || upper(right(s.id::text, 6)) || n, 'confirmed', 'paid', 1, 1, 1,
    '{}', 'GBP', 1, 1, 1, '{}', '{card}', 'Test', 'Guest', 'Test Guest ' || md5(n::text), 'x',
    sha256(('e' || n)::bytea), sha256(('p' || n)::bytea), 'en', 'web',
    messaging.now() - n * interval '1 minute', messaging.now(), s.starts_at + n * interval '1 minute',
    s.starts_at + (n + 60) * interval '1 minute', messaging.now()
FROM sessions s, generate_series(1, $2) n WHERE s.id = $1
"""
_AUDIT = """
INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor)
SELECT b.id, gen_random_uuid(), b.org_id, 'booking', 'booking.held', b.created_at, 'guest'
FROM bookings b WHERE b.session_id = $1
"""
_RECEIPTS = """
INSERT INTO receipts (payment_id, org_id, booking_id, amount_minor, currency, outcome, received_at)
SELECT gen_random_uuid(), b.org_id, b.id, 1, 'GBP', 'counted', b.created_at
FROM bookings b WHERE b.session_id = $1
"""


async def fill(world, count):
    session = await world.class_session(capacity=100_000)
    for script, values in ((_COPY, (session.id, count)), (_AUDIT, (session.id,)),
                           (_RECEIPTS, (session.id,))):  # fmt: skip
        await world.admin.execute(script, *values)
    return session


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowd(db, admin, make_world):
    other = await make_world(db, admin)
    await fill(other, OTHERS)
    world = await make_world(db, admin)
    session = await fill(world, OURS)
    for table in ("bookings", "audit", "receipts", "sessions", "allocations"):
        await admin.execute(f"VACUUM ANALYZE {table}")
    return world, session


class Watched:
    """The statements of some work, each explained after the fact as the role that ran it."""

    def __init__(self, world, monkeypatch):
        self._world = world
        self._monkeypatch = monkeypatch

    async def __call__(self, work):
        """The plan of every statement together, and how many pages they touched."""
        seen = []
        told = []
        fetch, execute = Transaction.fetch, Transaction.execute

        async def watched(tx, sql, *args):
            seen.append((tuple(told), sql, args))
            return await fetch(tx, sql, *args)

        async def watched_execute(tx, sql, *args):
            told.append(sql)
            return await execute(tx, sql, *args)

        with self._monkeypatch.context() as patch:
            patch.setattr(Transaction, "fetch", watched)
            patch.setattr(Transaction, "execute", watched_execute)
            await self._world.run(work)
        plans = [await self.explained(*statement) for statement in seen]
        assert plans
        touched = sum(
            sum(map(int, re.findall(r"(?:hit|read)=(\d+)", self._top(plan)))) for plan in plans
        )
        return "\n".join(plans), touched

    @staticmethod
    def _top(plan):
        """The first account of pages is that of the whole statement, functions included."""
        return re.search(r"Buffers: shared ([^\n]*)", plan)[1]

    async def explained(self, before, sql, args):
        async def work(tx):
            for told in before:
                await tx.execute(told)
            rows = await tx.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {sql}", *args)
            return "\n".join(row[0] for row in rows)

        return await self._world.run(work)


@pytest_asyncio.fixture
async def plan_of(crowd, monkeypatch):
    return Watched(crowd[0], monkeypatch)


def page(wanted, text=None, limit=50, after=None):
    async def work(tx, vault=None):
        meant = wanted if text is None else await looking_for(tx, wanted, text, vault)
        return await list_bookings(tx, meant, after=after, limit=limit)

    return work


def no_scans(plan, *tables):
    for table in tables or ("bookings", "audit", "receipts", "allocations"):
        assert f"Seq Scan on {table}" not in plan, plan


async def test_a_page_of_the_list_reads_a_page_and_no_more(crowd, plan_of):
    _, session = crowd
    start = session.starts_at
    for wanted, most in (
        (Wanted(), 300),
        (Wanted(newest_first=True), 300),
        (Wanted(since=start + timedelta(days=1), until=start + timedelta(days=2)), 300),
        (Wanted(first_day=start.date() + timedelta(days=1)), 600),
        (Wanted(last_day=start.date(), newest_first=True), 600),
        (Wanted(statuses=("confirmed",)), 300),
        (Wanted(offering_id=session.offering_id, venue_id=session.venue_id), 300),
    ):
        plan, touched = await plan_of(page(wanted))
        assert "bookings_listed" in plan, plan
        no_scans(plan)
        assert touched < most, (wanted, touched)


async def test_the_last_page_costs_what_the_first_does(crowd, plan_of):
    _, session = crowd
    deep = (session.starts_at + timedelta(minutes=OURS - 100), session.id)
    plan, touched = await plan_of(page(Wanted(), after=deep))
    no_scans(plan)
    assert touched < 300


async def test_a_rare_state_is_found_in_the_index_alone(crowd, plan_of):
    """None is cancelled: the index says so without one booking being read."""
    plan, touched = await plan_of(page(Wanted(statuses=("cancelled",))))
    no_scans(plan)
    assert touched < 100


async def test_an_offering_that_hardly_sells_is_found_in_the_index_alone(crowd, plan_of):
    world, session = crowd
    quiet = await world.class_session(starts_in=timedelta(days=500))
    await world.hold(quiet)
    plan, touched = await plan_of(page(Wanted(offering_id=quiet.offering_id)))
    no_scans(plan)
    assert touched < 150
    assert session.offering_id != quiet.offering_id


async def test_a_session_s_bookings_are_found_by_its_time(crowd, plan_of):
    world, _ = crowd
    small = await world.class_session(capacity=10, starts_in=timedelta(days=400))
    await world.hold(small)
    plan, touched = await plan_of(page(Wanted(session_id=small.id)))
    no_scans(plan)
    assert touched < 100


_RUSH = """
UPDATE bookings SET status = 'pending_payment', payment_status = 'unpaid', confirmed_at = NULL,
    amount_paid = 0, expires_at = messaging.now() + interval '15 minutes',
    previous_status = 'pending_payment'
WHERE session_id = $1
"""


async def test_a_rush_for_one_session_costs_a_hold_no_more(crowd, monkeypatch, admin):
    """Statistics were made when hardly anything was unpaid; now a thousand holds of one class are."""
    world, _ = crowd
    rush = await world.class_session(capacity=100_000, starts_in=timedelta(days=300))
    plans = []
    fetchrow = Transaction.fetchrow

    async def watched(tx, sql, *args):
        if sql in holding.TAKE.values():
            await tx.execute("SAVEPOINT before")
            await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            explained = await tx.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {sql}", *args)
            plans.append("\n".join(row[0] for row in explained))
            await tx.execute("ROLLBACK TO before")
        return await fetchrow(tx, sql, *args)

    monkeypatch.setattr(Transaction, "fetchrow", watched)
    await world.hold(rush)
    await admin.execute(_COPY, rush.id, 1_000)
    await admin.execute(_RUSH, rush.id)
    await world.hold(rush)
    before, after = (int(re.search(r"Buffers: shared hit=(\d+)", plan)[1]) for plan in plans)
    assert "bookings_waiting" not in plans[1], plans[1]
    assert after < before + 30


async def test_a_search_reads_what_it_finds(crowd, plan_of, admin):
    world, _ = crowd
    some = await admin.fetchrow(
        "SELECT display_name, reference FROM bookings WHERE org_id = $1 LIMIT 1 OFFSET 1700",
        world.org_id,
    )
    for text in (
        some["display_name"].split()[-1],  # 32 characters of a name
        some["display_name"][11:17],
        some["reference"],
        "guest@example.com",
        "07700 900123",
        "nobody of that name",
    ):

        async def search(tx, text=text):
            meant = await looking_for(tx, Wanted(), text, world.shop.vault)
            return await list_bookings(tx, meant, after=None, limit=50)

        plan, touched = await plan_of(search)
        no_scans(plan)
        assert touched < 700, (text, touched)


async def test_a_name_that_all_have_is_found_in_the_order_of_time(crowd, plan_of, monkeypatch):
    world, _ = crowd
    monkeypatch.setattr(front_desk, "MOST_FOUND", 500)

    async def search(tx):
        meant = await looking_for(tx, Wanted(), "test guest", world.shop.vault)
        return await list_bookings(tx, meant, after=None, limit=50)

    plan, touched = await plan_of(search)
    assert "bookings_listed" in plan
    no_scans(plan)
    assert touched < 1500


async def test_upcoming_figures_and_failures_use_their_indexes(crowd, plan_of):
    for work, index, most in (
        (lambda tx: upcoming(tx, None, after=None, limit=5), "bookings_listed", 200),
        (lambda tx: figures.trend(tx, 7, "created_at", None), "bookings_made", 12_000),
        (lambda tx: failed_bookings(tx, after=None, limit=50), "bookings_unfulfillable", 50),
    ):
        plan, touched = await plan_of(work)
        assert index in plan, plan
        no_scans(plan)
        assert touched < most, (index, touched)


async def test_the_dashboard_reads_its_periods_and_not_the_past(crowd, plan_of):
    plan, _ = await plan_of(lambda tx: figures.dashboard(tx, None))
    for index in ("bookings_listed", "bookings_made", "receipts_received"):
        assert index in plan
    no_scans(plan)


async def test_the_audit_log_is_read_from_its_end(crowd, plan_of):
    _, session = crowd
    for asked, index in (
        (Asked(), "audit_time"),
        (Asked(since=session.starts_at - timedelta(days=30)), "audit_time"),
        (Asked(actor="key:k1"), "audit_staff"),
        (Asked(entity="offering"), "audit_catalogue"),
        (Asked(entity_id=session.id), "audit_pkey"),
    ):
        plan, touched = await plan_of(
            lambda tx, asked=asked: read_audit(tx, asked, after=None, limit=50)
        )
        assert index in plan, plan
        no_scans(plan)
        assert touched < 500, (asked, touched)


async def test_the_integrity_report_reads_its_own_organisation_s_days(crowd, plan_of):
    """Holds of all tenants that wait are few; the rest is found by organisation and day."""
    plan, touched = await plan_of(lambda tx: check_integrity(tx, None))
    no_scans(plan, "bookings", "audit", "receipts")
    assert touched < len(INVARIANTS) * 20_000
