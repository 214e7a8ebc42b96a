"""Bookings that move, groups that wait for a place, codes that pay, and guests who are refused."""

from datetime import timedelta
from typing import Any

from .calls import Answer, problem, until
from .outside import Json, Mailbox
from .people import Booking, City, Guest, Place, Session, new_key
from .system import Clock, Tables


async def first_in(place: Place, city: City, clock: Clock, days: float, nth: int = 0) -> Session:
    """A session at least so many days ahead."""
    wanted = await clock.now() + timedelta(days=days)
    return [one for one in await place.listed(city.anybody) if one.starts_at >= wanted][nth]


async def moves(booking: Booking, **to: Any) -> Json:
    moved: Json = await booking.holder.post(f"{booking.path}/reschedule", to, key=new_key())
    return moved


async def waits(guest: Guest, session: Session, party: int) -> Json:
    answer = await guest.caller.ask(
        "POST",
        f"/v1/sessions/{session.id}/waitlist",
        json={
            "party_size": party,
            "customer": {"name": guest.name, "email": guest.email, "phone": guest.phone},
        },
        headers={"Idempotency-Key": new_key()},
    )
    assert answer.status == 201, str(answer)
    entry: Json = answer.json()
    return entry


async def test_a_booking_moves_and_the_difference_goes_back(
    city: City, clock: Clock, mailbox: Mailbox, tables: Tables
) -> None:
    """Fewer people on another day: the new place is taken, the old freed, 2500 refunded, once."""
    rooms = await city.escape_room()
    old, new = [await first_in(rooms, city, clock, days) for days in (4, 6)]
    booking = await (await city.guest().book(old, quantities={"adult": 2, "child": 1})).confirmed(
        rooms.stripe
    )
    moved = await moves(booking, session_id=new.id, quantities={"adult": 2})
    assert moved["moved"] is True
    assert moved["refund"] == {"amount_minor": 2500, "currency": "USD"}
    assert await rooms.remaining(city.anybody, old) == 8
    assert await rooms.remaining(city.anybody, new) == 6

    seen = await booking.pays(9500, refunded=2500)
    assert seen["session"]["id"] == new.id
    assert seen["reference"] == booking.reference
    assert [one["amount"] for one in await rooms.stripe.refunds(booking.id)] == [2500]
    letter = await mailbox.wait_for(booking.email, "Booking changed", booking.reference)
    assert letter.attachments
    await until("everything done", lambda: tables.quiet(booking.id))


async def test_a_dearer_move_waits_for_its_payment(city: City, clock: Clock) -> None:
    """Both places are held until the difference is paid; then it moves, and the old place is free."""
    rooms = await city.escape_room()
    old, new = [await first_in(rooms, city, clock, days) for days in (4, 6)]
    booking = await (await city.guest().book(old, quantities={"adult": 1})).confirmed(rooms.stripe)
    moved = await moves(booking, session_id=new.id, quantities={"adult": 2})
    assert moved["moved"] is False
    assert await rooms.remaining(city.anybody, old) == 7
    assert await rooms.remaining(city.anybody, new) == 6
    assert (await booking.read())["session"]["id"] == old.id

    booking.held["payment"] = None
    payment = await further_payment(booking)
    assert payment["amount"]["amount_minor"] == 3500
    await rooms.stripe.confirm(payment["client_secret"], "4242424242424242")

    async def has_moved() -> bool:
        return bool((await booking.read())["session"]["id"] == new.id)

    await until("the booking moved", has_moved)
    assert await rooms.remaining(city.anybody, old) == 8
    assert (await booking.read())["amount_paid"]["amount_minor"] == 7000
    await booking.cancel()
    await booking.pays(7000, refunded=7000)


async def further_payment(booking: Booking) -> Json:
    async def look() -> Json | None:
        answer = await booking.holder.ask("GET", f"{booking.path}/payment")
        found: Json = answer.json()
        wanted = answer.status == 200 and found["change_id"] and found["client_secret"]
        return found if wanted else None

    return await until(f"the further payment of {booking.reference}", look)


async def test_a_dearer_move_that_nobody_pays_leaves_all_as_it_was(
    city: City, clock: Clock
) -> None:
    """After the hold's time: the new place is free, the old one stays, the payment is cancelled."""
    rooms = await city.escape_room()
    old, new = [await first_in(rooms, city, clock, days) for days in (4, 6)]
    booking = await (await city.guest().book(old, quantities={"adult": 1})).confirmed(rooms.stripe)
    await moves(booking, session_id=new.id, quantities={"adult": 3})
    await further_payment(booking)
    await clock.advance(timedelta(minutes=10))

    async def given_up() -> bool:
        return await rooms.remaining(city.anybody, new) == 8

    await until("the new place given up", given_up)
    seen = await booking.read()
    assert (seen["status"], seen["session"]["id"], seen["change"]) == ("confirmed", old.id, None)
    assert await rooms.remaining(city.anybody, old) == 7

    async def cancelled() -> bool:
        intents = await rooms.stripe.intents(booking.id)
        return sorted(one["status"] for one in intents) == ["canceled", "succeeded"]

    await until("the further intent cancelled", cancelled)


