"""Cancelling by guests and by staff, under the policy a booking was made with."""

from datetime import timedelta

from .calls import fields, problem, until
from .outside import Mailbox
from .people import City, new_key
from .system import Clock, Tables

HALF_A_DAY_AHEAD = {"refund_tiers": [{"hours": 72, "percent": 100}, {"hours": 24, "percent": 50}]}


async def test_the_policy_of_the_booking_decides_not_todays(
    city: City, clock: Clock, tables: Tables
) -> None:
    """The policy is edited after booking: the old booking refunds by the old one, new by the new."""
    studio = await city.studio(price=18000, policy=HALF_A_DAY_AHEAD)
    session = await studio.session(timedelta(hours=48))
    old = await (await city.guest().book(session)).confirmed(studio.stripe)

    edited = await studio.staff.patch(
        f"/v1/offerings/{studio.offering_id}", {"policy": {"refund_tiers": []}}
    )
    assert edited["policy"]["refund_tiers"] == []
    new = await (await city.guest().book(session)).confirmed(studio.stripe)

    assert (await old.read())["cancel"] == {
        "refund_percent": 50,
        "refund": {"amount_minor": 9000, "currency": "SEK"},
        "to_gift_card": {"amount_minor": 0, "currency": "SEK"},
        "needs_approval": False,
    }
    assert (await old.cancel())["refund"] == {"amount_minor": 9000, "currency": "SEK"}
    assert (await new.cancel())["refund_eligible"] is False
    seen = await old.pays(18000, refunded=9000)
    assert seen["payment_status"] == "partially_refunded"
    await until("everything done", lambda: tables.quiet(new.id))
    assert [one["amount"] for one in await studio.stripe.refunds(old.id)] == [9000]
    assert await studio.stripe.refunds(new.id) == []
    assert await studio.remaining(city.anybody, session) == 20


async def test_the_price_of_the_booking_stays(city: City) -> None:
    """The price is edited after booking: what was agreed is due."""
    studio = await city.studio(price=18000)
    session = await studio.session()
    booking = await city.guest().book(session)
    await studio.staff.patch(
        f"/v1/offerings/{studio.offering_id}", {"pricing": {"amount_minor": 25000}}
    )
    assert (await booking.read())["amount_due_now"]["amount_minor"] == 18000
    dearer = await city.guest().book(session)
    assert dearer.held["amount_due_now"]["amount_minor"] == 25000
    await booking.confirmed(studio.stripe)
    assert (await studio.stripe.intent_of(booking.id))["amount"] == 18000


async def test_staff_cancel_with_a_reason_and_permission(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """Staff without the permission: 403. Without a reason: 422. With both: refunded and told."""
    club = await city.nightclub()
    session = await club.session(timedelta(hours=60))
    booking = await (await city.guest().book(session, tables=[club.tables[7]], party=4)).confirmed(
        club.stripe
    )
    reader = await city.staff(club.id, "read:bookings")
    path = f"{booking.path}/cancel"

    problem(await reader.ask("POST", path, json={"reason": "flood"}), 403, "PERMISSION_MISSING")
    assert fields(await club.staff.ask("POST", path, json={})) == {"reason"}
    assert (await booking.read())["status"] == "confirmed"
    answer = await club.cancel(booking, "The cellar is flooded")

    assert (answer["status"], answer["refund"]["amount_minor"]) == ("cancelled", 5000)
    await booking.pays(5000, refunded=5000)
    letter = await mailbox.wait_for(booking.email, booking.reference, "cancelled by")
    assert "50.00" in letter.text
    audit = await tables.rows(
        "booking",
        "SELECT action, reason FROM audit WHERE entity_id = $1::text::uuid ORDER BY at",
        booking.id,
    )
    assert ("booking.cancelled", "The cellar is flooded") in [
        (row["action"], row["reason"]) for row in audit
    ]
    assert await club.table_status(city.anybody, session, 7) == "available"


async def test_cancelling_twice_is_cancelling_once(city: City, tables: Tables) -> None:
    """The same key again: the same answer. Another key: 409. One refund."""
    club = await city.nightclub()
    session = await club.session(timedelta(hours=60))
    booking = await (await city.guest().book(session, tables=[club.tables[7]], party=4)).confirmed(
        club.stripe
    )
    key = new_key()
    first = await booking.holder.post(f"{booking.path}/cancel", {}, key=key)
    assert await booking.holder.post(f"{booking.path}/cancel", {}, key=key) == first
    other = await booking.holder.ask(
        "POST", f"{booking.path}/cancel", json={}, headers={"Idempotency-Key": new_key()}
    )
    problem(other, 409, "CANNOT_CANCEL")
    await booking.pays(5000, refunded=5000)
    await until("everything done", lambda: tables.quiet(booking.id))
    assert len(await club.stripe.refunds(booking.id)) == 1


async def test_after_the_start_guests_cannot_cancel(city: City, clock: Clock) -> None:
    """`can_cancel` and the answer agree: until the start, and not after it."""
    studio = await city.studio()
    session = await studio.session(timedelta(hours=1))
    booking = await (await city.guest().book(session)).confirmed(studio.stripe)
    assert (await booking.read())["can_cancel"] is True

    await clock.advance_to(session.starts_at)

    seen = await booking.read()
    assert (seen["can_cancel"], seen["seconds_until_start"]) == (False, 0)
    answer = await booking.holder.ask("POST", f"{booking.path}/cancel", json={})
    problem(answer, 409, "CANNOT_CANCEL")
    problem(await city.guest().tries(session), 409, "SESSION_STARTED")
