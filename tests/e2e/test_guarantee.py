"""OPN-06: a card guarantees that the guest comes; who does not is charged the fee, once."""

from datetime import timedelta

from .calls import fields, problem, until
from .outside import Mailbox, instant
from .people import Booking, City, Json, Place, Session, new_key
from .system import Clock

PLAIN, ASKS_ALWAYS, FAILS_LATER = "4242424242424242", "4000002760003184", "4000000000000341"
FEE = 25000


async def with_fee(city: City) -> Place:
    """Free classes; who does not come owes 250 kronor, at once."""
    policy = {"no_show": {"fee_minor": FEE}, "undo_minutes": 0}
    return await city.studio(price=0, policy=policy)


async def books(city: City, studio: Place, session: Session, card: str = PLAIN) -> Booking:
    """Booked, and the card saved, with the bank's question answered where it has one."""
    booking = await city.guest().book(session)
    payment = await booking.payment()
    assert payment["kind"] == "setup"
    answer = (await booking.pay(studio.stripe, card))["status"]
    if answer == "requires_action":
        await studio.stripe.authenticate(payment["client_secret"].partition("_secret_")[0])
    return booking


async def fee_is(booking: Booking, status: str) -> Json:
    """The booking's fee once it stands so."""

    async def look() -> Json | None:
        fee: Json = (await booking.read())["no_show_fee"]
        return fee if fee["status"] == status else None

    return await until(f"fee of {booking.reference} is {status}", look)


async def taken(studio: Place, booking: Booking) -> list[int]:
    """What was really charged, in öre."""
    found = await studio.stripe.intents(booking.id)
    return [one["amount_received"] for one in found if one["amount_received"]]


async def test_opn06_from_the_saved_card_to_the_fee_and_the_way_back_to_the_bank(
    city: City, clock: Clock, mailbox: Mailbox
) -> None:
    """Saved: confirmed, nothing charged. Missing: charged once, or by way of the guest's bank."""
    studio = await with_fee(city)
    session = await studio.session(timedelta(hours=2))
    missing = await books(city, studio, session)
    asked = await books(city, studio, session, ASKS_ALWAYS)
    poor = await books(city, studio, session, FAILS_LATER)
    free = await books(city, studio, session)

    assert missing.held["status"] == "pending_payment"
    assert (missing.held["amount_due_now"]["amount_minor"], missing.held["seconds_left"] > 0) == (
        0,
        True,
    )
    for booking in (missing, asked, poor, free):
        seen = await booking.becomes("confirmed")
        assert seen["payment_status"] == "not_required"
        assert seen["no_show_fee"]["status"] == "promised"
        assert seen["no_show_fee"]["amount"] == {"amount_minor": FEE, "currency": "SEK"}
        assert await studio.stripe.intents(booking.id) == []

    await free.cancel()

    await clock.advance_to(instant((await missing.read())["starts_at"]) + timedelta(minutes=5))
    for booking in (missing, asked, poor):
        marked = await studio.staff.post(f"{booking.path}/no-show", {}, key=new_key())
        assert marked["status"] == "no_show"

    # Charged while the guest was away, once, whatever Stripe repeats.
    await fee_is(missing, "charged")
    (intent,) = await studio.stripe.intents(missing.id)
    await studio.stripe.deliver_again(intent["id"], 3)
    assert intent["receipt_email"] == missing.email
    seen = await missing.pays(FEE)
    assert seen["payment_status"] == "paid"
    assert await taken(studio, missing) == [FEE]

    # The bank wants to hear from the guest, who gets a letter and confirms on-session.
    fee = await fee_is(asked, "action_required")
    assert instant(fee["pay_until"]) > await clock.now()
    letter = await mailbox.wait_for(asked.email, "Din bank vill att du godkänner en betalning")
    assert letter.says("250", "token=")
    back = await asked.holder.get(f"{asked.path}/payment")
    assert (back["purpose"], back["kind"]) == ("no_show_fee", "payment")
    await studio.stripe.confirm(back["client_secret"], ASKS_ALWAYS)
    await studio.stripe.authenticate(back["client_secret"].partition("_secret_")[0])
    await asked.pays(FEE)
    assert (await fee_is(asked, "charged"))["amount"]["amount_minor"] == FEE

    # Declined: staff see why and have it tried again.
    assert (await fee_is(poor, "declined"))["failure_code"] == "generic_decline"
    tried = await studio.staff.post(f"{poor.path}/no-show-fee", {}, key=new_key())
    assert tried["status"] == "due"
    await fee_is(poor, "declined")
    problem(await city.with_key("hf_no.key").ask("POST", f"{poor.path}/no-show-fee", json={}), 401)
    assert await taken(studio, poor) == []

    # Cancelled in time: nothing is charged, and nothing is kept of the card.
    assert await taken(studio, free) == []

    async def forgotten() -> bool:
        return not [
            one for each in (missing, asked, free) for one in await studio.stripe.customers(each.id)
        ]

    await until("the cards that are needed no more are forgotten", forgotten)
    timeline = [entry["type"] for entry in await studio.timeline(missing)]
    assert timeline.index("booking.no_show_fee_due.v1") < timeline.index("payment.fee_charged.v1")


async def test_opn06_a_place_whose_card_was_not_saved_goes_back(city: City, clock: Clock) -> None:
    """The hold ends to the instant; its SetupIntent is cancelled with it."""
    studio = await with_fee(city)
    session = await studio.session(timedelta(days=3))
    booking = await city.guest().book(session)
    secret = (await booking.payment())["client_secret"]
    await clock.advance(timedelta(minutes=16))
    await booking.becomes("expired")

    async def cancelled() -> bool:
        intent = await studio.stripe.setup_intent(secret.partition("_secret_")[0])
        return bool(intent["status"] == "canceled")

    await until("the SetupIntent cancelled", cancelled)
    refused = await studio.stripe.confirm(secret, PLAIN)
    assert refused.status == 400, str(refused)


async def test_opn06_a_fee_that_nobody_could_collect_is_refused(city: City) -> None:
    """Negative, too small, in another currency: 422 with the field, and nothing is stored."""
    studio = await city.studio(price=0)
    path = f"/v1/offerings/{studio.offering_id}"
    for no_show, field in (
        ({"fee_minor": -1}, "policy.no_show.fee_minor"),
        ({"fee_minor": 1}, "policy.no_show.fee_minor"),
        ({"fee_minor": 2500, "currency": "EUR"}, "policy.no_show.currency"),
        ({"fee_minor": 2500, "per": "table"}, "policy.no_show.per"),
    ):
        answer = await studio.staff.ask("PATCH", path, json={"policy": {"no_show": no_show}})
        assert fields(answer) == {field}
    assert (await studio.staff.get(path))["policy"]["no_show"] is None
