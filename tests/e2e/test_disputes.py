"""A customer asks their bank for the money back: the venue sees it, with all it can show."""

from typing import Any

from .calls import until
from .outside import Mailbox
from .people import City

DISPUTES = "4000000000000259"


async def test_a_disputed_booking_comes_with_its_evidence(city: City, mailbox: Mailbox) -> None:
    """Paid and disputed: listed with its evidence, and mailed to the manager; still booked."""
    club = await city.nightclub()
    manager = f"manager-{club.venue_id}@example.com"
    await club.staff.patch(f"/v1/venues/{club.venue_id}", {"manager_email": manager})
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    await booking.pay(club.stripe, DISPUTES)
    await booking.becomes("confirmed")
    await mailbox.wait_for(booking.email, booking.reference)

    async def listed() -> dict[str, Any] | None:
        found = await club.staff.get("/v1/disputes?status=needs_response")
        return next((one for one in found["disputes"] if one["booking_id"] == booking.id), None)

    dispute: dict[str, Any] = await until("the dispute is listed", listed)
    assert (dispute["amount_minor"], dispute["reason"]) == (5000, "fraudulent")
    await mailbox.wait_for(manager, booking.reference, "disputed", "£50.00")
    evidence = await club.staff.get(f"/v1/disputes/{dispute['id']}/evidence")
    assert evidence["dispute"]["id"] == dispute["id"]
    assert evidence["booking"]["reference"] == booking.reference
    assert evidence["booking"]["refund_terms"]
    assert "dispute.opened" in [entry["type"] for entry in evidence["timeline"]]
    told = (await club.staff.get(f"{booking.path}/messages"))["items"]
    assert {"guest", "venue"} == {message["to"] for message in told}
    to_guest = [message["id"] for message in told if message["to"] == "guest"]
    assert [message["id"] for message in evidence["messages"]] == to_guest
    assert evidence["incomplete"] == []
    assert (await booking.read())["status"] == "confirmed"
