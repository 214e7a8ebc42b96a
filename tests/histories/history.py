"""One history: what guests, time, the network, Stripe and crashes do to a place that all want.

Every choice comes from the seed. After the random part the outside heals: what was under way goes
on until nothing is, and then the money is counted (`verdict`).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg

from booking.domain.booking import StaffRefund
from booking.domain.guest import name_of
from booking.domain.holding import Wish
from booking.domain.refusals import Refusal
from booking.store.idempotency import Key
from booking.usecases.cancel import Cancel, cancel
from booking.usecases.hold import Hold, hold
from booking.usecases.open_session import Instants, OpenSession, open_session
from tests.histories.dying import Killed
from tests.histories.lane import METHODS, Lane, Side, Worker

_CARDS = (
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_visa_chargeDeclined",
    "pm_card_visa_chargeDeclinedInsufficientFunds",
    "pm_card_authenticationRequired",
)
_TROUBLE: tuple[dict[str, Any], ...] = (
    {"status": 500},
    {"status": 500, "after": True},
    {"status": 503},
    {"status": 429},
    {"drop": True},
    {"drop": True, "after": True},
)
_TROUBLED: tuple[tuple[str, str], ...] = (
    ("POST", "/v1/payment_intents"),
    ("POST", "/v1/payment_intents/*/cancel"),
    ("POST", "/v1/refunds"),
    ("GET", "/v1/payment_intents/pi_*"),
    ("GET", "/v1/payment_intents/search"),
    ("GET", "/v1/refunds"),
    ("POST", "/v1/checkout/sessions"),
    ("POST", "/v1/checkout/sessions/*/expire"),
    ("GET", "/v1/checkout/sessions/cs_*"),
)
_HOLD = timedelta(minutes=15)
_ROUNDS = 80


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
    guests: int = 3
    said: list[str] = field(default_factory=list)
    bookings: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.letters: list[Letter] = []
        self.events: list[str] = []  # at Stripe, not acknowledged yet
        self.known: list[str] = []  # acknowledged, and perhaps sent again
        self.paused: list[Paused] = []
        self.shift = timedelta()
        self.notified = self.rng.random() < 0.8  # else no notification arrives after the storm
        self.session_id: UUID

    def note(self, what: str) -> None:
        self.said.append(what)

    async def run(self) -> None:
        """The random part, and then until everything is settled."""
        await self._open()
        await self._hold()
        if self.rng.random() < 0.6:  # most guests come as far as being asked to pay
            await self._carry()
            await self._work()
        steps: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (30, self._carry),
            (26, self._work),
            (18, self._pay),
            (14, self._notify),
            (8, self._record),
            (4, self._hold),
            (3, self._cancel),
            (4, self._expire),
            (7, self._trouble),
            (4, self._ring),
            (4, self._claims_run_out),
            (2, self._refund_by_hand),
            (1, self._a_day_passes),
        ]
        weights = [weight for weight, _ in steps]
        for _ in range(self.rng.randint(12, 36)):
            [(_, step)] = self.rng.choices(steps, weights)
            await step()
        await self._settle()

    # What guests and staff do

    async def _open(self) -> None:
        await self.lane.sweep()
        await self._advance(timedelta())
        final = self.rng.random() < 0.4
        method = self.rng.choices(METHODS, (3, 1))[0]
        how = "final" if final else "not final"
        self.note(f"a place, paid by {method}; the first decline is {how}")

        async def work(tx: Any) -> Any:
            starts_at = (await tx.now()).replace(microsecond=0) + timedelta(days=10)
            when = Instants(starts_at=starts_at, ends_at=starts_at + timedelta(hours=2))
            return await open_session(
                tx,
                OpenSession(
                    offering_id=self.lane.offerings[final, method],
                    when=when,
                    title=None,
                    capacity=1,
                    resource_ids=None,
                    actor="test",
                ),
            )

        self.session_id = (await self._booking(work)).id

    async def _hold(self) -> None:
        if len(self.bookings) >= self.guests:
            return
        shop, nobody_yet = self.lane.shop, uuid4()
        command = Hold(
            wish=Wish(
                session_id=self.session_id,
                party_size=1,
                resource_ids=(),
                name=name_of(whole="Test Guest", given=None, family=None),
                locale=None,
                arrival_time=None,
                special_requests=None,
                drinks_package=None,
                source="web",
                quantities={},
                items=(),
                allergies=(),
                promo_code=None,
                gift_card=None,
            ),
            email=f"{nobody_yet.hex}@example.com",
            phone=f"07{nobody_yet.int % 10**9:09d}",
            key=Key("guest", "POST /bookings", nobody_yet.hex, b"same"),
            actor="guest",
        )
        try:
            held = await self._booking(
                lambda tx: hold(
                    tx, command, listings=shop.listings, vault=shop.vault, payments_enabled=True
                )
            )
        except Refusal as refusal:
            self.note(f"hold refused: {refusal.code}")
            return
        self.bookings.append(held.booking_id)
        self.note(f"guest {len(self.bookings)} holds")

    async def _cancel(self) -> None:
        if not self.bookings:
            return
        booking_id = self.rng.choice(self.bookings)
        by_staff = self.rng.random() < 0.3
        command = Cancel(
            booking_id=booking_id,
            cause="staff" if by_staff else "customer",
            actor="guest",
            reason="asked for" if by_staff else None,
            manage_epoch=None if by_staff else 1,
            staff_refund=StaffRefund(percent=100) if by_staff else None,
        )
        with suppress(Refusal):
            await self._booking(lambda tx: cancel(tx, command, vault=self.lane.shop.vault))
            self.note(f"{self._guest(booking_id)} cancelled by {command.cause}")

    async def _pay(self) -> None:
        """A guest pays with what they were given at some time, wanted or not by now."""
        given = await self.lane.payments.admin.fetch(
            """SELECT booking_id, provider_ref FROM payments
               WHERE booking_id = ANY($1) AND provider_ref IS NOT NULL ORDER BY id""",
            self.bookings,
        )
        if not given:
            return
        chosen = self.rng.choice(given)
        ref, guest = chosen["provider_ref"], self._guest(chosen["booking_id"])
        card = self.rng.choice(_CARDS)
        approves = self.rng.random() < 0.7
        stripe = self.lane.stripe
        if ref.startswith("pi_"):
            form = {"payment_method": card, "return_url": "https://venue.example/"}
            answer = await stripe.call("POST", f"/v1/payment_intents/{ref}/confirm", form=form)
        else:
            answer = await stripe.call(
                "POST", f"/_sandbox/checkout/sessions/{ref}/pay", {"card": card}
            )
        if answer.get("status") == "requires_action":
            await stripe.call(
                "POST",
                f"/_sandbox/payment_intents/{answer['id']}/authenticate",
                {"approve": approves},
            )
            answer = {"status": f"authenticated: {approves}"}
        said = answer.get("status") or answer.get("detail") or answer["error"].get("code")
        self.note(f"{guest} pays with {card}: {said}")

    async def _refund_by_hand(self) -> None:
        """Staff see money that is not theirs any more, and give it back at Stripe themselves."""
        over = await self.lane.booking.admin.fetch(
            "SELECT id FROM bookings WHERE id = ANY($1) "
            "AND status IN ('cancelled', 'unfulfillable') ORDER BY id",
            self.bookings,
        )
        paid = await self.lane.payments.admin.fetch(
            "SELECT booking_id, coalesce(money_ref, provider_ref) AS ref FROM payments "
            "WHERE booking_id = ANY($1) AND status = 'succeeded' ORDER BY id",
            [row["id"] for row in over],
        )
        if not paid:
            return
        chosen = self.rng.choice(paid)
        try:
            answer = await self.lane.stripe.call(
                "POST", "/v1/refunds", form={"payment_intent": chosen["ref"]}
            )
        except aiohttp.ClientError:
            answer = {"status": "no answer"}
        how = answer.get("status") or answer["error"].get("code")
        self.note(f"{self._guest(chosen['booking_id'])} refunded by hand: {how}")

    # What the network does

    async def _carry(self) -> None:
        """A message arrives, or arrives again; the receiver may die over it."""
        await self._collect()
        if not self.letters:
            return
        letter = self.letters.pop(self.rng.randrange(len(self.letters)))
        again = self.rng.random() < 0.2
        place = self._fate("db.after_commit", "consumer.before_ack")
        try:
            with self.lane.fate.armed(place):
                await letter.to.take(letter.row)
        except Killed:
            self.note(f"{letter.to.name} died over {letter.row['type']} at {place}")
            await self._restart(letter.to)
            again = True
        else:
            self.note(f"{letter.to.name} took {letter.row['type']}")
        if again:
            self.letters.append(letter)

    async def _notify(self) -> None:
        """Stripe's notifications, one of them, in any order and any number of times."""
        self.events += await self.lane.stripe.news()
        pool = self.known if self.known and self.rng.random() < 0.2 else self.events
        if not pool:
            return
        await self._deliver(self.rng.choice(pool))

    async def _deliver(self, event: str) -> None:
        with self.lane.fate.armed(self._fate("webhook.after_store", "db.after_commit")):
            taken = await self.lane.stripe.deliver(event)
        self.note(f"notified of {event}: {'acknowledged' if taken else 'no answer'}")
        if taken and event in self.events:
            self.events.remove(event)
            self.known.append(event)

    async def _trouble(self) -> None:
        method, path = self.rng.choice(_TROUBLED)
        trouble = {**self.rng.choice(_TROUBLE), "method": method, "path": path}
        await self.lane.stripe.call("POST", "/_sandbox/faults", trouble)
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
        place = self._fate("intent.before_call", "intent.after_call", "db.after_commit")
        worker = Worker(self.lane.payments.service, pausing=False)
        with self.lane.fate.armed(place):
            runs = await worker.begin()
            if await _died(runs):
                self.note(f"worker died at {place} over {kind}")
                await self._restart(self.lane.payments)
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

    async def _restart(self, side: Side) -> None:
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

    async def _advance(self, by: timedelta) -> None:
        self.shift += by
        await self.lane.set_clocks(self.shift)

    async def _expire(self) -> None:
        """The holds' time is over; whether anybody acts on it yet is another matter."""
        await self._advance(_HOLD)
        self.note("15 minutes pass")

    async def _a_day_passes(self) -> None:
        """Stripe forgets the idempotency keys."""
        await self._advance(timedelta(hours=25))
        for row in await self.lane.payments.admin.fetch(
            "SELECT a.id FROM attempts a JOIN payments p ON p.id = a.payment_id "
            "WHERE p.booking_id = ANY($1)",
            self.bookings,
        ):
            await self.lane.stripe.call(
                "POST", "/_sandbox/idempotency/forget", {"key": str(row["id"])}
            )
        self.note("a day passes")

    async def _ring(self) -> None:
        """Timers and retries that are due."""
        for side in self.lane.sides:
            for row in await side.due():
                place = self._fate("timer.after_commit", "db.after_commit")
                try:
                    with self.lane.fate.armed(place):
                        await side.take(row, due=True)
                except Killed:
                    await self._restart(side)
                self.note(f"{side.name} rang {row['type']}")

    # Until nothing moves

    async def _settle(self) -> None:
        """The outside is well again: everything under way comes to its end."""
        self.note("--- the storm is over")
        await self.lane.stripe.call("DELETE", "/_sandbox/faults")
        self.calm = True
        for _ in range(_ROUNDS):
            while self.paused:
                await self._record()
            if await self._move():
                await self._advance(timedelta(seconds=20))
            elif await self._still_held():
                await self._expire()
            else:
                return
        raise Violation("it never comes to rest")

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
        self.events += await self.lane.stripe.news()
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
                "AND status IN ('pending_payment', 'requires_authentication')",
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

    async def _booking(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        db = self.lane.booking.service.db
        assert db is not None
        return await db.run(self.lane.org_id, work)

    def _fate(self, *places: str) -> str | None:
        drawn = self.rng.random()
        return self.rng.choice(places) if drawn < 0.12 and not self.calm else None

    def _guest(self, booking_id: UUID) -> str:
        return f"guest {self.bookings.index(booking_id) + 1}"


async def _died(runs: list[asyncio.Task[None]]) -> bool:
    ends = await asyncio.gather(*runs, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, Killed):
            raise end
    return any(isinstance(end, Killed) for end in ends)
