"""Scenarios of the source system that sold places in classes (S2)."""

import json
from datetime import timedelta
from typing import Any

from .calls import fields, problem, until
from .outside import Mailbox, Swish, event, instant
from .people import City, new_key
from .system import Clock, System, Tables


async def test_s2_01_anybody_sees_the_classes_and_nothing_of_bookings(city: City) -> None:
    """3 classes: anybody lists 3 with title, times, capacity, price; nobody sees a booking's id."""
    studio = await city.studio(price=18000, capacity=12)
    sessions = [
        await studio.session(timedelta(days=day), title=f"Class {day}") for day in (1, 2, 3)
    ]
    booking = await city.guest().book(sessions[0])

    (offering,) = (await city.anybody.get(f"/v1/offerings?organisation={studio.slug}"))["items"]
    assert (offering["title"], offering["currency"]) == ("Pilates", "SEK")
    assert offering["pricing"]["amount_minor"] == 18000
    listed = (await city.anybody.get(f"/v1/offerings/{offering['id']}/sessions"))["items"]
    assert [one["title"] for one in listed] == ["Class 1", "Class 2", "Class 3"]
    assert [one["id"] for one in listed] == [one.id for one in sessions]
    assert [(one["capacity"], one["remaining"]) for one in listed] == [(12, 11), (12, 12), (12, 12)]
    assert all(one["starts_at"] < one["ends_at"] for one in listed)
    assert [one["price"] for one in listed] == [{"amount_minor": 18000, "currency": "SEK"}] * 3
    assert all({"date", "start_time", "end_time", "timezone"} <= one.keys() for one in listed)

    free = await city.anybody.get(f"/v1/sessions/{sessions[0].id}/availability")
    for shown in (offering, listed, free):
        text = json.dumps(shown)
        assert booking.id not in text
        assert booking.reference not in text
        assert booking.email not in text
    problem(await city.anybody.ask("GET", booking.path), 401)


async def test_s2_01_lists_come_page_by_page(city: City) -> None:
    """Pages of two, in the order of their start, until there is no cursor."""
    studio = await city.studio()
    wanted = [(await studio.session(timedelta(days=day))).id for day in (1, 2, 3, 4, 5)]
    path = f"/v1/offerings/{studio.offering_id}/sessions?limit=2"
    found, cursor = [], ""
    while cursor is not None:
        page = await city.anybody.get(path + (f"&cursor={cursor}" if cursor else ""))
        assert len(page["items"]) <= 2
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert found == wanted


async def test_s2_02_the_price_is_ours(city: City) -> None:
    """A class at 180 SEK: an amount in the request is refused; the intent is 18000 öre."""
    studio = await city.studio(price=18000)
    session = await studio.session()
    guest = city.guest(phone="0701740605")

    assert fields(await guest.tries(session, amount=1)) == {"amount"}
    assert await studio.stripe.intents() == []
    booking = await guest.book(session)
    await booking.payment()

    intent = await studio.stripe.intent_of(booking.id)
    assert (intent["amount"], intent["currency"]) == (18000, "sek")
    nowhere = guest.wish(session) | {"session_id": "00000000-0000-4000-8000-000000000000"}
    problem(await guest.ask_for(nowhere), 404, "NOT_FOUND")


async def test_s2_02_with_payments_switched_off_only_free_places_are_sold(
    city: City, system: System
) -> None:
    """Payments switched off: 503 for what costs; a free class is booked and confirmed at once."""
    priced, free = await city.studio(price=18000), await city.studio(price=0)
    sessions = await priced.session(), await free.session()
    (part,) = [part for part in system.parts() if part in ("booking", "booking-api")] or [""]
    system.stop(part)
    system.start(part, {"PAYMENTS_ENABLED": "false"})
    try:
        problem(await city.guest().tries(sessions[0]), 503, "FEATURE_OFF")
        booked = await city.guest().book(sessions[1])
        assert (booked.held["status"], booked.held["payment"]) == ("confirmed", None)
        assert booked.held["payment_status"] == "not_required"
    finally:
        system.stop(part)
        system.start(part)
    assert await priced.stripe.intents() == []
    assert (await city.guest().tries(sessions[0])).status in (201, 202)