async def test_the_first_group_that_fits_is_offered_the_place(
    city: City, clock: Clock, mailbox: Mailbox
) -> None:
    """Full; four wait before two; two places are freed: the two are mailed a link, pay and have it."""
    rooms = await city.escape_room(capacity=4)
    session = await first_in(rooms, city, clock, 5)
    first = await (await city.guest().book(session, quantities={"adult": 2})).confirmed(
        rooms.stripe
    )
    await (await city.guest().book(session, quantities={"adult": 2})).confirmed(rooms.stripe)
    four, two = city.guest(), city.guest()
    assert (await waits(four, session, 4))["position"] == 1
    entry = await waits(two, session, 2)
    await mailbox.wait_for(two.email, "The Vault")

    await first.cancel()
    holder = two.holding(entry["token"])

    async def offered() -> Json | None:
        seen: Json = await holder.get(f"/v1/waitlist/{entry['id']}")
        return seen if seen["offer"] else None

    offer = (await until("the offer", offered))["offer"]
    letters = await until("the offer's mail", lambda: _mailed(mailbox, two.email, "token="))
    token = letters.partition("token=")[2].split()[0].rstrip(".)>")
    booking = Booking(
        two, {"id": offer["booking_id"], "reference": "", "payment": None}, two.holding(token)
    )
    await booking.pay(rooms.stripe)
    seen = await booking.becomes("confirmed")
    assert (seen["party_size"], seen["source"]) == (2, "waitlist")
    assert (await holder.get(f"/v1/waitlist/{entry['id']}"))["state"] == "accepted"
    assert await rooms.remaining(city.anybody, session) == 0


async def _mailed(mailbox: Mailbox, address: str, part: str) -> str | None:
    return next((one.text for one in await mailbox.letters(address) if part in one.text), None)


async def test_a_code_and_a_gift_card_pay_their_part(city: City, clock: Clock) -> None:
    """Ten per cent off, then what the card holds; both come back when the hold lapses."""
    rooms = await city.escape_room()
    session = await first_in(rooms, city, clock, 5)
    await rooms.staff.post("/v1/promo-codes", {"code": "TENOFF", "percent": 10, "max_uses": 1})
    card = await rooms.staff.post(
        "/v1/gift-cards", {"amount_minor": 3000, "currency": "USD"}, key=new_key()
    )
    codes = {"promo_code": "tenoff", "gift_card": card["code"]}
    wish = {"session_id": session.id, "quantities": {"adult": 2, "child": 1}, **codes}
    quote = await city.anybody.post("/v1/quotes", wish)
    assert quote["amount_total"]["amount_minor"] == 8550
    assert quote["amount_due_now"]["amount_minor"] == 5550

    lapsing = await city.guest().book(session, quantities=wish["quantities"], **codes)
    assert lapsing.held["amount_due_now"]["amount_minor"] == 5550
    rival = await city.guest().tries(session, quantities={"adult": 1}, promo_code="TENOFF")
    assert rival.status == 422, str(rival)
    await clock.advance(timedelta(minutes=10))
    await lapsing.becomes("expired")
    assert (await rooms.staff.get(f"/v1/gift-cards/{card['id']}"))["balance"][
        "amount_minor"
    ] == 3000

    booking = await city.guest().book(session, quantities=wish["quantities"], **codes)
    await booking.confirmed(rooms.stripe)
    assert (await rooms.stripe.intent_of(booking.id))["amount"] == 5550
    assert (await rooms.staff.get(f"/v1/gift-cards/{card['id']}"))["balance"]["amount_minor"] == 0


async def test_cus17_a_blocked_customer_is_refused_until_unblocked(
    city: City, clock: Clock
) -> None:
    """Blocked by staff in one service, refused by another a moment later, by phone or e-mail."""
    # Room for as many as try it until the news has come.
    rooms = await city.escape_room(pricing={"kind": "free"}, capacity=1000)
    session = await first_in(rooms, city, clock, 5)
    guest = city.guest()
    await guest.book(session, party=1)
    customer = await rooms.customer(email=guest.email)

    async def refused() -> Answer | None:
        answer = await city.guest(email=guest.email).tries(session, party=1)
        return answer if answer.status == 403 else None

    await rooms.staff.patch(
        f"/v1/customers/{customer['id']}", {"status": "blocked", "reason": "Never comes"}
    )
    problem(await until("the guest refused", refused), 403, "GUEST_REFUSED")
    problem(await city.guest(phone=guest.phone).tries(session, party=1), 403, "GUEST_REFUSED")
    await rooms.staff.patch(f"/v1/customers/{customer['id']}", {"status": "active"})

    async def welcome() -> bool:
        return (await guest.tries(session, party=1)).status == 201

    await until("the guest welcome", welcome)


async def test_s2_10_only_staff_book_without_paying(city: City) -> None:
    """A manual booking by a guest: 403; by staff: confirmed at once, unpaid."""
    studio = await city.studio()
    session = await studio.session()
    guest = city.guest()
    problem(await guest.tries(session, payment="at_venue"), 403)
    answer = await studio.staff.ask(
        "POST",
        "/v1/bookings",
        json=guest.wish(session, payment="at_venue", source="phone"),
        headers={"Idempotency-Key": new_key()},
    )
    assert answer.status == 201, str(answer)
    made = answer.json()
    assert (made["status"], made["payment_status"]) == ("confirmed", "unpaid")
    assert await studio.stripe.intents() == []
