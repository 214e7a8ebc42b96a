"""Scenarios of the source system that managed orders and customers of activities (S4)."""

import csv
import io
import json
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from .calls import problem, until
from .outside import DECLINED, Mailbox
from .people import City, Place, Session, new_key
from .system import Clock

NEW_YORK = ZoneInfo("America/New_York")
FAMILY = {"adult": 2, "child": 1}


async def first_in(place: Place, city: City, clock: Clock, days: float) -> Session:
    """The first session at least so many days ahead."""
    wanted = await clock.now() + timedelta(days=days)
    return next(one for one in await place.listed(city.anybody) if one.starts_at >= wanted)


async def test_s4_01_from_the_widget_to_the_confirmation(
    city: City, clock: Clock, mailbox: Mailbox
) -> None:
    """Held, unpaid, BK-XXXXXX-XXXX; paid: confirmed, the customer known, one e-mail that says all."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 6)
    guest = city.guest(phone="+12025550123")
    booking = await guest.book(session, quantities=FAMILY, source="widget")
    assert re.fullmatch(r"BK-[A-Z0-9]{6}-[A-Z0-9]{4}", booking.reference)
    assert (booking.held["status"], booking.held["payment_status"]) == ("pending_payment", "unpaid")

    await booking.confirmed(rooms.stripe)
    seen = await booking.read()
    assert (seen["payment_status"], seen["source"]) == ("paid", "widget")
    customer = await rooms.customer(email=guest.email)
    assert customer["display"] == guest.name
    mail = await mailbox.wait_for(guest.email, booking.reference)
    local = session.starts_at.astimezone(NEW_YORK)
    for said in (booking.reference, "The Vault", "Lockbox Downtown", f"{local:%-I:%M}", "95.00"):
        assert said in mail.text, said


async def test_s4_02_unpaid_it_expires_and_can_no_longer_be_paid(city: City, clock: Clock) -> None:
    """After 10 min: expired, capacity restored, the payment cancelled at the provider."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 4)
    booking = await city.guest().book(session, quantities=FAMILY)
    await booking.payment()
    await clock.advance(timedelta(minutes=10))
    await booking.becomes("expired")
    assert await rooms.remaining(city.anybody, session) == 8

    async def cancelled() -> bool:
        return bool((await rooms.stripe.intent_of(booking.id))["status"] == "canceled")

    await until("the intent cancelled", cancelled)


async def test_s4_03_a_card_error_ends_it_and_frees_the_places(city: City, clock: Clock) -> None:
    """payment_failed, failed, and the places are free again."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 4)
    booking = await city.guest().book(session, quantities=FAMILY)
    await booking.pay(rooms.stripe, DECLINED)
    seen = await booking.becomes("payment_failed")
    assert seen["payment_status"] == "failed"
    assert await rooms.remaining(city.anybody, session) == 8


async def test_s4_05_checked_in_and_completed(city: City, clock: Clock) -> None:
    """Staff check in, then complete; an expired booking cannot be checked in: 409."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 0.1)
    expiring = await city.guest().book(session, quantities={"adult": 1})
    booking = await (await city.guest().book(session, quantities=FAMILY)).confirmed(rooms.stripe)
    # In the morning the first session is hours away, too many to check in.
    await clock.advance_to(session.starts_at - timedelta(hours=1))
    assert (await rooms.staff.post(f"{booking.path}/check-in", {}, key=new_key()))[
        "status"
    ] == "checked_in"
    assert (await rooms.staff.post(f"{booking.path}/complete", {}, key=new_key()))[
        "status"
    ] == "completed"
    await expiring.becomes("expired")
    refused = await rooms.staff.ask(
        "POST", f"{expiring.path}/check-in", json={}, headers={"Idempotency-Key": new_key()}
    )
    problem(refused, 409)


