"""Seated parties, step by step, whatever happens in what order: the ledger is its counters.

Each party that asks is given exactly the tables that trying everything gives it, and refused only
when there are none: the state it is judged by is read from the rows themselves.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

import asyncpg
from by_trial import best
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from midweek import midweek
from restaurant import Restaurant, drift, hours, twice

from booking.domain.inventory import Seats, Table
from booking.domain.refusals import (
    CannotCancel,
    CannotReschedule,
    Full,
    InvalidRequest,
    ResourceTaken,
)
from booking.usecases.change_tables import ChangeTables, change_tables
from chassis.db import Database

ROOM = {1: (1, 2, "bar"), 2: (1, 2, "bar"), 3: (2, 4), 4: (2, 6, None, 50)}
PACING, COVERS, JOINED = 6, 14, 2
CLOCKS = ["18:00", "18:30", "19:30", "20:00"]
DEPOSIT = {"kind": "deposit", "amount_minor": 500}
LIVE = (
    "pending_payment",
    "requires_authentication",
    "confirmed",
    "checked_in",
    "completed",
    "no_show",
)


class Evening(RuleBasedStateMachine):
    world_of = None  # set by the test
    runner = None

    def run_(self, coroutine):
        return self.runner.run(coroutine)

    @initialize()
    def open_doors(self):
        self.held = []
        self.run_(self._open())

    async def _open(self):
        self.world = await self.world_of()
        await midweek(self.world.admin)
        self.dining = await Restaurant.open(
            self.world, ROOM, pricing=DEPOSIT, schedule=hours(start_interval_minutes=30),
            inventory={
                "pacing_covers": PACING, "pacing_minutes": 30, "covers_per_session": COVERS,
                "max_joined": JOINED,
            },
        )  # fmt: skip
        self.tables = [
            Table(
                self.dining.tables[number],
                number,
                Seats(low, high),
                more[0] if more else None,
                more[1] if len(more) > 1 else 100,
            )
            for number, (low, high, *more) in ROOM.items()
        ]

    async def _free(self, starts_at, *, but=None):
        """Tables, covers of the interval and of the session that no live, unlapsed party has."""
        rows = await self.world.admin.fetch(
            """SELECT a.resource_id, a.units, b.starts_at, b.ends_at FROM allocations a
               JOIN bookings b ON b.id = a.booking_id
               WHERE a.org_id = $1 AND a.released_at IS NULL AND b.id IS DISTINCT FROM $2
                   AND NOT (b.status IN ('pending_payment', 'requires_authentication')
                       AND b.expires_at <= messaging.now())""",
            self.world.org_id,
            but,
        )
        ends_at = starts_at + timedelta(hours=2)
        had = {
            row["resource_id"]
            for row in rows
            if row["starts_at"] < ends_at and row["ends_at"] > starts_at
        }
        paced = sum(row["units"] for row in rows if row["starts_at"] == starts_at)
        free = [table for table in self.tables if table.id not in had]
        return free, PACING - paced, COVERS - sum(row["units"] for row in rows)

    async def _expected(self, clock, party, *, but=None):
        free, paced, covers = await self._free(await self.dining.at(clock), but=but)
        if party > covers:
            return "COVERS"
        if party > paced:
            return "PACING"
        tables = best(free, party, JOINED)
        return "TABLES" if tables is None else [table.number for table in tables]

    @rule(clock=st.sampled_from(CLOCKS), party=st.integers(1, 6))
    def a_party_asks(self, clock, party):
        self.run_(self._ask(clock, party))

    async def _ask(self, clock, party):
        expected = await self._expected(clock, party)
        try:
            held = await self.dining.book(clock, party)
        except Full as refusal:
            answer = refusal.rule
        else:
            answer = await self.dining.numbers(held)
            self.held.append(held)
        assert answer == expected

    def some(self, data):
        return data.draw(st.sampled_from(self.held)) if self.held else None

    @rule(data=st.data())
    def money_arrives(self, data):
        if (held := self.some(data)) is not None:
            self.run_(self.world.pay(held))

    @rule(data=st.data())
    def the_timer_rings(self, data):
        if (held := self.some(data)) is not None:
            self.run_(self.world.expire(held))

    @rule(data=st.data())
    def the_guest_cancels(self, data):
        if (held := self.some(data)) is not None:
            with suppress(CannotCancel):
                self.run_(self.world.cancel(held))

    @rule(data=st.data(), numbers=st.sets(st.sampled_from(sorted(ROOM)), min_size=1, max_size=3))
    def staff_put_a_party_elsewhere(self, data, numbers):
        if (held := self.some(data)) is None:
            return
        command = ChangeTables(
            booking_id=held.booking_id,
            resource_ids=tuple(self.dining.tables[number] for number in numbers),
            actor="key:desk",
        )
        try:
            self.run_(self.world.run(lambda tx: change_tables(tx, command)))
        except (CannotReschedule, InvalidRequest, ResourceTaken):
            return
        assert self.run_(self.dining.numbers(held)) == sorted(numbers)

    @rule(data=st.data(), clock=st.sampled_from(CLOCKS))
    def a_party_moves(self, data, clock):
        if (held := self.some(data)) is not None:
            self.run_(self._move(held, clock))

    async def _move(self, held, clock):
        booking = await self.world.booking(held)
        expected = await self._expected(clock, booking.party_size, but=booking.id)
        start = await self.dining.at(clock)
        try:
            await self.world.reschedule(held, start=start, by="key:desk", reason="asked")
        except Full as refusal:
            answer = refusal.rule
        except (CannotReschedule, InvalidRequest):
            answer = expected
        else:
            answer = await self.dining.numbers(held)
        assert answer == expected

    @rule(minutes=st.sampled_from([15, 1, 14]))
    def time_passes(self, minutes):
        self.run_(self.world.advance(minutes=minutes))

    @invariant()
    def the_ledger_is_its_counters(self):
        if getattr(self, "dining", None) is not None:
            self.run_(self._compare())

    async def _compare(self):
        world = self.world
        assert not await drift(world)
        assert not await twice(world)
        assert not await world.admin.fetch(
            "SELECT * FROM pacing WHERE org_id = $1 AND covers > $2", world.org_id, PACING
        )
        rows = await world.admin.fetch(
            """SELECT b.id, b.resource_ids, b.units, b.status,
                   array_remove(array_agg(a.resource_id ORDER BY a.resource_id), NULL) AS had,
                   coalesce(sum(a.units), 0) AS covers
               FROM bookings b LEFT JOIN allocations a
                   ON a.booking_id = b.id AND a.released_at IS NULL
               WHERE b.org_id = $1 GROUP BY b.id""",
            world.org_id,
        )
        for row in rows:
            live = row["status"] in LIVE
            assert row["had"] == (sorted(row["resource_ids"]) if live else [])
            assert row["covers"] == (row["units"] if live else 0)


def test_an_evening_is_its_model(urls, make_world):
    with asyncio.Runner() as runner:
        db = Database(urls.url, pool_size=2, application_name="model")
        admin = runner.run(asyncpg.connect(urls.admin_url))

        async def fresh():
            return await make_world(db, admin)

        class Machine(Evening):
            world_of = staticmethod(fresh)

        Machine.runner = runner
        try:
            run_machine(
                Machine,
                settings=settings(
                    max_examples=15,
                    stateful_step_count=30,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],  # a failing run is short enough to read
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(admin.close())
            runner.run(db.close())
