"""A customer asks their bank, or PayPal, for the money back: the venue sees it, with all it can show."""

from datetime import timedelta
from typing import Any

from .calls import until
from .outside import Mailbox, PayPalAccount
from .people import Booking, City, Place
from .system import Clock, Tables
from .test_s1_pub import books, coming, sunday_lunch

DISPUTES = "4000000000000259"


async def test_a_disputed_booking_comes_with_its_evidence(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """Paid and disputed: listed with its evidence, and mailed to the manager; still booked."""
    club = await city.nightclub()
    manager = f"manager-{club.venue_id}@example.com"
    await club.staff.patch(f"/v1/venues/{club.venue_id}", {"manager_email": manager})
    await tables.at_rest()  # who sends the mail has heard of the manager
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
    await tables.at_rest()
    evidence = await club.whole(f"/v1/disputes/{dispute['id']}/evidence")
    assert evidence["dispute"]["id"] == dispute["id"]
    assert evidence["booking"]["reference"] == booking.reference
    assert evidence["booking"]["refund_terms"]
    assert "dispute.opened" in [entry["type"] for entry in evidence["timeline"]]
    told = (await club.staff.get(f"{booking.path}/messages"))["items"]
    assert {"guest", "venue"} == {message["to"] for message in told}
    to_guest = [message["id"] for message in told if message["to"] == "guest"]
    assert [message["id"] for message in evidence["messages"]] == to_guest
    assert (await booking.read())["status"] == "confirmed"


async def lunch_by_paypal(
    city: City, clock: Clock
) -> tuple[Place, PayPalAccount, Booking, dict[str, Any]]:
    """A Sunday lunch for 31.00 that its guest is to pay at PayPal."""
    pub, dishes = await sunday_lunch(city, payment_methods=["card", "paypal"])
    paypal = await city.paypal_account(pub)
    items = [{"menu_item_id": dishes["Beef"]}, {"menu_item_id": dishes["Lamb"]}]
    day = await coming(clock, 6)
    booking = await books(city.guest(), pub, day, "13:00", items=items, payment_method="paypal")
    return pub, paypal, booking, await booking.payment()


async def test_a_claim_at_paypal_comes_with_its_evidence_and_is_lost(
    city: City, clock: Clock, mailbox: Mailbox, tables: Tables
) -> None:
    """Paid at PayPal and claimed back: mailed to the manager with evidence, then lost and booked."""
    pub, paypal, booking, payment = await lunch_by_paypal(city, clock)
    manager = f"manager-{pub.venue_id}@example.com"
    await pub.staff.patch(f"/v1/venues/{pub.venue_id}", {"manager_email": manager})
    await tables.at_rest()
    order = await paypal.approve(payment["redirect_url"])
    await booking.becomes("confirmed")
    await mailbox.wait_for(booking.email, booking.reference)
    [capture] = await paypal.captures(order)
    claim = {"reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"}
    made = await paypal.control("POST", f"captures/{capture['id']}/dispute", claim)

    async def listed(status: str) -> dict[str, Any] | None:
        found = await pub.staff.get(f"/v1/disputes?status={status}")
        return next((one for one in found["disputes"] if one["booking_id"] == booking.id), None)

    dispute: dict[str, Any] = await until("it is listed", lambda: listed("needs_response"))
    assert (dispute["amount_minor"], dispute["reason"]) == (3100, claim["reason"])
    assert dispute["provider_ref"] == made["dispute_id"]
    await mailbox.wait_for(manager, booking.reference, "disputed", "£31.00")
    await tables.at_rest()
    evidence = await pub.whole(f"/v1/disputes/{dispute['id']}/evidence")
    assert evidence["booking"]["reference"] == booking.reference
    assert "dispute.opened" in [entry["type"] for entry in evidence["timeline"]]

    await paypal.control("POST", f"disputes/{made['dispute_id']}/settle", {"outcome": "lost"})
    over: dict[str, Any] = await until("it is lost", lambda: listed("lost"))
    assert over["closed_at"]
    assert (await booking.read())["status"] == "confirmed"
    day = (await clock.now()).date()
    lines = await pub.staff.get(
        f"/v1/payouts/report?from={day - timedelta(days=1)}&to={day + timedelta(days=1)}&format=json"
    )
    assert sum(line["lost_minor"] for line in lines) == 3100
