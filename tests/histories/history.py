"""One history: what guests, staff, time, the network, providers and crashes do to a place.

Every choice comes from the seed. After the random part the outside heals: what was under way goes
on until nothing is, and then the money is counted (`verdict`).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from booking.usecases.open_session import Instants, OpenSession, open_session
from tests.histories import banks, guests, staff
from tests.histories.dying import Killed
from tests.histories.lane import Lane, Side, Worker
from tests.histories.outside import Hands, Teller
from tests.histories.ways import ELSEWHERE, WAYS, Way

if TYPE_CHECKING:
    from booking.domain.catalogue import Session

_TROUBLE: tuple[dict[str, Any], ...] = (
    {"status": 500},
    {"status": 500, "after": True},
    {"status": 503},
    {"status": 429},
    {"drop": True},
    {"drop": True, "after": True},
)
_AT_STRIPE: tuple[tuple[str, str], ...] = (
    ("POST", "/v1/payment_intents"),
    ("POST", "/v1/payment_intents/*/cancel"),
    ("POST", "/v1/refunds"),
    ("GET", "/v1/payment_intents/pi_*"),
    ("GET", "/v1/payment_intents/search"),
    ("GET", "/v1/refunds"),
)
_ON_PAGES = (
    ("POST", "/v1/checkout/sessions"),
    ("POST", "/v1/checkout/sessions/*/expire"),
    ("GET", "/v1/checkout/sessions/cs_*"),
)
_WITH_CARDS = (
    ("POST", "/v1/customers"),
    ("POST", "/v1/setup_intents"),
    ("POST", "/v1/setup_intents/*/cancel"),
    ("GET", "/v1/setup_intents/seti_*"),
    ("POST", "/v1/payment_intents"),
    ("POST", "/v1/payment_intents/*/confirm"),
    ("DELETE", "/v1/customers/*"),
)
_AT_PAYPAL = (
    ("POST", "/v1/oauth2/token"),
    ("POST", "/v2/checkout/orders"),
    ("GET", "/v2/checkout/orders/*"),
    ("POST", "/v2/checkout/orders/*/capture"),
    ("POST", "/v2/payments/captures/*/refund"),
)
_HOLD = timedelta(minutes=15)
_FEE_LAPSES = timedelta(hours=73)
_ROUNDS = 80

Step = Callable[["History"], Awaitable[Any]]
_OF_CARDS: tuple[tuple[int, Step], ...] = ((1, banks.dispute), (1, banks.decide))
_OF_PROVIDERS: tuple[tuple[int, Step], ...] = (
    (2, staff.refund_at_provider),
    (4, staff.give_back),
    (1, banks.bounce),
    (2, banks.answer),
)
_OF_HANDS: tuple[tuple[int, Step], ...] = (
    (12, staff.see_money),
    (6, staff.send_back),
    (2, staff.give_back),
)
_OF_THE_DAY: tuple[tuple[int, Step], ...] = (
    (6, staff.the_day_comes),
    (12, staff.attend_to),
    (3, staff.charge_again),
)


class Violation(AssertionError):
    """What must never be."""


@dataclass
class Letter:
    """A message between the services, on its way; it may arrive more than once."""

    to: Side
    row: asyncpg.Record


@dataclass
class Paused:
    """A worker that has its answer from Stripe and has not written it down."""

    worker: Worker
    runs: list[asyncio.Task[None]]


@dataclass
class History:
    """A history under way. `said` is what happened, for whoever reads a failure."""

    lane: Lane
    seed: int
    among: Sequence[Way] = WAYS
    said: list[str] = field(default_factory=list)
    bookings: list[UUID] = field(default_factory=list)
    hands: Hands = field(default_factory=Hands)
    seen: list[UUID] = field(default_factory=list)  # envelopes that staff have opened
    granted: dict[UUID, int] = field(default_factory=dict)  # what staff gave back besides
    sessions: dict[UUID, str] = field(default_factory=dict)  # and what a place there is called
    by_hand_there: bool = False  # staff have given money back on the provider's pages

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        [self.way] = self.rng.choices(self.among, [way.weight for way in self.among])
        self.letters: list[Letter] = []
        self.events: list[str] = []  # at Stripe, not acknowledged yet
        self.known: list[str] = []  # acknowledged, and perhaps sent again
        self.paused: list[Paused] = []
        self.shift = timedelta()
        self.notified = self.rng.random() < 0.8  # else no notification arrives after the storm
        self.session_id: UUID
        self.starts_at: datetime

    @property
    def org_id(self) -> UUID:
        return self.lane.org_of(self.way)

    def must_hear(self) -> None:
        """Something happened that only a notification tells, or a comparison by the hour."""
        self.notified = True

    def note(self, what: str) -> None:
        self.said.append(what)

    async def run(self) -> None:
        """The random part, and then until everything is settled."""
        await self._open()
        await guests.hold_place(self)
        if self.rng.random() < 0.6:  # most guests come as far as being asked to pay
            await self._carry()
            await self._work()
            if self.way.goes_on and self.rng.random() < 0.7:
                await guests.pay(self)
                for _ in range(4):
                    await self._notify()
                    await self._work()
                    await self._carry()
        steps = self._steps()
        weights = [weight for weight, _ in steps]
        for _ in range(self.rng.randint(12, 36)):
            [(_, step)] = self.rng.choices(steps, weights)
            await step(self)
        await self._settle()

    def _steps(self) -> list[tuple[int, Step]]:
        """What may happen, and how often it does."""
        steps: list[tuple[int, Step]] = [
            (30, History._carry),
            (26, History._work),
            (18, guests.pay),
            (14, History._notify),
            (8, History._record),
            (4, guests.hold_place),
            (3, guests.cancel_booking),
            (4, History._expire),
            (7, History._trouble),
            (4, History._ring),
            (4, History._claims_run_out),
            (1, History._a_day_passes),
        ]
        if self.way.by_hand:
            return [*steps, *_OF_HANDS]
        steps += _OF_PROVIDERS
        if self.way.by_card:
            steps += _OF_CARDS
        if self.way.at_paypal:
            steps.append((2, banks.expect_trouble))
        if self.way.clears:
            steps.append((6, banks.answer))
        if self.way.moves:
            steps.append((10, History._move_guest))
        if self.way.guaranteed:
            steps += _OF_THE_DAY
        return steps

    async def _open(self) -> None:
        for provider in (self.lane.stripe, self.lane.paypal):
            await provider.control("DELETE", "faults")
        await self.lane.paypal.control("DELETE", "refunds/next")
        await self.lane.stripe.news()  # of others
        await self.lane.sweep()
        await self.advance(timedelta())
        final = self.rng.random() < 0.4
        how = "final" if final else "not final"
        self.note(f"a place, paid by {self.way.name}; the first decline is {how}")
        self.starts_at = (await self.lane.now()).replace(microsecond=0) + timedelta(days=10)
        self.session_id = await self._session(final, self.way)
        if self.way.moves:
            for elsewhere in ELSEWHERE:
                await self._session(final, elsewhere)

    async def _session(self, final: bool, way: Way) -> UUID:
        when = Instants(starts_at=self.starts_at, ends_at=self.starts_at + timedelta(hours=2))
        command = OpenSession(
            offering_id=self.lane.offerings[final, way.name],
            when=when,
            title=None,
            capacity=1,
            resource_ids=None,
            actor="test",
        )
        opened: Session = await self.at_booking(lambda tx: open_session(tx, command))
        self.sessions[opened.id] = way.name
        return opened.id

    # What the network does

    async def _carry(self) -> None:
        """A message arrives, or arrives again; the receiver may die over it."""
        await self._collect()
        if not self.letters:
            return
        letter = self.letters.pop(self.rng.randrange(len(self.letters)))
        again = self.rng.random() < 0.2
        place = self.fate("db.after_commit", "consumer.before_ack")
        try:
            with self.lane.fate.armed(place):
                await letter.to.take(letter.row)
        except Killed:
            self.note(f"{letter.to.name} died over {letter.row['type']} at {place}")
            await self.restart(letter.to)
            again = True
        else:
            self.note(f"{letter.to.name} took {letter.row['type']}")
        if again:
            self.letters.append(letter)

    async def _notify(self) -> None:
        """The provider's notifications, one of them, in any order and any number of times."""
        await self._listen()
        pool = self.known if self.known and self.rng.random() < 0.2 else self.events
        if not pool:
            return
        await self._deliver(self.rng.choice(pool))

    async def _listen(self) -> None:
        if not self.way.at_paypal:
            self.events += await self.lane.stripe.news()
            return
        orders = await self.lane.payments.admin.fetch(
            "SELECT provider_ref FROM payments "
            "WHERE booking_id = ANY($1) AND provider_ref IS NOT NULL ORDER BY id",
            self.bookings,
        )
        self.events += await self.lane.paypal.news([row["provider_ref"] for row in orders])

    @property
    def _teller(self) -> Teller:
        return self.lane.paypal if self.way.at_paypal else self.lane.stripe

    async def _deliver(self, event: str) -> None:
        with self.lane.fate.armed(self.fate("webhook.after_store", "db.after_commit")):
            taken = await self._teller.deliver(event)
        self.note(f"notified of {event}: {'acknowledged' if taken else 'no answer'}")
        if taken and event in self.events:
            self.events.remove(event)
            self.known.append(event)

    async def _trouble(self) -> None:
        if self.way.by_hand:
            return
        calls = _AT_PAYPAL if self.way.at_paypal else _AT_STRIPE
        if self.way.guaranteed:
            calls = _WITH_CARDS
        elif self.way.method == "checkout":
            calls += _ON_PAGES
        method, path = self.rng.choice(calls)
        trouble = {**self.rng.choice(_TROUBLE), "method": method, "path": path}
        await self._teller.control("POST", "faults", trouble)
        self.note(f"trouble ahead: {trouble}")

    # What workers do

    async def _work(self) -> None:
        """A worker takes up one intent; it may die before the call, after it, or after all."""
        pending = await self.lane.payments.admin.fetch(
            "SELECT id, kind FROM messaging.intents WHERE state = 'pending' AND claim IS NULL "
            "ORDER BY created_at, id"
        )
        if not pending:
            return
        chosen = self.rng.choice(pending)
        await self._due(chosen["id"])
        if self.rng.random() < 0.2:
            await self._work_until_answered(chosen["kind"])
        else:
            await self._work_to_the_end(chosen["kind"])

    async def _work_to_the_end(self, kind: str) -> None:
        place = self.fate("intent.before_call", "intent.after_call", "db.after_commit")
        worker = Worker(self.lane.payments.service, pausing=False)
        with self.lane.fate.armed(place):
            runs = await worker.begin()
            if await _died(runs):
                self.note(f"worker died at {place} over {kind}")
                await self.restart(self.lane.payments)
            else:
                self.note(f"worker ran {kind}")

    async def _work_until_answered(self, kind: str) -> None:
        worker = Worker(self.lane.payments.service, pausing=True)
        runs = await worker.begin()
        if runs:
            await worker.called.wait()
            self.paused.append(Paused(worker, runs))
            self.note(f"worker has its answer to {kind}")

    async def _record(self) -> None:
        """A worker that had an answer writes it down now, whatever happened in the meantime."""
        if not self.paused:
            return
        one = self.paused.pop(self.rng.randrange(len(self.paused)))
        one.worker.may_record.set()
        await asyncio.gather(*one.runs)
        self.note("worker wrote its answer down")

    async def restart(self, side: Side) -> None:
        """A process that died takes the answers with it that it has not written down."""
        if side is self.lane.payments:
            await self.end()
        await side.reborn()

    async def end(self) -> None:
        """Let go of what workers still have in hand."""
        for one in self.paused:
            for run in one.runs:
                run.cancel()
            await asyncio.gather(*one.runs, return_exceptions=True)
        self.paused.clear()

    async def _claims_run_out(self) -> None:
        """What a dead worker had claimed can be claimed again; a slow one's too."""
        await self.lane.payments.admin.execute("UPDATE messaging.intents SET claim = NULL")

    async def _due(self, intent_id: UUID | None) -> None:
        """Make this intent due and no other; None: all of them."""
        await self.lane.payments.admin.execute(
            """UPDATE messaging.intents SET claim = NULL, next_at =
                   CASE WHEN $1::uuid IS NULL OR id = $1 THEN pg_catalog.now()
                        ELSE 'infinity' END
               WHERE state = 'pending'""",
            intent_id,
        )

    # What time does

    async def advance(self, by: timedelta) -> None:
        self.shift += by
        await self.lane.set_clocks(self.shift)

    async def _expire(self) -> None:
        """The holds' time is over; whether anybody acts on it yet is another matter."""
        await self.advance(_HOLD)
        self.note("15 minutes pass")

    async def _a_day_passes(self) -> None:
        """Stripe forgets the idempotency keys; PayPal keeps them for 45 days."""
        await self.advance(timedelta(hours=25))
        self.note("a day passes")
        if self.way.at_paypal:
            return
        for row in await self.lane.payments.admin.fetch(
            "SELECT a.id FROM attempts a JOIN payments p ON p.id = a.payment_id "
            "WHERE p.booking_id = ANY($1)",
            self.bookings,
        ):
            await self.lane.stripe.control("POST", "idempotency/forget", {"key": str(row["id"])})

    async def _ring(self) -> None:
        """Timers and retries that are due."""
        for side in self.lane.sides:
            for row in await side.due():
                place = self.fate("timer.after_commit", "db.after_commit")
                try:
                    with self.lane.fate.armed(place):
                        await side.take(row, due=True)
                except Killed:
                    await self.restart(side)
                self.note(f"{side.name} rang {row['type']}")

    async def _move_guest(self) -> None:
        """A guest is moved, and mostly asked at once for what that costs."""
        await staff.move(self)
        if self.rng.random() < 0.7:
            await self._carry()
            await self._work()

    # Until nothing moves

    async def _settle(self) -> None:
        """The outside is well again: everything under way comes to its end."""
        self.note("--- the storm is over")
        for provider in (self.lane.stripe, self.lane.paypal):
            await provider.control("DELETE", "faults")
        self.calm = True
        if self.way.guaranteed:
            await self.advance(2 * _HOLD)  # nobody can take back any more what staff recorded
        for _ in range(_ROUNDS):
            while self.paused:
                await self._record()
            if await self._move() or await self._outside_moves():
                await self.advance(timedelta(seconds=20))
            elif await self._still_held():
                await self._expire()
            elif await self._still_missing():
                await self.advance(_FEE_LAPSES)
            else:
                return
        raise Violation("it never comes to rest")

    async def _outside_moves(self) -> bool:
        """Staff and banks bring to its end what is theirs to end; whether there was anything."""
        moved = await banks.decide(self) if self.way.by_card else False
        if self.way.at_paypal or await self._under_way():
            moved = await banks.answer(self) or moved
        while len(self.seen) < len(self.hands.sent):
            await staff.see_money(self)
            moved = True
        while await staff.send_back(self):
            moved = True
        return await staff.try_again(self) or moved

    async def _under_way(self) -> bool:
        """Whether money is on its way at a bank."""
        return bool(
            await self.lane.payments.admin.fetchval(
                "SELECT count(*) FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id "
                "WHERE p.booking_id = ANY($1) AND (p.status = 'processing' OR r.status = 'pending')",
                self.bookings,
            )
        )

    calm = False

    async def _move(self) -> bool:
        """Carry, run, ring and notify all there is; whether there was anything."""
        moved = False
        await self._collect()
        while self.letters:
            moved = True
            await self._carry()
            await self._collect()
        if await self.lane.payments.admin.fetchval(
            "SELECT count(*) FROM messaging.intents WHERE state = 'pending'"
        ):
            moved = True
            await self._due(None)
            worker = Worker(self.lane.payments.service, pausing=False)
            while runs := await worker.begin():
                await asyncio.gather(*runs)
        for side in self.lane.sides:
            moved = moved or bool(await side.due())
        await self._ring()
        await self._listen()
        if self.notified:
            for event in list(self.events):
                moved = True
                await self._deliver(event)
        # Retries wait some seconds; by then they are due.
        retries = "SELECT count(*) FROM messaging.outbox WHERE due_at IS NOT NULL AND attempt > 0"
        for side in self.lane.sides:
            moved = moved or bool(await side.admin.fetchval(retries))
        return moved

    async def _still_held(self) -> bool:
        return bool(
            await self.lane.booking.admin.fetchval(
                "SELECT count(*) FROM bookings WHERE id = ANY($1) "
                "AND (status IN ('pending_payment', 'requires_authentication') "
                "     OR change_id IS NOT NULL)",
                self.bookings,
            )
        )

    async def _still_missing(self) -> bool:
        """Whether a fee is still to be charged, or may still be paid."""
        return self.way.guaranteed and bool(
            await self.lane.booking.admin.fetchval(
                "SELECT count(*) FROM bookings b LEFT JOIN no_show_fees f ON f.booking_id = b.id "
                "WHERE b.id = ANY($1) AND b.status = 'no_show' "
                "AND coalesce(f.state, 'due') NOT IN ('charged', 'given_up')",
                self.bookings,
            )
        )

    # Plumbing

    async def _collect(self) -> None:
        for side in self.lane.sides:
            other = self.lane.other(side)
            self.letters += [
                Letter(other, row) for row in await side.leaving() if other.listens_to(row["type"])
            ]

    async def at_booking(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        db = self.lane.booking.service.db
        assert db is not None
        return await db.run(self.org_id, work)

    async def at_desk(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        """The same in payments; who is not answered asks again."""
        db = self.lane.payments.service.db
        assert db is not None
        try:
            with self.lane.fate.armed(self.fate("db.after_commit")):
                return await db.run(self.org_id, work)
        except Killed:
            await self.restart(self.lane.payments)
            return await self.at_desk(work)

    def fate(self, *places: str) -> str | None:
        drawn = self.rng.random()
        return self.rng.choice(places) if drawn < 0.12 and not self.calm else None

    def guest(self, booking_id: UUID) -> str:
        return f"guest {self.bookings.index(booking_id) + 1}"


async def _died(runs: list[asyncio.Task[None]]) -> bool:
    ends = await asyncio.gather(*runs, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, Killed):
            raise end
    return any(isinstance(end, Killed) for end in ends)
