"""What is counted for a customer, whatever order the messages arrive in."""

import asyncio
import itertools
import random
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.domain.standing import NOTHING, Money, Seen, Tally

from .conftest import NOON, Inbox, Story

FACTS = (
    "confirm", "cancel", "refund 2000 3", "refund 5000 4", "refund 2000 5", "pay 6500",
    "refund 500 of the difference",
    "no_show 4", "no_show undone 5", "checked_in 6", "completed 7",
)  # fmt: skip
DIFFERENCE = uuid4()


def noted(seen: Seen, fact: str) -> Seen:  # noqa: PLR0911 one line for each kind of fact
    match fact.split():
        case ["confirm"]:
            return seen.confirm(customer_id=seen.booking_id, at=NOON, paid=Money(5000, "GBP"))
        case ["cancel"]:
            return seen.cancel(NOON)
        case ["refund", total, version]:
            return seen.refund(seen.booking_id, Money(int(total), "GBP"), int(version))
        case ["refund", total, *_]:
            return seen.refund(DIFFERENCE, Money(int(total), "GBP"), 3)
        case ["pay", total]:
            return seen.pay(Money(int(total), "GBP"))
        case ["no_show", *undone, version]:
            return seen.attend("no_show", int(version), holds=not undone)
        case ["checked_in" | "completed" as outcome, version]:
            return seen.attend(outcome, int(version), holds=True)
    raise AssertionError(fact)


@given(st.lists(st.sampled_from(FACTS), max_size=20))
def test_the_sum_depends_on_what_was_heard_and_not_on_when(facts: list[str]) -> None:
    heard = Seen(uuid4())
    counted = Tally()
    for fact in facts:
        after = noted(heard, fact)
        counted = _sum(counted, after.tally() - heard.tally())
        heard = after
    assert counted == _expected(set(facts))


def _expected(facts: set[str]) -> Tally:
    if "confirm" not in facts:
        return NOTHING
    versions = {"refund 2000 3": 2000, "refund 5000 4": 5000, "refund 2000 5": 2000}
    refunded = next((total for fact, total in reversed(versions.items()) if fact in facts), 0)
    refunded += 500 if "refund 500 of the difference" in facts else 0
    net = (6500 if "pay 6500" in facts else 5000) - refunded
    return Tally(
        bookings=1,
        cancellations=int("cancel" in facts),
        visits=int(not facts.isdisjoint({"checked_in 6", "completed 7"})),
        completed=int("completed 7" in facts),
        no_shows=int("no_show 4" in facts and "no_show undone 5" not in facts),
        spend={"GBP": net} if net else {},
    )


def _sum(one: Tally, other: Tally) -> Tally:
    return one - (NOTHING - other)


@pytest.mark.parametrize("seed", range(6))
async def test_messages_shuffled_and_doubled_leave_the_same_counters(
    inbox: Inbox, seed: int
) -> None:
    """F-34, F-40: cumulative refunds, one of which bounces; spend per currency, net of them."""
    kept = Story(inbox.org_id, at=NOON, amount=5000)
    undone = Story(inbox.org_id, at=NOON + timedelta(hours=1), amount=18000, currency="SEK")
    held = Story(inbox.org_id)
    messages = [
        (kept.confirmed(), 2),
        (kept.refunded(1000), 3),
        (kept.refunded(4000), 4),
        (kept.refund_failed(1000), 5),
        (kept.refunded(1500), 6),
        (undone.confirmed(), 2),
        (undone.cancelled(), 3),
        (undone.refunded(18000), 3),
        (held.cancelled(), 2),  # given up before it was paid
    ] * 2
    random.Random(seed).shuffle(messages)
    await asyncio.gather(*(inbox.hand(message, version) for message, version in messages))
    [customer] = await inbox.customers()
    assert (customer["total_bookings"], customer["cancellations"]) == (2, 1)
    assert customer["first_booking_at"] == kept.at
    assert customer["last_booking_at"] == undone.at
    spend = await inbox.rows("SELECT currency, amount_minor FROM spend WHERE amount_minor <> 0")
    assert spend == [{"currency": "GBP", "amount_minor": 3500}]


async def test_every_order_of_one_bookings_story_ends_alike(inbox: Inbox) -> None:
    for number, order in enumerate(itertools.permutations(range(3))):
        story = Story(inbox.org_id, phone=f"+4477009001{number:02}", email=None)
        told = [story.confirmed(), story.cancelled(), story.refunded(5000)]
        for step in order:
            await inbox.hand(told[step])
    customers = await inbox.customers()
    assert len(customers) == 6
    assert {(c["total_bookings"], c["cancellations"]) for c in customers} == {(1, 1)}
    assert await inbox.rows("SELECT 1 FROM spend WHERE amount_minor <> 0") == []


async def test_a_refund_that_bounces_is_spent_again_in_every_order(inbox: Inbox) -> None:
    orders = list(itertools.permutations(range(3)))
    for number, order in enumerate(orders):
        story = Story(inbox.org_id, phone=f"+4477009001{number:02}", email=None)
        told = [
            (story.confirmed(), 2),
            (story.refunded(5000), 3),
            (story.refund_failed(0), 4),
        ]
        for step in order:
            await inbox.hand(*told[step])
    spend = await inbox.rows("SELECT amount_minor FROM spend WHERE amount_minor <> 0")
    assert spend == [{"amount_minor": 5000}] * len(orders)


async def test_a_failure_that_does_not_say_what_is_refunded_changes_nothing(inbox: Inbox) -> None:
    story = Story(inbox.org_id)
    await inbox.hand(story.confirmed(), 2)
    await inbox.hand(story.refunded(1500), 3)
    await inbox.hand(story.refund_failed(0).model_copy(update={"refunded_total": None}), 4)
    assert await inbox.rows("SELECT amount_minor FROM spend") == [{"amount_minor": 3500}]


async def test_the_customer_is_told_once(inbox: Inbox) -> None:
    story = Story(inbox.org_id)
    await asyncio.gather(*(inbox.hand(story.confirmed(), sequence=2) for _ in range(4)))
    told = await inbox.rows(
        "SELECT type, sequence, ordering_key FROM messaging.outbox WHERE org_id = $1", inbox.org_id
    )
    assert told == [
        {"type": "customer.resolved.v1", "sequence": 2, "ordering_key": str(story.booking_id)}
    ]