async def test_s2_03_a_paid_booking_is_found_once_its_event_came(city: City) -> None:
    """Polling before the webhook finds it unpaid; after it confirmed, with the class and details."""
    studio = await city.studio()
    session = await studio.session(title="Pilates mat")
    booking = await city.guest(name="Test Guest").book(session, special_requests="A mat, please")
    await studio.stripe.pause_events()
    try:
        intent = await booking.pay(studio.stripe)
        assert intent["status"] == "succeeded"
        assert (await booking.read())["status"] == "pending_payment"
        assert (await booking.read())["payment_status"] == "unpaid"
    finally:
        await studio.stripe.resume_events()

    seen = await booking.becomes("confirmed")
    assert seen["payment_status"] == "paid"
    assert seen["session"]["title"] == "Pilates mat"
    assert seen["session"]["id"] == session.id
    assert seen["special_requests"] == "A mat, please"
    assert seen["name"] == "Test Guest"


async def test_s2_06_events_are_taken_whatever_they_say(city: City, tables: Tables) -> None:
    """Bad signature 401; an intent without our metadata, or an unrelated type: stored, 200."""
    studio = await city.studio()
    foreign = event(
        "payment_intent.succeeded",
        {"id": "pi_foreign", "object": "payment_intent", "status": "succeeded", "metadata": {}},
    )
    unrelated = event("customer.created", {"id": "cus_1", "object": "customer"})

    problem(await studio.stripe.send(foreign, secret="whsec_wrong-secret"), 401)
    assert (await studio.stripe.send(foreign)).status == 200
    assert (await studio.stripe.send(unrelated)).status == 200

    outcomes = {}

    async def settled() -> bool:
        rows = await tables.rows(
            "payments",
            "SELECT event_id, outcome FROM messaging.provider_events WHERE event_id = ANY($1)",
            [foreign["id"], unrelated["id"]],
        )
        outcomes.update({row["event_id"]: row["outcome"] for row in rows})
        return "stored" not in outcomes.values()

    await until("both worked on", settled)
    assert len(outcomes) == 2
    assert set(outcomes.values()) <= {"ignored", "foreign"}


SWISH = {"amount_minor": 18000, "payment_methods": ["card", "swish", "manual"]}


async def test_s2_09_swish_waits_unpaid_until_staff_say_that_it_came(
    city: City, mailbox: Mailbox
) -> None:
    """Anyone by Swish: unpaid, spot taken; received and no admin: 403; admin marks it paid: 200."""
    studio = await city.studio(capacity=3, pricing=SWISH, policy={"by_hand_minutes": 120})
    number = await city.swish_number(studio)
    session = await studio.session()
    guest = city.guest(phone="0701740605")
    problem(await guest.tries(session, payment_method="swish", payment_received=True), 403)
    assert await studio.remaining(city.anybody, session) == 3

    booking = await guest.book(session, payment_method="swish")
    transfer = (await booking.payment())["transfer"]
    assert (transfer["payee"], transfer["message"]) == (number, booking.reference)
    assert transfer["amount"] == {"amount_minor": 18000, "currency": "SEK"}
    seen = await booking.read()
    assert (seen["status"], seen["payment_status"]) == ("pending_payment", "unpaid")
    assert instant(transfer["pay_by"]) == instant(seen["expires_at"])
    assert instant(seen["expires_at"]) - instant(seen["created_at"]) == timedelta(minutes=120)
    assert 0 < seen["seconds_left"] <= 7200
    assert await studio.remaining(city.anybody, session) == 2

    path = f"{booking.path}/mark-paid"
    ordinary = await city.staff(studio.id, "manage:bookings")
    problem(await ordinary.ask("POST", path, json={}), 403)
    assert (await booking.holder.ask("POST", path, json={})).status in (401, 403)
    assert (await booking.read())["payment_status"] == "unpaid"
    for _ in range(2):
        paid = await studio.staff.post(path, {"reference": "SW-1"})
        assert paid["status"] == "succeeded"
    seen = await booking.becomes("confirmed")
    assert (seen["payment_status"], seen["amount_paid"]["amount_minor"]) == ("paid", 18000)
    await mailbox.wait_for(booking.email, "Bokningen är bekräftad", booking.reference)
    assert await studio.stripe.intents() == []


