"""kill -9 around each call to PayPal: the run after it finishes the same call, once."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from payments_paypal import PayPalWorld, at_paypal, connect
from payments_worker import killed, working
from payments_world import PATIENCE, running

from chassis.testing import DatabaseUrls, Vhost, eventually
from sandbox import processes


async def _killed_then_restarted(
    pp: PayPalWorld, vhost: Vhost, failpoint: str, over: Callable[[], Awaitable[bool]]
) -> None:
    await killed(pp.world, vhost, failpoint, PAYPAL_API_BASE=pp.paypal.url)
    assert not await over()
    async with working(pp.world, vhost, PAYPAL_API_BASE=pp.paypal.url):
        await eventually(over, timeout=PATIENCE, what="the next worker finished the call")
        await pp.quiet()  # what is left would be the first call of the next who is killed


@pytest.mark.parametrize("when", ["before_call", "after_call"])
async def test_a_killed_worker_makes_one_order_one_capture_and_one_refund(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    vhost: Vhost,
    tmp_path: Path,
    when: str,
):
    urls = await fresh_database("payments")
    with processes.paypal(tmp_path, "--retry-first", "0.05") as process:
        async with running(
            urls,
            sandbox,
            worker=False,
            **at_paypal(process.url, tmp_path),
        ) as world:
            pp = await connect(world, process.url)
            booking = pp.booking()
            await pp.world.hand(booking.hold())

            async def stands(status: str) -> bool:
                rows = await pp.world.rows("SELECT status FROM payments")
                return [row["status"] for row in rows] == [status]

            await _killed_then_restarted(pp, vhost, f"intent.{when}", lambda: stands("ready"))
            ref = await booking.ref()

            # The look is the first call, the capture the second.
            await pp.paypal.approve(await pp.world.payment(booking.id))
            await eventually(pp.logged, what="the approval has come in")
            await _killed_then_restarted(pp, vhost, f"intent.{when}:2", lambda: stands("succeeded"))
            assert len(await pp.paypal.captures(ref)) == 1

            payment = await pp.world.payment(booking.id)
            await pp.paypal.control("webhooks/pause")
            await pp.world.hand(booking.unfulfillable(payment["id"]))

            async def refunded() -> bool:
                found = await pp.world.payment(booking.id)
                return bool(found["refunded_total"]["amount_minor"] == 5000)

            await _killed_then_restarted(pp, vhost, f"intent.{when}", refunded)
            assert [one["amount"]["value"] for one in await pp.paypal.refunds(ref)] == ["50.00"]
            orders = {
                one["request_id"] for one in await pp.paypal.requests("POST", "/checkout/orders")
            }
            assert len(orders) == 1
