"""The ledger against a model that fits on a page, step by step, whatever happens in what order."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from midweek import midweek

from booking.domain.booking import Failure
from booking.domain.refusals import (
    CannotCancel,
    CapacityExceeded,
    IllegalState,
    ResourceTaken,
    UndoTooLate,
)
from booking.usecases import attend
from booking.usecases.fail_payment import FailedAttempt, fail_payment
from chassis.db import Database
from chassis.ids import uuid7

CAPACITY = 2
HOLD = 15
UNDO = 15
PLACES = {"class": (), "late table": (0,), "table 0": (0,), "table 1": (1,), "both": (0, 1)}


@dataclass(eq=False)
class Modelled:
    held: object
    place: str
    status: str
    ends: int
    paid: bool = False
    recorded: int = 0


class Model:
    """What ought to be true. Minutes, not instants: real time between steps is far below one."""

    def __init__(self):
        self.minute = 0
        self.bookings = []

    def live(self, booking):
        return booking.status in {
            "pending_payment",
            "confirmed",
            "checked_in",
            "completed",
            "no_show",
        }

    def waiting(self):
        return [b for b in self.bookings if b.status == "pending_payment"]

    def lapsed(self, booking):
        return booking.status == "pending_payment" and self.minute >= booking.ends

    def in_the_way(self, place):
        live = [b for b in self.bookings if self.live(b)]
        if place == "class":
            taken = [b for b in live if b.place == "class"]
            return taken if len(taken) >= CAPACITY else []
        return [b for b in live if set(PLACES[b.place]) & set(PLACES[place])]

    def make_way(self, place):
        """Expire what a newcomer may push aside; whether the place is free then."""
        blocking = self.in_the_way(place)
        lapsed = [b for b in blocking if self.lapsed(b)]
        for booking in lapsed[:1] if place == "class" else lapsed:
            booking.status = "expired"
        return not self.in_the_way(place)

    def can_hold(self, place):
        blocking = self.in_the_way(place)
        if place == "class":
            return not blocking or any(self.lapsed(b) for b in blocking)
        return all(self.lapsed(b) for b in blocking)


class Allocation(RuleBasedStateMachine):
    world_of = None  # set by the test
    runner = None

    booked = Bundle("booked")

    def run_(self, coroutine):
        return self.runner.run(coroutine)

    @initialize()
    def open_doors(self):
        self.model = Model()
        self.world = self.run_(self.world_of())
        self.run_(self._open())

    async def _open(self):
        world = self.world
        await midweek(world.admin)
        far = timedelta(days=300)
        self.sessions = {"class": await world.class_session(capacity=CAPACITY, starts_in=far)}
        tables_session, self.tables = await world.table_session(
            tables=2, max_resources=2, starts_in=far, policy={"release_on_failure": True}
        )
        late = await world.open(
            await world.offering("event_table"), starts_in=far + timedelta(hours=1)
        )
        self.sessions |= {
            "table 0": tables_session,
            "table 1": tables_session,
            "both": tables_session,
            "late table": late,
        }

    @rule(target=booked, place=st.sampled_from(["class", *PLACES]))
    def hold(self, place):
        tables = [self.tables[index] for index in PLACES[place]]
        may = self.model.can_hold(place)
        try:
            held = self.run_(
                self.world.hold(self.sessions[place], tables, party=6 if tables else 1)
            )
        except (CapacityExceeded, ResourceTaken):
            assert not may, f"{place} was free"
            return multiple()
        assert may, f"{place} was not free"
        assert self.model.make_way(place)
        booking = Modelled(held, place, "pending_payment", self.model.minute + HOLD)
        self.model.bookings.append(booking)
        return booking

    @rule(booking=booked)
    def the_timer_rings(self, booking):
        self.run_(self.world.expire(booking.held))
        if self.model.lapsed(booking):
            booking.status = "expired"

    @rule(booking=booked)
    def money_arrives(self, booking):
        self._pay(booking)

    @precondition(lambda self: any(b.status == "expired" for b in self.model.bookings))
    @rule(data=st.data())
    def late_money_arrives(self, data):
        expired = [b for b in self.model.bookings if b.status == "expired"]
        self._pay(data.draw(st.sampled_from(expired)))

    def _pay(self, booking):
        self.run_(self.world.pay(booking.held))
        if booking.status == "pending_payment":
            booking.status = "confirmed"
        elif booking.status in {"expired", "payment_failed"}:
            free = self.model.make_way(booking.place)
            booking.status = "confirmed" if free else "unfulfillable"

    @rule(booking=booked)
    def the_card_is_declined(self, booking):
        attempt = FailedAttempt(
            booking_id=booking.held.booking_id,
            payment_id=uuid7(),
            sequence=1,
            failure=Failure("card_declined", "payment.generic"),
            terminal=False,
        )
        self.run_(self.world.run(lambda tx: fail_payment(tx, attempt, vault=self.world.shop.vault)))
        if booking.status == "pending_payment" and booking.place != "class":
            booking.status = "payment_failed"

    @rule(booking=booked)
    def the_guest_cancels(self, booking):
        may = booking.status in {"pending_payment", "confirmed", "checked_in"}
        try:
            self.run_(self.world.cancel(booking.held))
        except CannotCancel:
            assert not may
        else:
            assert may
            booking.status = "cancelled"

    @rule(booking=booked, verb=st.sampled_from(["check_in", "complete", "undo"]))
    def the_front_desk(self, booking, verb):
        """Long before the start, so check-in needs a reason; nobody can be missing yet."""
        then = {
            ("check_in", "confirmed"): "checked_in",
            ("complete", "checked_in"): "completed",
            ("undo", "checked_in"): "confirmed",
            ("undo", "completed"): "checked_in",
        }.get((verb, booking.status))
        if verb == "undo" and self.model.minute - booking.recorded >= UNDO:
            then = None
        try:
            self.run_(self.world.attend(getattr(attend, verb), booking.held, "Came early"))
        except (IllegalState, UndoTooLate):
            assert then is None
        else:
            assert then is not None
            booking.status, booking.recorded = then, self.model.minute

    @precondition(lambda self: any(b.ends > self.model.minute for b in self.model.waiting()))
    @rule(minutes=st.sampled_from([15, 1, 14]))
    def time_passes(self, minutes):
        self.model.minute += minutes
        self.run_(self.world.advance(minutes=minutes))

    @invariant()
    def the_ledger_is_the_model(self):
        if getattr(self, "world", None) is None:
            return
        self.run_(self._compare())

    async def _compare(self):
        world = self.world
        rows = await world.admin.fetch(
            "SELECT id, status FROM bookings WHERE org_id = $1", world.org_id
        )
        expected = {b.held.booking_id: b.status for b in self.model.bookings}
        assert {row["id"]: row["status"] for row in rows} == expected
        live = await world.admin.fetch(
            "SELECT booking_id, resource_id, units FROM allocations "
            "WHERE org_id = $1 AND released_at IS NULL",
            world.org_id,
        )
        assert sorted((row["booking_id"], row["resource_id"] or row["units"]) for row in live) == (
            sorted(
                (b.held.booking_id, what)
                for b in self.model.bookings
                if self.model.live(b)
                for what in ([self.tables[i].id for i in PLACES[b.place]] or [1])
            )
        )
        assert not await world.drift()
        assert not await world.admin.fetch(
            """SELECT 1 FROM allocations a JOIN allocations b
                   ON a.resource_id = b.resource_id AND a.during && b.during
                   AND a.booking_id < b.booking_id
               WHERE a.org_id = $1 AND a.released_at IS NULL AND b.released_at IS NULL""",
            world.org_id,
        )


def test_allocation_is_its_model(urls, make_world):
    with asyncio.Runner() as runner:
        db = Database(urls.url, pool_size=2, application_name="model")
        admin = runner.run(asyncpg.connect(urls.admin_url))

        async def fresh():
            return await make_world(db, admin)

        class Machine(Allocation):
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
                    phases=[
                        Phase.generate
                    ],  # a failing run is short enough to read; shrinking is not
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(admin.close())
            runner.run(db.close())
