"""What a provider never managed to tell comes to light all the same."""

from datetime import UTC, datetime, timedelta

from .calls import until
from .outside import Mailbox
from .people import City
from .system import Clock, Tables
from .test_disputes import lunch_by_paypal
from .test_repeated_events import happened, letters


async def test_a_payment_nobody_was_told_of_is_found_and_confirmed_once(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """Webhooks lost, comparison started by hand: confirmed; the events come late: nothing twice."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    await club.stripe.pause_events()
    try:
        await booking.pay(club.stripe)
        started = await club.staff.post("/v1/reconciliations", {}, expect=(202,))
        [run] = started["reconciliations"]
        await booking.becomes("confirmed")
    finally:
        await club.stripe.resume_events()
    await mailbox.wait_for(booking.email, booking.reference)
    await until("everything done", lambda: tables.quiet(booking.id))
    assert await happened(tables, booking, "payment.succeeded.v1") == 1
    assert await letters(mailbox, booking) == ["Booking confirmed"]
    found = await club.staff.get(f"/v1/reconciliations/{run['id']}")
    assert "event_missed" in [one["kind"] for one in found["details"]]
    report = await club.staff.get("/v1/payouts/report?from=2020-01-01&to=2020-12-31&format=json")
    assert report == []


async def test_paypal_is_compared_too(
    city: City, clock: Clock, mailbox: Mailbox, tables: Tables
) -> None:
    """Approved unheard and refunded on PayPal's pages unheard: each found, and told once."""
    pub, paypal, booking, payment = await lunch_by_paypal(city, clock)
    window = {"since": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    await paypal.unheard()
    order = await paypal.approve(payment["redirect_url"])
    await pub.staff.post("/v1/reconciliations", window, expect=(202,))
    await booking.becomes("confirmed")
    await mailbox.wait_for(booking.email, booking.reference)
    [capture] = await paypal.captures(order)
    await paypal.control("POST", f"captures/{capture['id']}/refund")

    async def compared_again() -> bool:
        # One that was asked for and is still under way is the answer; it may be past the events.
        await pub.staff.post("/v1/reconciliations", window, expect=(202,))
        return await happened(tables, booking, "payment.refunded.v1") > 0

    await until("the refund is found", compared_again)
    await until("everything done", lambda: tables.quiet(booking.id))
    assert await happened(tables, booking, "payment.succeeded.v1") == 1
    assert await happened(tables, booking, "payment.refunded.v1") == 1
    assert len(await paypal.captures(order)) == 1
