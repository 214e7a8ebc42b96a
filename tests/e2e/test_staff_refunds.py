"""Money that staff give back, by the payment it came with, and what becomes of the place."""

from datetime import timedelta
from uuid import uuid4

from .calls import Answer, Http, answered, fields, problem, until
from .outside import Json, Mailbox
from .people import Booking, City, Place, new_key
from .system import Clock, Tables

REFUND_PENDING = "4000000000007726"
REFUND_FAILS = "4000000000005126"


async def payment_of(place: Place, booking: Booking) -> Json:
    """What staff see of a booking's one payment."""
    (payment,) = (await place.staff.get(f"{booking.path}/payments"))["items"]
    return dict(payment)


async def refunded(place: Place, booking: Booking, *statuses: str) -> Json:
    """The payment once its refunds have these statuses."""

    async def look() -> Json | None:
        found = await payment_of(place, booking)
        return found if [one["status"] for one in found["refunds"]] == list(statuses) else None

    return await until(f"refunds {statuses}", look)


async def test_s2_12_staff_read_a_payment_and_refund_it_once(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """Paid: 18000 SEK; refunded; again 409; unknown 404; a field missing 422; one at Stripe."""
    studio = await city.studio()
    session = await studio.session()
    booking = await (await city.guest().book(session)).confirmed(studio.stripe)
    payment = await payment_of(studio, booking)
    path = f"/v1/payments/{payment['id']}"

    assert payment == await studio.staff.get(path)
    assert payment["amount_captured"] == {"amount_minor": 18000, "currency": "SEK"}
    assert (payment["provider"], payment["method"], payment["refunds"]) == ("stripe", "card", [])

    assert fields(await studio.staff.ask("POST", f"{path}/refunds", json={})) == {"reason"}
    keyless = await studio.staff.ask("POST", f"{path}/refunds", json={"reason": "Ill"})
    problem(keyless, 400, "IDEMPOTENCY_KEY_REQUIRED")
    key = new_key()
    made = await studio.staff.post(f"{path}/refunds", {"reason": "Ill"}, key=key)
    assert made["amount"] == {"amount_minor": 18000, "currency": "SEK"}
    again = await studio.staff.post(f"{path}/refunds", {"reason": "Ill"}, key=key)
    assert again["id"] == made["id"]
    other = await studio.staff.ask(
        "POST", f"{path}/refunds", json={"reason": "Well"}, headers={"Idempotency-Key": key}
    )
    problem(other, 422, "IDEMPOTENCY_KEY_REUSED")
    problem(await refund(studio, path, reason="Ill"), 409, "ALREADY_REFUNDED")
    nowhere = f"/v1/payments/{uuid4()}"
    problem(await refund(studio, nowhere, reason="Ill"), 404, "PAYMENT_NOT_FOUND")
    reader = await city.staff(studio.id, "read:bookings")
    problem(
        await reader.ask("POST", f"{path}/refunds", json={"reason": "Ill"}),
        403,
        "PERMISSION_MISSING",
    )

    (done,) = (await refunded(studio, booking, "succeeded"))["refunds"]
    assert (done["reason"], done["cause"], done["failure_code"]) == ("Ill", "staff", None)
    assert done["requested_by"].startswith("key:")
    assert done["requested_at"] <= done["settled_at"]
    # All of it went back, and the place with it; the guest is told once.
    seen = await booking.becomes("cancelled")
    await booking.pays(18000, refunded=18000)
    assert (await booking.read())["payment_status"] == "refunded"
    assert seen["status"] == "cancelled"
    letter = await mailbox.wait_for(booking.email, booking.reference, "avbokad")
    assert "180" in letter.text
    await until("everything done", lambda: tables.quiet(booking.id))
    (at_stripe,) = await studio.stripe.refunds(booking.id)
    assert (at_stripe["amount"], at_stripe["status"]) == (18000, "succeeded")
    assert await studio.remaining(city.anybody, session) == 20
    assert len(await mailbox.letters(booking.email)) == 2


async def test_s2_13_a_failed_booking_is_refunded_by_its_payment(
    city: City, clock: Clock, http: Http, tables: Tables
) -> None:
    """Paid too late, its refund refused by Stripe: staff refund it; listed with a time."""
    studio = await city.studio(policy={"late_payment": "refund"})
    session = await studio.session()
    booking = await city.guest().book(session)
    await studio.stripe.pause_events()
    try:
        await refuse_refunds(http, studio, times=1)
        await booking.pay(studio.stripe)
        await clock.advance(timedelta(minutes=15))
        await booking.becomes("unfulfillable")
    finally:
        await studio.stripe.resume_events()

    failed = await refunded(studio, booking, "failed")
    assert (failed["refunds"][0]["cause"], failed["refundable"]["amount_minor"]) == (
        "unfulfillable",
        18000,
    )
    answer = await refund(studio, f"/v1/payments/{failed['id']}", reason="No place")
    assert answer.status == 201, str(answer)
    await refunded(studio, booking, "failed", "succeeded")
    await booking.pays(18000, refunded=18000)
    (listed,) = (await studio.staff.get("/v1/bookings/failed"))["items"]
    assert (listed["id"], listed["refund"]["state"]) == (booking.id, "refunded")
    assert listed["refund"]["refunded_at"] is not None
    await until("everything done", lambda: tables.quiet(booking.id))
    (at_stripe,) = await studio.stripe.refunds(booking.id)
    assert at_stripe["amount"] == 18000
    assert (await booking.read())["status"] == "unfulfillable"


async def test_parts_add_up_and_never_free_the_place(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """5000 of 18000, then too much, then the rest with the place kept: confirmed and refunded."""
    studio = await city.studio()
    session = await studio.session()
    booking = await (await city.guest().book(session)).confirmed(studio.stripe)
    path = f"/v1/payments/{(await payment_of(studio, booking))['id']}"

    assert (await refund(studio, path, amount=5000, reason="Cold room")).status == 201
    await booking.pays(18000, refunded=5000)
    seen = await booking.read()
    assert (seen["status"], seen["payment_status"]) == ("confirmed", "partially_refunded")
    too_much = await refund(studio, path, amount=13001, reason="Cold room")
    (error,) = problem(too_much, 422, "MORE_THAN_LEFT")["errors"]
    assert error["field"] == "amount.amount_minor"
    assert "13000" in error["message"]
    kept = await refund(studio, path, reason="A friend of the house", release_place=False)
    assert kept.status == 201, str(kept)
    await booking.pays(18000, refunded=18000)
    seen = await booking.read()
    assert (seen["status"], seen["payment_status"]) == ("confirmed", "refunded")
    assert await studio.remaining(city.anybody, session) == 19
    # Cancelled after that, nothing more goes back.
    assert (await booking.cancel())["refund"]["amount_minor"] == 0
    await until("everything done", lambda: tables.quiet(booking.id))
    assert sorted(one["amount"] for one in await studio.stripe.refunds(booking.id)) == [5000, 13000]


async def test_a_refund_is_pending_until_the_provider_has_made_it(
    city: City, http: Http, tables: Tables
) -> None:
    """A minute at the bank: pending and not counted, but promised; then it is back."""
    studio = await city.studio()
    booking = await city.guest().book(await studio.session())
    await booking.pay(studio.stripe, REFUND_PENDING)
    await booking.becomes("confirmed")
    path = f"/v1/payments/{(await payment_of(studio, booking))['id']}"
    assert (await refund(studio, path, reason="Ill", release_place=False)).status == 201

    async def at_stripe() -> bool:
        return bool(await studio.stripe.refunds(booking.id))

    await until("a refund at Stripe", at_stripe)
    await until("everything done", lambda: tables.quiet(booking.id))
    await refunded(studio, booking, "pending")
    assert (await booking.pays(18000, refunded=0))["payment_status"] == "paid"
    problem(await refund(studio, path, reason="Ill"), 409, "ALREADY_REFUNDED")
    await a_minute_passes(http, studio)
    await refunded(studio, booking, "succeeded")
    assert (await booking.pays(18000, refunded=18000))["payment_status"] == "refunded"


async def test_a_refund_that_bounces_is_seen_and_tried_again(
    city: City, http: Http, tables: Tables
) -> None:
    """Succeeded, then failed at the bank: the booking counts it no more, and staff try again."""
    studio = await city.studio()
    booking = await city.guest().book(await studio.session())
    await booking.pay(studio.stripe, REFUND_FAILS)
    await booking.becomes("confirmed")
    path = f"/v1/payments/{(await payment_of(studio, booking))['id']}"
    assert (await refund(studio, path, amount=4000, reason="Goodwill")).status == 201
    await booking.pays(18000, refunded=4000)
    await a_minute_passes(http, studio)
    (failed,) = (await refunded(studio, booking, "failed"))["refunds"]
    assert failed["failure_code"]
    seen = await booking.pays(18000, refunded=0)
    assert (seen["status"], seen["payment_status"]) == ("confirmed", "paid")

    again = await refund(studio, path, reason="Once more", retry_of=failed["id"])
    assert again.status == 201, str(again)
    assert again.json()["amount"]["amount_minor"] == 4000
    await refunded(studio, booking, "failed", "succeeded")
    await booking.pays(18000, refunded=4000)
    unknown = await refund(studio, path, reason="x", retry_of=str(uuid4()))
    problem(unknown, 409, "REFUND_NOT_FAILED")
    await until("everything done", lambda: tables.quiet(booking.id))
    assert [one["amount"] for one in await studio.stripe.refunds(booking.id)] == [4000, 4000]


async def test_where_refunds_are_approved_what_staff_gave_counts(
    city: City, tables: Tables
) -> None:
    """Cancelled, waiting for approval; 5000 given meanwhile: 13000 is what is approved."""
    terms = {"refund_mode": "approve", "refund_tiers": [{"hours": 24, "percent": 100}]}
    studio = await city.studio(policy=terms)
    session = await studio.session(timedelta(days=20))
    booking = await (await city.guest().book(session)).confirmed(studio.stripe)
    assert (await booking.cancel())["needs_approval"] is True
    path = f"/v1/payments/{(await payment_of(studio, booking))['id']}"
    assert (await refund(studio, path, amount=5000, reason="At once")).status == 201
    await booking.pays(18000, refunded=5000)
    decided = await studio.staff.post(
        f"{booking.path}/refund-approval", {"decision": "approve", "reason": "Ill"}, key=new_key()
    )
    assert decided["refund"]["amount_minor"] == 13000
    await booking.pays(18000, refunded=18000)
    await until("everything done", lambda: tables.quiet(booking.id))
    assert sorted(one["amount"] for one in await studio.stripe.refunds(booking.id)) == [5000, 13000]


async def refund(place: Place, path: str, *, amount: int | None = None, **body: object) -> Answer:
    """Staff ask for a refund, with a key of its own."""
    said = body if amount is None else {**body, "amount": {"amount_minor": amount}}
    headers = {"Idempotency-Key": new_key()}
    return await answered(
        lambda: place.staff.ask("POST", f"{path}/refunds", json=said, headers=headers)
    )


async def refuse_refunds(http: Http, place: Place, *, times: int) -> None:
    """Stripe refuses the next refunds."""
    answer = await http.ask(
        "POST",
        f"{place.stripe.base}/_sandbox/faults",
        json={"method": "POST", "path": "/v1/refunds", "status": 400, "count": times},
    )
    assert answer.status == 200, str(answer)


async def a_minute_passes(http: Http, place: Place) -> None:
    """At Stripe: what is slow or bounces there has done so."""
    url = f"{place.stripe.base}/_sandbox/clock"
    answer = await http.ask("POST", url, json={"advance": 61})
    assert answer.status == 200, str(answer)
