"""What a provider never managed to tell comes to light all the same."""

from .calls import until
from .outside import Mailbox
from .people import City
from .system import Tables
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