async def test_s2_09_swish_that_nobody_paid_gives_the_spot_back_and_goes_back_by_hand(
    city: City, clock: Clock
) -> None:
    """No more spots wait than allowed; the deadline frees them; late money that is not wanted is
    owed until staff have sent it.
    """
    policy = {"by_hand_minutes": 30, "max_by_hand": 1, "late_payment": "refund"}
    studio = await city.studio(capacity=3, pricing=SWISH, policy=policy)
    await city.swish_number(studio)
    session = await studio.session()
    booking = await city.guest(phone="0701740605").book(session, payment_method="swish")
    await booking.payment()
    refused = await city.guest(phone="0701740606").tries(session, payment_method="swish")
    problem(refused, 409, "TOO_MANY_BY_HAND")
    assert (await city.guest(phone="0701740607").tries(session)).status in (201, 202)

    await clock.advance(timedelta(minutes=31))
    await booking.becomes("expired")
    await studio.staff.post(f"{booking.path}/mark-paid", {})
    await booking.becomes("unfulfillable")

    async def owed() -> Any:
        items = (await studio.staff.get("/v1/refunds-owed"))["items"]
        return next((one for one in items if one["booking_id"] == booking.id), None)

    refund = await until("the refund to be owed", owed)
    assert refund["amount"]["amount_minor"] == 18000
    await studio.staff.post(f"/v1/refunds/{refund['id']}/mark-returned", {"reference": "SW-2"})
    await booking.pays(18000, refunded=18000)
    assert await owed() is None


async def test_s2_09_a_guest_swishes_and_staff_find_it_by_its_message(
    city: City, mailbox: Mailbox, swish: Swish
) -> None:
    """The guest is mailed how to pay, pays on the phone, first with the wrong words; staff read
    their own list, mark what came, and send back by hand what is owed after the guest cancels.
    """
    policy = {"refund_tiers": [{"hours": 0, "percent": 50}]}
    studio = await city.studio(capacity=3, pricing=SWISH, policy=policy)
    number = await city.swish_number(studio)
    session = await studio.session()
    booking = await city.guest(phone="0701740605").book(session, payment_method="swish")
    letter = await mailbox.wait_for(booking.email, f"Så betalar du: Pilates ({booking.reference})")
    transfer = (await booking.payment())["transfer"]
    assert letter.says(number, transfer["message"], "180,00", "token=")
    assert len(await mailbox.letters(booking.email)) == 1

    await swish.pay("0701740605", number, "180", "for the class")
    await swish.pay("0701740605", number, "18", transfer["message"])
    assert (await booking.read())["payment_status"] == "unpaid"
    await swish.pay("0701740605", number, "180", transfer["message"])
    came = await swish.received(number)
    assert [one["amount"] for one in came] == ["180.00", "18.00", "180.00"]
    [paid] = [
        one for one in came if (one["message"], one["amount"]) == (booking.reference, "180.00")
    ]
    said = {"payment_id": (await booking.payment())["id"], "reference": paid["id"]}
    for _ in range(2):
        answer = await studio.staff.ask(
            "POST", f"{booking.path}/mark-paid", json=said, headers={"Idempotency-Key": paid["id"]}
        )
        assert answer.status == 200, str(answer)
    other = await studio.staff.ask(
        "POST",
        f"{booking.path}/mark-paid",
        json={"reference": "another"},
        headers={"Idempotency-Key": paid["id"]},
    )
    problem(other, 422, "IDEMPOTENCY_KEY_REUSED")
    await booking.becomes("confirmed")
    await mailbox.wait_for(booking.email, "Bokningen är bekräftad", booking.reference)

    await booking.cancel()

    async def owed() -> Any:
        items = (await studio.staff.get("/v1/refunds-owed"))["items"]
        return next((one for one in items if one["booking_id"] == booking.id), None)

    refund = await until("the refund to be owed", owed)
    assert refund["amount"] == {"amount_minor": 9000, "currency": "SEK"}
    back = await swish.send_back(paid["id"], "90.00")
    await studio.staff.post(f"/v1/refunds/{refund['id']}/mark-returned", {"reference": back["id"]})
    await booking.pays(18000, refunded=9000)
    assert await owed() is None
    [shown] = [one for one in await swish.received(number) if one["id"] == paid["id"]]
    assert shown["returned"] == "90.00"
    timeline = await studio.timeline(booking)
    said_so = [one["data"]["reference"] for one in timeline if "statement." in one["type"]]
    assert said_so == [paid["id"], back["id"]]


