"""Moves, pending changes and the waitlist against a model, step by step, in any order."""

import asyncio
from datetime import timedelta

import asyncpg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from midweek import midweek
from moves_model import CAPACITY, HEAD, HOLD, LATE, Booking, Change, Entry, Model, Spot

from booking.domain.refusals import (
    CannotCancel,
    CannotReschedule,
    CapacityExceeded,
    ChangePending,
    InvalidRequest,
    Refusal,
    ResourceTaken,
)
from booking.usecases.settle_change import fail_change
from chassis.db import Database

FAR = timedelta(days=300)
SPOTS = [Spot(session, party) for session in ("early", "second") for party in (1, 2, 3)] + [
    Spot(session, 4, table) for session in ("evening", "late") for table in (0, 1)
]


class Moves(RuleBasedStateMachine):
    world_of = None  # set by the test
    runner = None

    def run_(self, coroutine):
        return self.runner.run(coroutine)

    @initialize()
    def open_doors(self):
        self.model, self.past = Model(), []
        self.world = self.run_(self.world_of())
        self.run_(self._open())

    async def _open(self):
        world = self.world
        await midweek(world.admin)
        policy = {"reschedule": {"max_times": 100}}
        walks = await world.offering(
            "class",
            inventory={"capacity": CAPACITY, "units": "person", "party_max": 3},
            pricing={
                "kind": "per_head",
                "tiers": [{"key": "adult", "label": "Adult", "amount_minor": HEAD}],
            },
            policy=policy,
        )
        self.tables = [await world.table(number) for number in (1, 2)]
        tables = await world.offering("event_table", policy=policy)
        dearer = await world.offering(
            "event_table", pricing={"kind": "deposit", "amount_minor": LATE}, policy=policy
        )
        self.sessions = {
            "early": await world.open(walks, starts_in=FAR),
            "second": await world.open(walks, starts_in=FAR + timedelta(days=1)),
            "evening": await world.open(tables, starts_in=FAR),
            "late": await world.open(dearer, starts_in=FAR + timedelta(hours=1)),
        }

    def any_of(self, data, *statuses):
        """One of the bookings, those with these statuses first of all."""
        wanted = [b for b in self.model.bookings if b.status in statuses] or self.model.bookings
        return data.draw(st.sampled_from(wanted))

    @rule(spot=st.sampled_from(SPOTS))
    def hold(self, spot):
        may = self.model.fits(spot)
        tables = [] if spot.table is None else [self.tables[spot.table]]
        try:
            held = self.run_(self.world.hold(self.sessions[spot.session], tables, party=spot.party))
        except (CapacityExceeded, ResourceTaken):
            assert not may, f"{spot} was free"
        else:
            assert may, f"{spot} was not free"
            self.model.bookings.append(Booking(held, spot, self.model.minute + HOLD))

    @precondition(lambda self: self.model.bookings)
    @rule(data=st.data())
    def money_arrives(self, data):
        booking = self.any_of(data, "pending_payment", "expired")
        due = booking.held.due_now.amount_minor
        self.run_(self.world.pay(booking.held))
        self.model.pay(booking, due)

    @rule(spot=st.sampled_from(SPOTS))
    def hold_and_pay(self, spot):
        before = len(self.model.bookings)
        self.hold(spot)
        for booking in self.model.bookings[before:]:
            self.run_(self.world.pay(booking.held))
            self.model.pay(booking, spot.price)

    @precondition(lambda self: any(b.status == "confirmed" for b in self.model.bookings))
    @rule(data=st.data())
    def move(self, data):
        booking = self.any_of(data, "confirmed")
        # From a class to a table is possible for staff, but another story.
        like = [s for s in SPOTS if (s.table is None) == (booking.spot.table is None)]
        self._move(booking, data.draw(st.sampled_from(like)))

    @precondition(lambda self: any(b.change for b in self.model.bookings))
    @rule(data=st.data())
    def move_what_waits_for_a_change(self, data):
        pending = [b for b in self.model.bookings if b.change]
        self._move(data.draw(st.sampled_from(pending)), data.draw(st.sampled_from(SPOTS[:6])))

    @precondition(lambda self: any(b.status != "confirmed" for b in self.model.bookings))
    @rule(data=st.data())
    def move_what_cannot_be_moved(self, data):
        others = [b for b in self.model.bookings if b.status != "confirmed"]
        self._move(data.draw(st.sampled_from(others)), SPOTS[0])

    def _refusal(self, booking, spot, due):
        if booking.status != "confirmed":
            return CannotReschedule
        if booking.change is not None and not self.model.lapsed(booking.change):
            return ChangePending
        if spot == booking.spot:
            return InvalidRequest
        if not self.model.fits(spot, booking, beside=due > 0):
            return CapacityExceeded if spot.table is None else ResourceTaken
        return None

    def _move(self, booking, spot):
        if (spot.table is None) != (booking.spot.table is None):
            return
        due = spot.price - (booking.paid - booking.returned)
        refusal, refused = self._refusal(booking, spot, due), None
        wanted = {"by": "key:k1", "reason": "asked by phone", "party_size": spot.party}
        if spot.table is not None:
            wanted["resource_ids"] = (self.tables[spot.table].id,)
        try:
            done = self.run_(
                self.world.reschedule(booking.held, self.sessions[spot.session], **wanted)
            )
        except Refusal as no:
            refused = type(no)
        assert refused is refusal, f"{spot}"
        if refused is None and due > 0:
            booking.change = Change(spot, due, self.model.minute + HOLD, done.change)
            self.past.append((booking, booking.change))
        elif refused is None:
            self.model.move(booking, spot)

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def money_arrives_for_a_change(self, data):
        booking, change = data.draw(st.sampled_from(self.past))
        self.run_(self.world.pay_change(booking.held, change.made))
        self.model.pay_change(booking, change)

    @precondition(lambda self: self.past)
    @rule(data=st.data(), terminal=st.booleans())
    def a_change_cannot_be_paid(self, data, terminal):
        booking, change = data.draw(st.sampled_from(self.past))
        final = terminal or booking.spot.table is not None
        self.run_(
            self.world.run(
                lambda tx: fail_change(
                    tx, booking.held.booking_id, change.made.id, terminal=terminal
                )
            )
        )
        if booking.change is change and final:
            booking.change = None

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def the_timer_of_a_change_rings(self, data):
        booking, change = data.draw(st.sampled_from(self.past))
        self.run_(self.world.expire_change(booking.held, change.made))
        if booking.change is change and self.model.lapsed(change):
            booking.change = None

    @precondition(lambda self: self.model.bookings)
    @rule(data=st.data())
    def the_timer_of_a_hold_rings(self, data):
        booking = self.any_of(data, "pending_payment")
        self.run_(self.world.expire(booking.held))
        if self.model.lapsed(booking):
            self.model.settle(booking, "expired")

    @precondition(lambda self: self.model.bookings)
    @rule(data=st.data())
    def the_guest_cancels(self, data):
        booking = self.any_of(data, "confirmed", "pending_payment")
        may = self.model.live(booking)
        try:
            self.run_(self.world.cancel(booking.held))
        except CannotCancel:
            assert not may
        else:
            assert may
            self.model.settle(booking, "cancelled")

    @rule(spot=st.sampled_from(SPOTS))
    def a_group_joins_the_line(self, spot):
        entry = self.run_(self.world.wait_for(self.sessions[spot.session], spot.party))
        self.model.entries.append(Entry(entry, spot.session, spot.party))

    @precondition(lambda self: any(e.state == "waiting" for e in self.model.entries))
    @rule(data=st.data())
    def somebody_looks_at_the_line(self, data):
        waiting = [e.session for e in self.model.entries if e.state == "waiting"]
        session = data.draw(st.sampled_from(sorted(set(waiting))))
        self.run_(self.world.offer(self.sessions[session]))
        for booking in self.model.offers(session, [0, 1]):
            booking.held = self.run_(self.world.offered(booking.entry.entry))

    @precondition(
        lambda self: any(
            thing is not None and thing.ends > self.model.minute
            for b in self.model.bookings
            for thing in (b if b.status == "pending_payment" else None, b.change)
        )
    )
    @rule(minutes=st.sampled_from([15, 1, 14]))
    def time_passes(self, minutes):
        self.model.minute += minutes
        self.run_(self.world.advance(minutes=minutes))

    @invariant()
    def the_database_is_the_model(self):
        if getattr(self, "world", None) is not None:
            self.run_(self._compare())

    async def _compare(self):
        world, model = self.world, self.model
        rows = await world.admin.fetch("SELECT * FROM bookings WHERE org_id = $1", world.org_id)
        found = {row["id"]: row for row in rows}
        assert len(found) == len(model.bookings)
        ledger = await self._ledger()
        returned = await self._returned()
        for booking in model.bookings:
            row = found[booking.held.booking_id]
            if model.lapsed(booking) and row["status"] == "expired":
                model.settle(booking, "expired")
            if model.lapsed(booking.change) and row["change_id"] is None:
                booking.change = None
            status = {"gone": "unfulfillable"}.get(booking.status, booking.status)
            assert row["status"] == status
            assert row["change_id"] == (booking.change.made.id if booking.change else None)
            assert row["session_id"] == self.sessions[booking.spot.session].id
            assert row["party_size"] == booking.spot.party
            assert (row["amount_paid"], row["amount_returned"]) == (booking.paid, booking.returned)
            assert row["amount_total"] == booking.spot.price
            assert ledger.get(row["id"], {}) == model.ledger(booking)
            back = booking.bounced + booking.returned
            assert returned.get(str(row["id"]), 0) == back
        entries = await world.admin.fetch(
            "SELECT id, state FROM waitlist_entries WHERE org_id = $1", world.org_id
        )
        assert {row["id"]: row["state"] for row in entries} == {
            e.entry.id: e.state for e in model.entries
        }
        assert not await world.drift()
        assert not await world.admin.fetch(
            """SELECT FROM sessions s WHERE org_id = $1 AND waiting <> (
                   SELECT count(*) FROM waitlist_entries w
                   WHERE w.session_id = s.id AND w.state = 'waiting')""",
            world.org_id,
        )

    async def _ledger(self):
        rows = await self.world.admin.fetch(
            """SELECT booking_id, session_id, resource_id, sum(units) AS units,
                   sum(upper(during) - lower(during)) AS lasting
               FROM allocations WHERE org_id = $1 AND released_at IS NULL
               GROUP BY booking_id, session_id, resource_id""",
            self.world.org_id,
        )
        names = {session.id: name for name, session in self.sessions.items()}
        numbers = {table.id: number for number, table in enumerate(self.tables)}
        found = {}
        for row in rows:
            of_booking = found.setdefault(row["booking_id"], {})
            if row["resource_id"] is None:
                name = names[row["session_id"]]
                of_booking[name] = of_booking.get(name, 0) + row["units"]
            else:
                number = numbers[row["resource_id"]]
                of_booking[number] = of_booking.get(number, timedelta()) + row["lasting"]
        return found

    async def _returned(self):
        """What has been told to go back of each booking, in minor units."""
        rows = await self.world.admin.fetch(
            """SELECT ordering_key, sum((payload::jsonb #>> '{refund,amount_minor}')::bigint) AS sum
               FROM messaging.outbox WHERE org_id = $1 AND type = 'booking.refund_due.v1'
               GROUP BY ordering_key""",
            self.world.org_id,
        )
        return {row["ordering_key"]: int(row["sum"]) for row in rows}


def test_moves_and_the_line_are_their_model(urls, make_world):
    with asyncio.Runner() as runner:
        db = Database(urls.url, pool_size=2, application_name="model")
        admin = runner.run(asyncpg.connect(urls.admin_url))

        async def fresh():
            return await make_world(db, admin)

        class Machine(Moves):
            world_of = staticmethod(fresh)

        Machine.runner = runner
        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=25,
                    stateful_step_count=50,
                    deadline=None,
                    database=None,
                    # A failing run is short enough to read; shrinking is not.
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(admin.close())
            runner.run(db.close())
