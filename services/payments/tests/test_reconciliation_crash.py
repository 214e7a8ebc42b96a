"""kill -9 between reading a page and noting that it was read: nothing lost, nothing twice."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from payments_paypal import at_paypal, connect
from payments_worker import killed, working
from payments_world import PATIENCE, Booking, World, running

from chassis.ids import uuid7
from chassis.testing import DatabaseUrls, Vhost, eventually
from payments.domain.reconciliation import Stage
from payments.store import reconciliations
from payments.usecases.start_reconciliation import intend_page

WITHIN = "reconcile.within_page"
"""One organisation's part of a page is compared and kept; the page is not over."""


def alerts(says: Path) -> list[str]:
    """What every worker so far told people of."""
    lines = says.read_text().splitlines()
    told = [json.loads(line) for line in lines if '"reconciliation.drift"' in line]
    return sorted(f"{one['kind']}:{one['ref']}" for one in told)


async def told(booking: Booking, kind: str) -> int:
    """How often others heard it: workers of their own send it off."""
    async with booking.world.db.transaction(None) as tx:
        return int(
            await tx.fetchval(
                """SELECT count(*) FROM (
                       SELECT type, ordering_key FROM messaging.outbox UNION ALL
                       SELECT type, ordering_key FROM messaging.archive
                   ) sent WHERE type = $1 AND ordering_key = $2""",
                kind,
                str(booking.id),
            )
        )


async def over(world: World) -> bool:
    async with world.db.transaction(None) as tx:
        left = await tx.fetchval("SELECT count(*) FROM messaging.intents WHERE state = 'pending'")
        running = await tx.fetchval(
            "SELECT count(*) FROM messaging.reconciliation_runs WHERE finished_at IS NULL"
        )
    return not (left or running)


async def findings(world: World) -> list[dict[str, Any]]:
    return await world.rows("SELECT run_id, kind, ref, ours_minor, theirs_minor FROM "
                            "reconciliation_findings")  # fmt: skip


async def finishes(world: World, vhost: Vhost, says: Path, **others: Any) -> None:
    """A worker that nobody kills does all that is left."""
    async with working(world, vhost, says=says, **others):
        await eventually(lambda: over(world), timeout=PATIENCE, what="everything is compared")


async def test_each_page_of_paypals_may_be_the_last_that_a_worker_reads(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    paypal_url: str,
    paypal_state: Path,
    vhost: Vhost,
    tmp_path: Path,
):
    """Killed within the page of events, then of payments, then of refunds."""
    urls, says = await fresh_database("payments"), tmp_path / "said"
    at = at_paypal(paypal_url, paypal_state)
    async with running(urls, sandbox, worker=False, **at) as world:
        pp = await connect(world, paypal_url)
        booking = pp.booking()
        await pp.world.hand(booking.hold())
        await finishes(pp.world, vhost, says, **at)
        await pp.paypal.approve(await pp.world.payment(booking.id))
        await eventually(pp.logged, what="the approval has come in")
        await finishes(pp.world, vhost, says, **at)
        await booking.becomes("succeeded")
        assert alerts(says) == []

        await pp.paypal.lose_webhooks()
        [capture] = await pp.paypal.captures(await booking.ref())
        part = {"amount": {"currency_code": "GBP", "value": "7.00"}}
        await pp.paypal.api("POST", f"/v2/payments/captures/{capture['id']}/refund", part)
        await pp.world.rows("UPDATE payments SET captured_minor = 4000 RETURNING id")
        staff = pp.world.staff("payments:manage")
        status, _ = await pp.world.request("POST", "/reconciliations", staff, {})
        assert status == 202
        for where in (WITHIN, f"{WITHIN}:2", f"{WITHIN}:2"):
            await killed(pp.world, vhost, where, says=says, **at)
            assert not await over(pp.world)
        await finishes(pp.world, vhost, says, **at)

        found = await findings(pp.world)
        assert {"event_missed", "payment_differs"} <= {one["kind"] for one in found}
        missed = [one["ref"] for one in found if one["kind"] == "event_missed"]
        assert len(set(missed)) == len(missed)
        drifting = [one for one in found if one["ours_minor"] != one["theirs_minor"]]
        assert alerts(says) == sorted(f"{one['kind']}:{one['ref']}" for one in drifting)
        assert await told(booking, "payment.refunded.v1") == 1
        refunded = await pp.world.rows("SELECT amount_minor FROM ledger WHERE kind = 'refunded'")
        assert [row["amount_minor"] for row in refunded] == [700]
        assert {one["event_id"] for one in await pp.logged()} >= set(missed)


async def test_a_page_of_two_organisations_is_compared_for_both(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    vhost: Vhost,
    tmp_path: Path,
):
    """Killed when one of them has its part of the platform's events, and the other not yet."""
    urls, says = await fresh_database("payments"), tmp_path / "said"
    async with running(urls, sandbox, worker=False) as world:
        two = [world, world.of_another_organisation()]
        bookings = [each.booking() for each in two]
        for each, booking in zip(two, bookings, strict=True):
            await each.hand(booking.hold())
        await finishes(world, vhost, says)
        await world.stripe.pause()
        for each, booking in zip(two, bookings, strict=True):
            await each.stripe.pay(await each.payment(booking.id))
        now = datetime.now(UTC)
        window = (now - timedelta(hours=1), now + timedelta(minutes=1))
        async with world.db.transaction(None) as tx:
            run = await reconciliations.start(tx, uuid7(), "platform", window, None)
            assert run is not None
            intend_page(tx, run, Stage.EVENTS, None)

        await killed(world, vhost, WITHIN, says=says)
        kept = [await findings(each) for each in two]
        assert sorted(bool(found) for found in kept) == [False, True]
        await finishes(world, vhost, says)
        for each, booking in zip(two, bookings, strict=True):
            await booking.becomes("succeeded")
            assert await told(booking, "payment.succeeded.v1") == 1
            found = [(one["kind"], one["ref"]) for one in await findings(each)]
            assert "event_missed" in [kind for kind, _ in found]
            assert len(set(found)) == len(found)
        await world.stripe.resume()