async def test_s4_07_who_never_came(city: City, clock: Clock) -> None:
    """No-show: the money is kept and nothing of the started session is sold."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 1)
    booking = await (await city.guest().book(session, quantities=FAMILY)).confirmed(rooms.stripe)
    await clock.advance_to(session.starts_at + timedelta(minutes=20))
    assert (await rooms.staff.post(f"{booking.path}/no-show", {}, key=new_key()))[
        "status"
    ] == "no_show"
    seen = await booking.read()
    assert (seen["payment_status"], seen["amount_refunded"]["amount_minor"]) == ("paid", 0)
    problem(await city.guest().tries(session, quantities={"adult": 1}), 409, "SESSION_STARTED")
    assert await rooms.stripe.refunds(booking.id) == []


async def test_s4_13_the_dashboard_is_exact(city: City, clock: Clock) -> None:
    """Counts of today and this week, revenue net of refunds, and nothing of another tenant."""
    rooms, others = await city.escape_room(), await city.escape_room()
    session = await first_in(rooms, city, clock, 6)
    paid = await (await city.guest().book(session, quantities=FAMILY)).confirmed(rooms.stripe)
    back = await (await city.guest().book(session, quantities={"adult": 2})).confirmed(rooms.stripe)
    theirs = await first_in(others, city, clock, 6)
    await (await city.guest().book(theirs, quantities=FAMILY)).confirmed(others.stripe)
    await rooms.cancel(back, "The guest asked")
    await back.pays(7000, refunded=7000)

    seen = await rooms.staff.get("/v1/dashboard")
    for period in ("today", "this_week"):
        assert seen[period]["made"]["bookings"] == 1, period
        assert seen[period]["revenue"] == [{"amount_minor": 9500, "currency": "USD"}], period
    listed = (await rooms.staff.get("/v1/bookings?status=confirmed"))["items"]
    assert [one["id"] for one in listed] == [paid.id]


async def test_s4_14_filters_search_and_export_agree(city: City, clock: Clock) -> None:
    """By date, status and offering, by name, e-mail or number: the right rows, exported alike."""
    rooms = await city.escape_room(pricing={"kind": "free"}, capacity=100)
    near = await first_in(rooms, city, clock, 3)
    far = await first_in(rooms, city, clock, 9)
    guests = [city.guest(name=f"Guest Number{number:02d}") for number in range(8)]
    near_ones = [await guest.book(near, party=1) for guest in guests[:5]]
    far_ones = [await guest.book(far, party=1) for guest in guests[5:]]
    await near_ones[0].cancel()

    async def rows(query: str) -> set[str]:
        found, cursor = set(), ""
        while cursor is not None:
            page = await rooms.staff.get(
                f"/v1/bookings?limit=2&{query}" + (f"&cursor={cursor}" if cursor else "")
            )
            found |= {one["id"] for one in page["items"]}
            cursor = page["next_cursor"]
        return found

    day = near.starts_at.astimezone(NEW_YORK).date()
    narrowed = f"from={day}&to={day}&status=confirmed&offering_id={rooms.offering_id}"
    assert await rows(narrowed) == {one.id for one in near_ones[1:]}
    assert await rows("search=number06") == {far_ones[1].id}
    assert await rows(f"search={guests[3].email}") == {near_ones[3].id}
    assert await rows(f"search={near_ones[2].reference}") == {near_ones[2].id}
    assert await rows("status=cancelled") == {near_ones[0].id}

    exported = await rooms.staff.ask("GET", f"/v1/bookings/export?format=csv&{narrowed}")
    assert exported.status == 200, str(exported)
    lines = list(csv.DictReader(io.StringIO(exported.body.decode())))
    assert {line["id"] for line in lines} == {one.id for one in near_ones[1:]}
    as_json = await rooms.staff.ask("GET", f"/v1/bookings/export?format=json&{narrowed}")
    assert {one["id"] for one in json.loads(as_json.body)} == {line["id"] for line in lines}
