"""Every provider event five times in random order: one effect."""

from .calls import until
from .outside import CARD, DECLINED, Mailbox
from .people import Booking, City, Place
from .system import Tables

FIVE = 5


async def test_a_confirmed_booking_is_confirmed_once(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """Paid with events held back, then each delivered 5 times: 1 confirmation, 1 mail, 1 count."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    await club.stripe.pause_events()
    try:
        intent = await booking.pay(club.stripe)
        attempts = await club.stripe.deliver_again(intent["id"], FIVE)
    finally:
        await club.stripe.resume_events()
    assert len(attempts) >= 2 * FIVE
    assert {attempt["status"] for attempt in attempts} == {200}

    await booking.becomes("confirmed")
    await mailbox.wait_for(booking.email, booking.reference)
    await until("everything done", lambda: tables.quiet(booking.id))
    assert await happened(tables, booking, "booking.confirmed.v1") == 1
    assert await happened(tables, booking, "payment.succeeded.v1") == 1
    assert await letters(mailbox, booking) == ["Booking confirmed"]
    assert (await club.customer(email=booking.email))["total_bookings"] == 1

    answer = await booking.cancel()
    assert answer["refund_eligible"]
    await booking.pays(5000, refunded=5000)
    await club.stripe.deliver_again(intent["id"], FIVE)
    await until("everything done", lambda: tables.quiet(booking.id))
    (refund,) = await club.stripe.refunds(booking.id)
    assert refund["amount"] == 5000
    seen = await booking.read()
    assert (seen["status"], seen["payment_status"]) == ("cancelled", "refunded")
    assert seen["amount_refunded"]["amount_minor"] == 5000
    assert await happened(tables, booking, "payment.refunded.v1") == 1
    assert await letters(mailbox, booking) == ["Booking cancelled", "Booking confirmed"]
    customer = await club.customer(email=booking.email)
    assert (customer["total_bookings"], customer["cancellations"]) == (1, 1)
    assert [one["amount_minor"] for one in customer["spend"]] in ([0], [])


async def test_a_failed_then_paid_booking_ends_confirmed(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """Declined, then paid; the events of both 5 times in random order: confirmed, never undone."""
    studio = await city.studio()
    session = await studio.session()
    booking = await city.guest(phone=None).book(session, locale="en")
    await studio.stripe.pause_events()
    try:
        await booking.pay(studio.stripe, DECLINED)
        intent = await booking.pay(studio.stripe, CARD)
        await studio.stripe.deliver_again(intent["id"], FIVE)
    finally:
        await studio.stripe.resume_events()

    await booking.becomes("confirmed")
    await until("everything done", lambda: tables.quiet(booking.id))
    await studio.stripe.deliver_again(intent["id"], FIVE)
    await until("everything done", lambda: tables.quiet(booking.id))
    seen = await booking.read()
    assert (seen["status"], seen["payment_status"], seen["failure"]) == ("confirmed", "paid", None)
    assert await happened(tables, booking, "booking.confirmed.v1") == 1
    assert await studio.stripe.refunds(booking.id) == []
    assert (await letters(mailbox, booking)).count("Booking confirmed") == 1
    await only_one_customer(studio, booking)


async def only_one_customer(place: Place, booking: Booking) -> None:
    customer = await place.customer(email=booking.email)
    assert customer["total_bookings"] == 1
    assert customer["spend"] == [{"amount_minor": 18000, "currency": "SEK"}]


async def happened(tables: Tables, booking: Booking, kind: str) -> int:
    """How often a message of this type was published about a booking."""
    service = "booking" if kind.startswith("booking.") else "payments"
    count: int = await tables.value(
        service,
        "SELECT count(*) FROM messaging.archive WHERE ordering_key = $1 AND type = $2",
        booking.id,
        kind,
    )
    return count


async def letters(mailbox: Mailbox, booking: Booking) -> list[str]:
    """What the subjects of a guest's e-mails begin with, in alphabetical order."""
    found = await mailbox.letters(booking.email)
    assert len({letter.message_id for letter in found}) == len(found)
    return sorted(letter.subject.partition(":")[0] for letter in found)
