"""What older versions had booked is right after an upgrade, and none of it was changed."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from payments_checkout import usd
from payments_connect import Business
from payments_ledger import balances
from payments_world import CARDS, Booking, World, running

from chassis import migrations
from chassis.testing import DatabaseUrls

CARDS.setdefault("disputes", "pm_card_createDispute")

# What the two migrations made, except what they booked.
UNDONE = """
DROP INDEX ledger_of_platform;
DROP FUNCTION platform_moved(timestamptz, timestamptz);
ALTER TABLE refunds DROP COLUMN by_platform;
UPDATE alembic_version SET version_num = '0017'
"""
# Then all was the organisation's, and what a lost dispute had taken stayed disputed.
BOOKED_BEFORE = """
DELETE FROM ledger WHERE kind = 'dispute_lost';
UPDATE ledger SET debit = 'provider_fee', credit = 'provider_balance'
    WHERE kind IN ('fee', 'dispute_fee');
UPDATE ledger SET debit = 'disputed', credit = 'provider_balance' WHERE kind = 'dispute_withdrawn';
UPDATE ledger SET debit = 'provider_balance' WHERE kind = 'refund_bounced'
"""


async def stand(world: World, bookings: list[Booking]) -> list[dict[str, int]]:
    """What is on each account of each booking."""
    return [
        {name: amount for name, amount in (await balances(world, one)).items() if amount}
        for one in bookings
    ]


async def disputed_and_lost(world: World, booking: Booking) -> None:
    await world.stripe.pay(await booking.ready(), "disputes")
    await booking.becomes("succeeded")
    await world.quiet()
    _, listed = await world.request("GET", "/disputes", world.staff("payments:view"))
    ref = next(
        one["provider_ref"] for one in listed["disputes"] if one["booking_id"] == str(booking.id)
    )
    await world.stripe.call("POST", f"/_sandbox/disputes/{ref}/settle", {"outcome": "lost"})
    await world.quiet()


@pytest.mark.parametrize("shared", [True, False])
async def test_costs_losses_and_bounced_refunds_are_booked_on_to_whose_they_are(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]], sandbox: str, *, shared: bool
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox) as world:
        if shared:
            business = Business(world)
            await business.ready()
            await business.fee("5")
        due = {"amount_total": usd(9500), "amount_due_now": usd(9500)}
        lost, bounced = world.booking(**due), world.booking(**due)
        await disputed_and_lost(world, lost)
        payment = await bounced.paid()
        await world.hand(bounced.refund_due(payment["id"], "part", usd(6000)))
        await world.quiet()
        [refund] = await world.stripe.refunds_of(await bounced.ref())
        path = f"/_sandbox/refunds/{refund['id']}/settle"
        await world.stripe.call("POST", path, {"succeeds": False})
        await world.quiet()
        right = await stand(world, [lost, bounced])
        owner = await asyncpg.connect(urls.owner_url.replace("+asyncpg", ""))
        try:
            await owner.execute(UNDONE)
            if shared:
                await owner.execute(BOOKED_BEFORE)
            else:
                await owner.execute("DELETE FROM ledger WHERE kind = 'dispute_lost'")
            before = await owner.fetch("SELECT * FROM ledger ORDER BY position")
            assert await stand(world, [lost, bounced]) != right
            await migrations.upgrade("payments", urls.owner_url, "0019")
            assert await stand(world, [lost, bounced]) == right
            kept = await owner.fetch("SELECT * FROM ledger ORDER BY position")
            assert kept[: len(before)] == before
        finally:
            await owner.close()