async def test_s2_10_a_manual_booking_is_for_staff(city: City) -> None:
    """Posted by a guest 403; by an admin 201, waiting for the money or with it in hand."""
    studio = await city.studio(pricing=SWISH)
    session = await studio.session()
    problem(await city.guest(phone="0701740605").tries(session, payment_method="manual"), 403)
    for received, status in ((False, "pending_payment"), (True, "confirmed")):
        wish = city.guest(phone="0701740605").wish(
            session, payment_method="manual", source="phone", payment_received=received
        )
        answer = await studio.staff.ask(
            "POST", "/v1/bookings", json=wish, headers={"Idempotency-Key": new_key()}
        )
        assert answer.status in (201, 202), str(answer)
        made = answer.json()

        async def reached(made: Any = made, status: str = status) -> bool:
            path = f"/v1/bookings/{made['id']}"
            return bool((await studio.staff.get(path))["status"] == status)

        await until(f"the booking {status}", reached)
    assert await studio.stripe.intents() == []


async def test_s2_14_a_booked_class_is_not_deleted_and_is_told_why_in_swedish(city: City) -> None:
    """1 booking: 409 with the Swedish text; without any 200; an unknown id 404."""
    studio = await city.studio()
    booked, empty = await studio.session(), await studio.session()
    await city.guest(phone="0701740605").book(booked)

    refused = await studio.staff.ask("DELETE", f"/v1/sessions/{booked.id}")
    told = problem(refused, 409, "HAS_BOOKINGS")
    assert told["detail"] == "Passet kan inte tas bort eftersom det finns deltagare bokade på det."
    assert refused.headers["content-language"] == "sv"
    archived = await studio.staff.ask("DELETE", f"/v1/sessions/{empty.id}")
    assert (archived.status, archived.json()["status"]) == (200, "archived")
    nowhere = "/v1/sessions/00000000-0000-4000-8000-000000000000"
    problem(await studio.staff.ask("DELETE", nowhere), 404, "NOT_FOUND")
    problem(await city.anybody.ask("DELETE", f"/v1/sessions/{booked.id}"), 401)
    listed = await city.anybody.get(f"/v1/offerings/{studio.offering_id}/sessions")
    assert [one["id"] for one in listed["items"]] == [booked.id]


async def test_s2_15_a_class_needs_spots_a_price_and_a_title(city: City) -> None:
    """0 spots, price -1 or no title: 422; without the permission 403; a free class needs no intent."""
    studio = await city.studio(price=0)
    offering = {"venue_id": studio.venue_id, "preset": "class", "title": "Yoga"}
    spots, price = {"capacity": 0}, {"amount_minor": -1}
    for wrong, field in (
        ({**offering, "inventory": spots, "pricing": {"amount_minor": 0}}, "inventory.capacity"),
        ({**offering, "pricing": price}, "pricing.amount_minor"),
        ({"venue_id": studio.venue_id, "preset": "class"}, "title"),
    ):
        assert field in fields(await studio.staff.ask("POST", "/v1/offerings", json=wrong))
    reader = await city.staff(studio.id, "read:catalogue")
    problem(await reader.ask("POST", "/v1/offerings", json=offering), 403)

    booking = await city.guest(phone="0701740605").book(await studio.session())
    assert (await booking.read())["payment_status"] == "not_required"
    assert await studio.stripe.intents() == []


async def test_s2_18_a_stopped_database_is_told_without_details(city: City, system: System) -> None:
    """Database stopped: 503 with a generic text; the log has the error, service and request id."""
    studio = await city.studio()
    await studio.session()
    path = f"/v1/offerings?organisation={studio.slug}"
    await city.anybody.get(path)

    async def logged() -> list[Any]:
        part = next(part for part in system.parts() if part in ("booking", "booking-api"))
        lines = [json.loads(line) for line in system.log(part).splitlines() if line.startswith("{")]
        return [
            line
            for line in lines
            if line.get("request_id") == told["request_id"] and line["level"] == "error"
        ]

    system.stop("postgres")
    try:
        answer = await city.anybody.ask("GET", path)
        told = problem(answer, 503, "DEPENDENCY_UNAVAILABLE")
        # Looked for now, as what is logged later pushes it out of the end of the log.
        (line,) = await until("the error in the log", logged)
    finally:
        system.start("postgres")
    assert not {"postgres", "asyncpg", "connect call", "traceback"} & set(
        str(answer).lower().split()
    )
    assert answer.headers["retry-after"]

    assert line["service"] == "booking"
    assert "exception" in line, line

    async def back() -> bool:
        return (await city.anybody.ask("GET", path)).status == 200

    await until("the classes to be listed again", back)
