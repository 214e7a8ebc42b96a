"""Payments switched off: nothing new is taken, what was taken still goes back (PAY-04)."""

from collections.abc import Awaitable, Callable

from payments_world import World, running

from chassis.auth import Principal
from chassis.testing import DatabaseUrls


async def test_off_means_503_and_no_intent(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]], sandbox: str
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox, PAYMENTS_ENABLED=False) as world:
        booking = world.booking()
        await world.hand(booking.hold())
        await world.quiet()
        assert await world.stripe.intents_of(booking.id) == []
        [told] = await booking.told()
        assert (told["code"], told["terminal"]) == ("payments_disabled", True)

        holder = Principal("manage", "guest", world.org_id, booking_id=booking.id)
        status, problem = await world.request("GET", f"/bookings/{booking.id}/payment", holder)
        assert (status, problem["code"]) == (503, "PAYMENTS_DISABLED")
        body = {"secret_key": "sk_test_good"}
        manager = world.staff("payments:manage")
        assert (await world.request("POST", "/payment-accounts", manager, body))[0] == 503


async def test_what_came_by_hand_before_is_still_marked_as_paid(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]], sandbox: str
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox) as before:
        booking = before.booking(payment_methods=("manual",), payment_method="manual")
        await before.hand(booking.hold())
        await booking.becomes("ready")
    async with running(urls, sandbox, PAYMENTS_ENABLED=False) as after:
        after.org_id = before.org_id
        path = f"/bookings/{booking.id}/mark-paid"
        manager = after.staff("payments:manage")
        status, paid = await after.request("POST", path, manager, {})
        assert (status, paid["status"]) == (200, "succeeded")


async def test_switching_off_does_not_keep_anyones_money(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]], sandbox: str
):
    urls = await fresh_database("payments")
    async with running(urls, sandbox) as before:
        booking = before.booking()
        payment = await booking.paid()
    key = before.stripe.key
    async with running(urls, sandbox, PAYMENTS_ENABLED=False, STRIPE_SECRET_KEY=key) as after:
        world: World = after
        world.org_id = before.org_id
        booking.world = world
        await world.hand(booking.unfulfillable(payment["id"]))
        await world.quiet()
        assert (await booking.told_types())[-1] == "payment.refunded"
