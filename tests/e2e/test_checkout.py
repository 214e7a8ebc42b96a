"""Paying on Stripe's own page, where the activities of S3 and S4 were sold."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from .calls import fields, until
from .outside import CARD, DECLINED, Json, Mailbox
from .people import TIERS, Booking, City, Place, Session
from .system import Clock

NEW_YORK = ZoneInfo("America/New_York")
FAMILY = {"adult": 2, "child": 1}
ON_THE_PAGE = {"tiers": TIERS, "payment_methods": ["checkout", "card"]}
VIP = {"key": "vip_pass", "label": "VIP Pass", "amount_minor": 5000}


async def first_in(place: Place, city: City, clock: Clock, days: float) -> Session:
    """The first session at least so many days ahead."""
    wanted = await clock.now() + timedelta(days=days)
    return next(one for one in await place.listed(city.anybody) if one.starts_at >= wanted)


async def catalogue(place: Place, amounts: dict[str, int]) -> dict[str, dict[str, object]]:
    """The offering's prices by what follows `activity_{id}_`, once Stripe has these amounts."""

    async def look() -> dict[str, dict[str, object]] | None:
        prices = {
            one["lookup_key"].removeprefix(f"activity_{place.offering_id}_"): one
            for one in await place.stripe.prices(f"activity_{place.offering_id}")
            if one["lookup_key"] is not None  # one whose key went to its successor
        }
        found = {key: one["unit_amount"] for key, one in prices.items()}
        return prices if found == amounts else None

    return await until(f"prices {amounts}", look)


async def paid_on_the_page(place: Place, booking: Booking) -> None:
    """The guest follows the link and pays; Stripe sends them back to the venue's page."""
    page = (await booking.payment())["redirect_url"]
    answer = await place.stripe.pay_on_page(page, CARD)
    assert answer.status == 303, str(answer)
    assert f"/booking/success?booking_id={booking.id}" in answer.headers["location"]


async def closed(place: Place, booking: Booking, page: str) -> None:
    """The page ends, and takes no money from then on."""

    async def expired() -> bool:
        return bool((await place.stripe.checkout_of(booking.id))["status"] == "expired")

    await until("the page expired", expired)
    refused = await place.stripe.pay_on_page(page, CARD)
    assert refused.status == 409, str(refused)


async def test_s3_10_a_line_for_each_tier_by_the_catalogues_prices(
    city: City, clock: Clock
) -> None:
    """2 adults and 1 child: 2 lines, 9500 cents, lookup keys of adult and child, one product."""
    rooms = await city.escape_room(pricing=ON_THE_PAGE)
    await catalogue(rooms, {"adult": 3500, "child": 2500})
    session = await first_in(rooms, city, clock, 4)
    booking = await city.guest().book(session, quantities=FAMILY)
    payment = await booking.payment()
    assert (payment["method"], payment["client_secret"]) == ("checkout", None)

    at_stripe = await rooms.stripe.checkout_of(booking.id)
    assert (at_stripe["amount_total"], at_stripe["currency"]) == (9500, "usd")
    assert at_stripe["url"] == payment["redirect_url"]
    activity = f"activity_{rooms.offering_id}"
    items = await rooms.stripe.bought(at_stripe["id"])
    assert [
        (one["price"]["lookup_key"], one["quantity"], one["amount_total"]) for one in items
    ] == [(f"{activity}_adult", 2, 7000), (f"{activity}_child", 1, 2500)]
    assert {one["price"]["product"] for one in items} == {activity}
    assert all(isinstance(value, str) for value in at_stripe["metadata"].values())


async def test_s3_11_a_tier_of_the_venues_own(city: City, clock: Clock) -> None:
    """VIP at 50.00: `activity_{id}_custom_{name}`, tier_type custom, the same product; dearer later."""
    rooms = await city.escape_room(pricing=ON_THE_PAGE)
    before = await catalogue(rooms, {"adult": 3500, "child": 2500})
    path = f"/v1/offerings/{rooms.offering_id}"
    await rooms.staff.patch(path, {"pricing": {**ON_THE_PAGE, "tiers": [*TIERS, VIP]}})
    prices = await catalogue(rooms, {"adult": 3500, "child": 2500, "custom_vip_pass": 5000})
    assert prices["custom_vip_pass"]["metadata"] == {
        "tier_type": "custom",
        "display_name": "VIP Pass",
        "activity_id": rooms.offering_id,
    }
    assert {one["product"] for one in prices.values()} == {f"activity_{rooms.offering_id}"}
    assert {key: prices[key]["id"] for key in before} == {k: v["id"] for k, v in before.items()}

    dearer = {**VIP, "amount_minor": 6000}
    await rooms.staff.patch(path, {"pricing": {**ON_THE_PAGE, "tiers": [*TIERS, dearer]}})
    changed = await catalogue(rooms, {"adult": 3500, "child": 2500, "custom_vip_pass": 6000})
    assert changed["custom_vip_pass"]["id"] != prices["custom_vip_pass"]["id"]
    session = await first_in(rooms, city, clock, 4)
    booking = await city.guest().book(session, quantities={"vip_pass": 2})
    await paid_on_the_page(rooms, booking)
    await booking.becomes("confirmed")
    await booking.pays(12000)


