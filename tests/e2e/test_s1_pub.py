"""Scenarios of the source system that took tables and Sunday lunches at a pub (S1)."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from .calls import Answer, Caller, fields, problem, until
from .outside import Mailbox, instant
from .people import Booking, City, Guest, Place, new_key
from .system import Clock, Tables

LONDON = ZoneInfo("Europe/London")
SUNDAYS = {
    "kind": "hours",
    "weekly": {"sunday": [{"opens": "12:00", "closes": "17:00"}]},
    "last_seating_minutes": 30,
}
DISHES = ("Beef", "Lamb", "Chicken", "Nut roast", "Pudding", "Trout")


async def coming(clock: Clock, weekday: int, *, after: int = 2) -> date:
    """The next such weekday (Monday 0) more than `after` days ahead."""
    day = (await clock.now()).astimezone(LONDON).date() + timedelta(days=after + 1)
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def table_for(guest: Guest, pub: Place, day: date, at: str, party: int = 2, **more: Any) -> Any:
    """The body of a request for a table at a local time."""
    return {
        "offering_id": pub.offering_id,
        "date": day.isoformat(),
        "start_time": at,
        "party_size": party,
        "customer": {"name": guest.name, "email": guest.email, "phone": guest.phone},
        **more,
    }


async def asks(guest: Guest, pub: Place, day: date, at: str, party: int = 2, **more: Any) -> Answer:
    return await guest.ask_for(table_for(guest, pub, day, at, party, **more))


async def books(
    guest: Guest, pub: Place, day: date, at: str, party: int = 2, **more: Any
) -> Booking:
    answer = await asks(guest, pub, day, at, party, **more)
    assert answer.status in (201, 202), str(answer)
    return Booking(guest, answer.json(), guest.holding(answer.json()["manage_token"]))


async def sunday_lunch(city: City, **pricing: Any) -> tuple[Place, dict[str, str]]:
    """A pub with a menu of six dishes, one of them not to be had; the dishes' ids by name."""
    pub = await city.pub()
    section = await pub.staff.post(
        f"/v1/venues/{pub.venue_id}/menu-sections", {"name": "Sunday lunch"}
    )
    dishes = {}
    for order, name in enumerate(DISHES):
        made = await pub.staff.post(
            f"/v1/menu-sections/{section['id']}/items",
            {
                "name": name,
                "price_minor": 1500 + 100 * order,
                "sort_order": 10 - order,
                "is_available": name != "Trout",
            },
        )
        dishes[name] = made["id"]
    offered = await pub.staff.post(
        "/v1/offerings",
        {
            "venue_id": pub.venue_id,
            "preset": "sunday_lunch",
            "title": "Sunday lunch",
            "schedule": SUNDAYS,
            "pricing": {
                "kind": "items",
                "menu": {"section_ids": [section["id"]], "preorder": "required"},
                **pricing,
            },
        },
    )
    return Place(**{**pub.__dict__, "offering_id": offered["id"]}), dishes


async def test_s1_01_what_a_key_may_do_is_what_its_scopes_say(city: City, clock: Clock) -> None:
    """Read only: 403 on creating; write or manage: accepted; unknown or revoked key: 401."""
    pub = await city.pub()
    day = await coming(clock, 3)

    async def books_as(caller: Caller) -> Answer:
        guest = city.guest()
        return await caller.ask(
            "POST",
            "/v1/bookings",
            json=table_for(guest, pub, day, "18:00"),
            headers={"Idempotency-Key": new_key()},
        )

    problem(await books_as(await city.staff(pub.id, "read:bookings")), 403)
    for scope in ("write:bookings", "manage:bookings"):
        assert (await books_as(await city.staff(pub.id, scope))).status in (201, 202)
    problem(await books_as(city.with_key("hf_unknownkey1_" + "x" * 43)), 401)
    problem(await city.anybody.ask("GET", "/v1/bookings"), 401)

    made = await city.operator.post(
        "/v1/api-keys",
        {"organisation_id": pub.id, "name": "revoked", "scopes": ["manage:bookings"]},
    )
    await city.operator.ask("POST", f"/v1/api-keys/{made['prefix']}/revoke", json={})
    problem(await books_as(city.with_key(made["key"])), 401)


