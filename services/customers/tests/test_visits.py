"""Who came and who didn't, counted once whatever is delivered how often and in which order."""

import asyncio
import itertools
from datetime import timedelta
from uuid import uuid4

from .conftest import Inbox, Story


async def test_a_no_show_delivered_twice_is_counted_once(inbox: Inbox) -> None:
    """S1-17."""
    story = Story(inbox.org_id)
    await inbox.hand(story.confirmed(), sequence=2)
    for _ in range(2):
        await inbox.hand(story.no_show(), sequence=3)
    [customer] = await inbox.customers()
    assert (customer["no_shows"], customer["visits"]) == (1, 0)
    assert customer["last_no_show_at"] == story.starts_at


async def test_a_no_show_heard_by_eight_workers_at_once_is_counted_once(inbox: Inbox) -> None:
    """S1-17."""
    story = Story(inbox.org_id)
    await inbox.hand(story.confirmed(), sequence=2)
    await asyncio.gather(*(inbox.hand(story.no_show(), sequence=3) for _ in range(8)))
    assert [customer["no_shows"] for customer in await inbox.customers()] == [1]


async def test_a_slip_taken_back_is_subtracted_once_in_every_order(inbox: Inbox) -> None:
    for number, order in enumerate(itertools.permutations(range(3))):
        story = Story(inbox.org_id, phone=f"+4477009002{number:02}", email=None)
        told = [(story.confirmed(), 2), (story.no_show(), 3), (story.undone("no_show"), 4)]
        for step in (*order, *order):
            message, version = told[step]
            await inbox.hand(message, sequence=version)
    counted = [(c["no_shows"], c["last_no_show_at"]) for c in await inbox.customers()]
    assert counted == [(0, None)] * 6


async def test_a_no_show_recorded_again_after_a_slip_counts_again(inbox: Inbox) -> None:
    story = Story(inbox.org_id)
    told = [story.confirmed(), story.no_show(), story.undone("no_show"), story.no_show()]
    for version, message in enumerate(told, start=1):
        await inbox.hand(message, sequence=version)
    await inbox.hand(story.undone("no_show"), sequence=3)
    assert [customer["no_shows"] for customer in await inbox.customers()] == [1]


async def test_a_visit_is_one_visit_checked_in_and_completed(inbox: Inbox) -> None:
    story = Story(inbox.org_id)
    told = [story.confirmed(), story.checked_in(), story.completed()]
    for version, message in enumerate(told, start=1):
        await inbox.hand(message, sequence=version)
    [customer] = await inbox.customers()
    assert (customer["visits"], customer["completed"], customer["no_shows"]) == (1, 1, 0)
    assert customer["last_visit_at"] == story.starts_at
    await inbox.hand(story.undone("completed"), sequence=4)
    [customer] = await inbox.customers()
    assert (customer["visits"], customer["completed"]) == (1, 0)


async def test_a_visit_taken_back_leaves_the_one_before_as_the_latest(inbox: Inbox) -> None:
    first = Story(inbox.org_id)
    second = Story(inbox.org_id, starts_at=first.starts_at + timedelta(days=7))
    for story in (first, second):
        await inbox.hand(story.confirmed(), sequence=1)
    await asyncio.gather(*(inbox.hand(story.checked_in(), 2) for story in (first, second)))
    [customer] = await inbox.customers()
    assert (customer["visits"], customer["last_visit_at"]) == (2, second.starts_at)
    await inbox.hand(second.undone("checked_in"), sequence=3)
    [customer] = await inbox.customers()
    assert (customer["visits"], customer["last_visit_at"]) == (1, first.starts_at)


async def test_a_booking_that_moved_is_still_one_booking(inbox: Inbox) -> None:
    story = Story(inbox.org_id, amount=5000)
    for _ in range(2):
        await inbox.hand(story.rescheduled(paid=6500), sequence=3)
        await inbox.hand(story.confirmed(), sequence=2)
    [customer] = await inbox.customers()
    assert customer["total_bookings"] == 1
    spend = await inbox.rows("SELECT currency, amount_minor FROM spend")
    assert spend == [{"currency": "GBP", "amount_minor": 6500}]


async def test_refunds_of_a_bookings_payments_add_up(inbox: Inbox) -> None:
    """Totals are cumulative per payment, not per booking."""
    story, further = Story(inbox.org_id, amount=5000), uuid4()
    await inbox.hand(story.confirmed(), sequence=2)
    await inbox.hand(story.rescheduled(paid=6500), sequence=3)
    for _ in range(2):
        await inbox.hand(story.refunded(1500, further))
        await inbox.hand(story.refunded(1000))
    [spend] = await inbox.rows("SELECT currency, amount_minor FROM spend")
    assert spend == {"currency": "GBP", "amount_minor": 4000}