async def test_s3_12_a_foreign_price_or_a_party_that_is_no_sum_is_refused(
    city: City, clock: Clock
) -> None:
    """A price id in place of a tier, another offering's tier, a wrong sum: 422 with the field."""
    rooms = await city.escape_room(pricing=ON_THE_PAGE)
    others = await city.escape_room(pricing={**ON_THE_PAGE, "tiers": [*TIERS, VIP]})
    theirs = await catalogue(others, {"adult": 3500, "child": 2500, "custom_vip_pass": 5000})
    session = await first_in(rooms, city, clock, 4)
    guest = city.guest()
    price = str(theirs["custom_vip_pass"]["id"])
    assert fields(await guest.tries(session, quantities={price: 1})) == {f"quantities.{price}"}
    assert fields(await guest.tries(session, quantities={"vip_pass": 1})) == {"quantities.vip_pass"}
    assert fields(await guest.tries(session, quantities=FAMILY, price_id=price)) == {"price_id"}
    assert fields(await guest.tries(session, party=4, quantities=FAMILY)) == {"party_size"}
    assert await rooms.stripe.checkouts() == []
    assert await rooms.remaining(city.anybody, session) == 8


async def test_s4_01_from_the_widget_over_stripes_page_to_the_confirmation(
    city: City, clock: Clock, mailbox: Mailbox
) -> None:
    """Pending, unpaid, BK-XXXXXX-XXXX; completed: confirmed, paid, customer, one e-mail that says all.

    The guest is back before Stripe's event: their page reads the truth and makes nothing of it.
    """
    rooms = await city.escape_room(pricing=ON_THE_PAGE)
    session = await first_in(rooms, city, clock, 6)
    guest = city.guest(phone="+12025550123")
    booking = await guest.book(session, quantities=FAMILY, source="widget")
    assert re.fullmatch(r"BK-[A-Z0-9]{6}-[A-Z0-9]{4}", booking.reference)
    assert (booking.held["status"], booking.held["payment_status"]) == ("pending_payment", "unpaid")
    await booking.payment()
    await rooms.stripe.pause_events()
    try:
        await paid_on_the_page(rooms, booking)
        assert (await booking.read())["status"] == "pending_payment"
        assert (await booking.holder.get(f"{booking.path}/payment"))["status"] == "ready"
    finally:
        await rooms.stripe.resume_events()

    seen = await booking.becomes("confirmed")
    assert (seen["payment_status"], seen["source"]) == ("paid", "widget")
    assert (await rooms.customer(email=guest.email))["display"] == guest.name
    mail = await mailbox.wait_for(guest.email, booking.reference)
    local = session.starts_at.astimezone(NEW_YORK)
    for said in (
        *(booking.reference, guest.name, "The Vault", "Lockbox Downtown"),
        *(f"{local:%-d}", f"{local:%-I:%M}", "3", "95.00"),
    ):
        assert said in mail.text, said
    assert len(await mailbox.letters(guest.email)) == 1
    shown = await booking.holder.get(f"{booking.path}/payment")
    assert (shown["status"], shown["redirect_url"]) == ("succeeded", None)


async def test_s4_01_back_from_the_page_without_any_event(city: City, clock: Clock) -> None:
    """Events are lost: the guest's return has us look, and the money confirms the booking."""
    rooms = await city.escape_room(pricing=ON_THE_PAGE)
    session = await first_in(rooms, city, clock, 6)
    booking = await city.guest().book(session, quantities=FAMILY)
    await booking.payment()
    await rooms.stripe.pause_events()
    try:
        await paid_on_the_page(rooms, booking)
        await booking.holder.post(f"{booking.path}/payment/return", {}, expect=(202,))
        await booking.becomes("confirmed")
    finally:
        await rooms.stripe.resume_events()
    await booking.pays(9500)


async def test_s4_02_after_the_hold_the_page_takes_no_money(city: City, clock: Clock) -> None:
    """After 10 min: expired, capacity restored, and the page cannot be paid any more."""
    rooms = await city.escape_room(pricing=ON_THE_PAGE)
    session = await first_in(rooms, city, clock, 4)
    booking = await city.guest().book(session, quantities=FAMILY)
    page = (await booking.payment())["redirect_url"]
    await clock.advance(timedelta(minutes=10))
    await booking.becomes("expired")
    assert await rooms.remaining(city.anybody, session) == 8

    await closed(rooms, booking, page)
    assert await rooms.stripe.intents(booking.id) == []

    async def gone() -> Json | None:
        payment: Json = await booking.holder.get(f"{booking.path}/payment")
        return payment if payment["status"] == "cancelled" else None

    assert (await until("payments knows of it", gone))["redirect_url"] is None


async def test_s4_03_a_card_error_on_the_page_ends_it_and_frees_the_places(
    city: City, clock: Clock
) -> None:
    """Declined: payment_failed, failed, capacity restored, and the page is closed."""
    rooms = await city.escape_room(pricing=ON_THE_PAGE)
    session = await first_in(rooms, city, clock, 4)
    booking = await city.guest().book(session, quantities=FAMILY)
    page = (await booking.payment())["redirect_url"]
    declined = await rooms.stripe.pay_on_page(page, DECLINED)
    assert declined.status == 402, str(declined)
    seen = await booking.becomes("payment_failed")
    assert seen["payment_status"] == "failed"
    assert await rooms.remaining(city.anybody, session) == 8

    await closed(rooms, booking, page)
    assert await rooms.stripe.refunds(booking.id) == []