async def test_s1_02_one_guest_however_the_phone_is_written(city: City, clock: Clock) -> None:
    """07700 900123, 00447700900123 and +447700900123: one customer, counted each time."""
    pub = await city.pub()
    day = await coming(clock, 2)
    for number, phone in enumerate(("+447700900123", "07700 900123", "00447700900123"), start=1):
        guest = city.guest(phone=phone)
        await books(guest, pub, day + timedelta(days=number), "18:00")

        async def counted(number: int = number) -> bool:
            found = await pub.customers(phone="+447700900123")
            assert len(found) <= 1
            return bool(found) and found[0]["total_bookings"] == number

        await until(f"{number} bookings counted", counted)


async def test_s1_04_the_kitchens_hours_decide(city: City, clock: Clock) -> None:
    """Sunday 12:00-17:00: 12:00 is accepted; 11:59 and 17:30 refused for the kitchen."""
    pub = await city.pub(schedule=SUNDAYS)
    day = await coming(clock, 6)
    await books(city.guest(), pub, day, "12:00")
    problem(await asks(city.guest(), pub, day, "11:59"), 422, "KITCHEN_CLOSED")
    problem(await asks(city.guest(), pub, day, "17:30"), 422, "KITCHEN_CLOSED")
    problem(await asks(city.guest(), pub, day + timedelta(days=1), "12:00"), 422, "CLOSED")


async def test_s1_05_special_dates_replace_the_week(city: City, clock: Clock) -> None:
    """One date closed, the next 13:00-15:00: closed; 12:30 refused, 13:30 accepted."""
    first = await coming(clock, 2)
    closed, short = first, first + timedelta(days=1)
    pub = await city.pub(
        schedule={
            "special": [
                {"date": closed.isoformat(), "services": [], "reason": "Christmas Day"},
                {"date": short.isoformat(), "services": [{"opens": "13:00", "closes": "15:00"}]},
            ]
        }
    )
    refused = await asks(city.guest(), pub, closed, "13:00")
    problem(refused, 422, "CLOSED")
    assert "Christmas Day" in refused.body.decode()
    problem(await asks(city.guest(), pub, short, "12:30"), 422, "KITCHEN_CLOSED")
    await books(city.guest(), pub, short, "13:30")


async def test_s1_06_dishes_that_are_to_be_had(city: City, clock: Clock) -> None:
    """Six dishes, one unavailable: five in their order; choosing it is refused for it alone."""
    pub, dishes = await sunday_lunch(city)
    day = await coming(clock, 6)
    menu = await city.anybody.get(f"/v1/offerings/{pub.offering_id}/menu?date={day}")
    assert [dish["name"] for dish in menu["items"]] == list(reversed(DISHES[:-1]))
    items = [{"menu_item_id": dishes[name]} for name in ("Beef", "Trout")]
    refused = await asks(city.guest(), pub, day, "13:00", items=items)
    assert fields(refused) == {"items.1.menu_item_id"}
    assert await pub.stripe.intents() == []


async def test_s1_08_a_lunch_with_dishes_and_an_allergy_reaches_the_kitchen(
    city: City, clock: Clock
) -> None:
    """Three dishes and a nut allergy: paid in full, and the kitchen's list says both."""
    pub, dishes = await sunday_lunch(city)
    day = await coming(clock, 6)
    items = [{"menu_item_id": dishes[name]} for name in ("Beef", "Lamb", "Pudding")]
    booking = await books(city.guest(), pub, day, "13:00", 2, items=items, allergies=["nuts"])
    assert booking.held["amount_due_now"]["amount_minor"] == 1500 + 1600 + 1900
    await booking.confirmed(pub.stripe)
    seen = await booking.read()
    assert seen["allergies"] == ["nuts"]
    kitchen = await pub.staff.get(f"/v1/sessions/{seen['session']['id']}/kitchen")
    assert {dish["label"]: dish["quantity"] for dish in kitchen["totals"]} == {
        "Beef": 1,
        "Lamb": 1,
        "Pudding": 1,
    }
    assert "nuts" in str(kitchen)


