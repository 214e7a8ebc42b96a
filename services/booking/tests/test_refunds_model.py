"""Refunds asked for by moves, a cancellation and staff, told late, twice and in any order."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.domain.booking import StaffRefund
from booking.domain.money import Money
from booking.domain.refusals import Refusal
from booking.usecases.cancel import Cancel, cancel
from booking.usecases.record_refund import NotPaidYet, Refunded, record_refund
from chassis.db import Database
from contracts.registry import contract

HEAD = 1000
FAR = timedelta(days=100)


@dataclass
class Till:
    """What the contracts have payments do, without a provider: every refund succeeds at once.

    `short`: what was asked of payments that had no more to give, since staff had given it before.
    """

    captured: dict = field(default_factory=dict)
    refunds: list = field(default_factory=list)
    version: int = 0
    short: int = 0

    def back(self, payments, *kinds):
        return sum(
            amount
            for payment, kind, amount, _ in self.refunds
            if payment in payments and (not kinds or kind in kinds)
        )

    def left(self, payment):
        return self.captured[payment] - self.back({payment})

    def by_staff(self, payment, amount):
        """Exactly so much, or nothing."""
        if amount <= self.left(payment):
            self.refunds.append((payment, "unasked", amount, None))

    def ask(self, message):
        """What the booking asks for, once per cause; what is not left is back already."""
        goal = message.refund_goal
        cause = (message.TYPE, getattr(message, "change_id", None))
        if cause in {known for *_, known in self.refunds}:
            return
        kind, of = ("change", ["change"]) if goal.for_changes else ("asked", ["asked", "unasked"])
        wanted = goal.total.amount_minor - self.back(goal.payment_ids, *of)
        for payment in goal.payment_ids:
            part = min(max(wanted, 0), self.left(payment))
            if part:
                self.refunds.append((payment, kind, part, cause))
                wanted -= part
        self.short += max(wanted, 0)

    def news(self, held, payment):
        self.version += 1
        return Refunded(
            booking_id=held.booking_id,
            payment_id=payment,
            total=Money(self.back({payment}), "GBP"),
            unasked=Money(self.back({payment}, "unasked"), "GBP"),
            sequence=self.version,
        )


class Story:
    """One booking, what it asks of the till, and what the till tells it."""

    def __init__(self, world, session, held, payment):
        self.world, self.session, self.held = world, session, held
        self.till = Till({payment: held.due_now.amount_minor})
        self.asked, self.told, self.seen = [], [], 0
        self.goal, self.later_staff = 0, False

    async def listen(self):
        """New messages of the booking that concern its money go onto the way."""
        rows = await self.world.published(about=self.held)
        for row in rows[self.seen :]:
            if row["type"] in {"booking.cancelled.v1", "booking.refund_due.v1"}:
                message = contract(row["type"]).model.from_json(row["payload"])
                assert message.refund_goal or not message.refund.amount_minor
                self.asked += [message] if message.refund_goal else []
        self.seen = len(rows)

    async def move(self, party):
        try:
            done = await self.world.reschedule(
                self.held, self.session, by="key:k1", reason="x", party_size=party
            )
        except Refusal:
            return
        if done.change is not None and done.change.due.amount_minor:
            payment = await self.world.pay_change(self.held, done.change)
            self.till.captured[payment] = done.change.due.amount_minor

    async def cancel(self, staff_refund):
        before = await self.world.booking(self.held)
        command = Cancel(
            booking_id=self.held.booking_id,
            cause="staff",
            actor="key:k1",
            reason="x",
            staff_refund=staff_refund,
        )
        try:
            _, terms = await self.world.run(
                lambda tx: cancel(tx, command, vault=self.world.shop.vault)
            )
        except Refusal:
            return
        promised = before.returned_minor + before.unasked_minor + terms.refund.amount_minor
        assert promised <= before.paid.amount_minor
        self.goal = terms.in_all.amount_minor

    def staff(self, payment, amount):
        self.till.by_staff(payment, amount)
        self.told.append(self.till.news(self.held, payment))

    def arrive(self, index, *, stays):
        """A message reaches the till, and perhaps will once more; the till tells of it."""
        message = self.asked[index] if stays else self.asked.pop(index)
        self.till.ask(message)
        self.told += [self.till.news(self.held, payment) for payment in self.till.captured]

    async def hear(self, index, *, stays):
        news = self.told[index] if stays else self.told.pop(index)
        await self.world.run(lambda tx: record_refund(tx, news))

    async def settle(self):
        """Everything arrives that is still on its way, and all is as it should be."""
        while self.asked:
            self.arrive(0, stays=False)
        while self.told:
            await self.hear(0, stays=False)
        booking = await self.world.booking(self.held)
        till, everything = self.till, set(self.till.captured)
        paid, back = sum(till.captured.values()), till.back(everything)
        assert booking.paid.amount_minor == paid
        assert booking.refunded.amount_minor == back <= paid
        assert booking.unasked_minor == till.back(everything, "unasked")
        besides = max(self.goal, booking.unasked_minor)
        owed = min(paid, booking.returned_minor + besides)
        assert back >= owed - till.short  # a further payment brings no money of an earlier one back
        if not self.later_staff:
            assert back <= owed
        status = {0: "paid", paid: "refunded"}.get(back, "partially_refunded")
        assert booking.payment_status == status


STEPS = st.sampled_from(["move", "move", "staff", "arrive", "arrive", "hear", "hear", "cancel"])
REFUNDS = st.one_of(
    st.none(),
    st.integers(0, 100).map(lambda percent: StaffRefund(percent=percent)),
    st.integers(0, 5 * HEAD).map(lambda amount: StaffRefund(amount_minor=amount)),
)


async def _play(world, session, data):
    held = await world.hold(session, party=5)
    story = Story(world, session, held, await world.pay(held))
    for _ in range(data.draw(st.integers(2, 14))):
        step = data.draw(STEPS)
        if step == "move":
            await story.move(data.draw(st.integers(1, 6)))
        elif step == "staff":
            story.later_staff |= (await world.booking(held)).status == "cancelled"
            story.staff(
                data.draw(st.sampled_from(sorted(story.till.captured))),
                data.draw(st.integers(1, 5 * HEAD)),
            )
        elif step == "arrive" and story.asked:
            story.arrive(data.draw(st.integers(0, len(story.asked) - 1)), stays=data.draw(BOTH))
        elif step == "hear" and story.told:
            await story.hear(data.draw(st.integers(0, len(story.told) - 1)), stays=data.draw(BOTH))
        elif step == "cancel":
            await story.cancel(data.draw(REFUNDS))
        await story.listen()
    await story.settle()


BOTH = st.booleans()


def test_promised_is_never_more_than_paid_and_what_is_owed_goes_back(urls, make_world):
    with asyncio.Runner() as runner:
        db = Database(urls.url, pool_size=2, application_name="refunds_model")
        admin = runner.run(asyncpg.connect(urls.admin_url))

        async def open_doors():
            world = await make_world(db, admin)
            walks = await world.offering(
                "class",
                inventory={"capacity": 100_000, "units": "person", "party_max": 6},
                pricing={
                    "kind": "per_head",
                    "tiers": [{"key": "adult", "label": "Adult", "amount_minor": HEAD}],
                },
                policy={
                    "reschedule": {"max_times": 100},
                    "refund_tiers": [{"hours": 48, "percent": 50}],
                },
            )
            return world, await world.open(walks, starts_in=FAR)

        world, session = runner.run(open_doors())

        @settings(
            max_examples=60,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(data=st.data())
        def play(data):
            runner.run(_play(world, session, data))

        try:
            play()
        finally:
            runner.run(admin.close())
            runner.run(db.close())


async def test_a_staff_refund_two_cheaper_moves_and_a_cancellation(world):
    """As it was found: 8000 of 5000 were promised."""
    walks = await world.offering(
        "class",
        inventory={"capacity": 10, "units": "person", "party_max": 5},
        pricing={
            "kind": "per_head",
            "tiers": [{"key": "adult", "label": "Adult", "amount_minor": HEAD}],
        },
    )
    session = await world.open(walks, starts_in=FAR)
    held = await world.hold(session, party=5)
    story = Story(world, session, held, await world.pay(held))
    (payment,) = story.till.captured
    story.staff(payment, 3000)
    await story.hear(0, stays=False)
    for party in (4, 2):
        await story.move(party)
        await story.listen()
    assert [message.refund.amount_minor for message in story.asked] == [1000, 1000]
    await story.cancel(StaffRefund(percent=100))
    await story.listen()
    await story.settle()
    assert story.till.back({payment}) == 5000


async def test_news_of_a_refund_that_overtakes_its_money_waits(world):
    held = await world.hold(await world.class_session())
    news = Refunded(
        booking_id=held.booking_id, payment_id=uuid4(), total=Money(1, "GBP"), sequence=1
    )
    with pytest.raises(NotPaidYet):
        await world.run(lambda tx: record_refund(tx, news))