async def test_s1_11_a_capture_told_three_times_is_one_payment(
    city: City, clock: Clock, tables: Tables, mailbox: Mailbox
) -> None:
    """A prepaid lunch by PayPal: 1 payment, confirmed once, 3 deliveries logged; forged: 401."""
    pub, dishes = await sunday_lunch(city, payment_methods=["card", "paypal"])
    paypal = await city.paypal_account(pub)
    items = [{"menu_item_id": dishes["Beef"]}, {"menu_item_id": dishes["Lamb"]}]
    day = await coming(clock, 6)
    booking = await books(city.guest(), pub, day, "13:00", items=items, payment_method="paypal")
    payment = await booking.payment()
    assert (payment["method"], payment["client_secret"]) == ("paypal", None)

    order = await paypal.approve(payment["redirect_url"])
    await booking.becomes("confirmed")
    await mailbox.wait_for(booking.email, booking.reference)

    async def told() -> dict[str, int]:
        return {
            entry["type"].removeprefix("provider_event."): entry["data"]["deliveries"]
            for entry in await pub.timeline(booking)
            if entry["type"].startswith("provider_event.")
        }

    async def both_came() -> bool:
        return len(await told()) == 2

    await until("PayPal's own two deliveries", both_came)
    assert await paypal.deliver(order, count=2) == ["200"] * 4
    logged = {"CHECKOUT.ORDER.APPROVED": 3, "PAYMENT.CAPTURE.COMPLETED": 3}
    assert await told() == logged
    assert await paypal.deliver(order, count=2, forged=True) == ["401"] * 4
    assert await told() == logged

    await until("all of it to be over", lambda: tables.quiet(booking.id))
    assert [one["amount"]["value"] for one in await paypal.captures(order)] == ["31.00"]
    seen = await booking.read()
    assert (seen["status"], seen["amount_paid"]["amount_minor"]) == ("confirmed", 3100)
    entries = [entry["type"] for entry in await pub.timeline(booking)]
    assert entries.count("payment.succeeded.v1") == entries.count("booking.confirmed.v1") == 1
    assert len(await mailbox.letters(booking.email)) == 1


async def test_s1_13_cancelling_needs_the_permission_and_leaves_its_reason(
    city: City, clock: Clock
) -> None:
    """View only: 403. With the permission: cancelled, and the audit log has the reason."""
    pub = await city.pub()
    booking = await books(city.guest(), pub, await coming(clock, 4), "19:00")
    viewer = await city.staff(pub.id, "read:bookings")
    refused = await viewer.ask(
        "POST",
        f"{booking.path}/cancel",
        json={"reason": "The chef is ill"},
        headers={"Idempotency-Key": new_key()},
    )
    problem(refused, 403)
    assert (await pub.cancel(booking, "The chef is ill"))["status"] == "cancelled"
    log = await audit_of(city, pub, booking)
    cancelled = next(entry for entry in log if entry["action"] == "booking.cancelled")
    assert cancelled["reason"] == "The chef is ill"


async def audit_of(city: City, pub: Place, booking: Booking) -> list[Any]:
    """The audit log of a booking, oldest first."""
    manager = await city.staff(pub.id, "read:reports", "read:bookings")
    page = await manager.get(f"/v1/audit?entity_id={booking.id}")
    return list(reversed(page["items"]))


async def test_s1_14_the_audit_log_of_a_website_booking_that_is_paid(
    city: City, clock: Clock
) -> None:
    """Created (website) and the payment received (amount), with reference, type, party, date."""
    pub, dishes = await sunday_lunch(city)
    items = [{"menu_item_id": dishes["Beef"]}, {"menu_item_id": dishes["Lamb"]}]
    day = await coming(clock, 6)
    booking = await books(city.guest(), pub, day, "13:00", 2, items=items, source="website")
    await booking.confirmed(pub.stripe)
    log = await audit_of(city, pub, booking)
    created = log[0]
    assert created["after"]["source"] == "website"
    paid = next(entry for entry in log if (entry["after"] or {}).get("amount_paid"))
    assert paid["after"]["amount_paid"] == 3100
    for entry in (created, paid):
        about = entry["booking"]
        assert about["reference"] == booking.reference
        assert (about["type"], about["party_size"]) == ("sunday_lunch", 2)
        assert about["starts_at"].startswith(day.isoformat())


async def test_s1_17_a_no_show_counts_once(city: City, clock: Clock) -> None:
    """Staff record it, twice by the same key: the customer's count rises by one."""
    pub = await city.pub()
    guest = city.guest()
    booking = await books(guest, pub, await coming(clock, 1, after=0), "12:00")
    seen = await booking.read()
    await clock.advance_to(instant(seen["starts_at"]) + timedelta(minutes=30))
    key = new_key()
    for _ in range(2):
        marked = await pub.staff.post(f"{booking.path}/no-show", {}, key=key)
        assert marked["status"] == "no_show"

    async def counted() -> bool:
        return bool((await pub.customer(email=guest.email))["no_show_count"] == 1)

    await until("the no-show counted", counted)
    assert (await pub.customer(email=guest.email))["no_show_count"] == 1
