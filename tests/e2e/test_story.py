"""One booking seen from everywhere: its timeline, its customer, its e-mail and calendar file."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest

from .calls import until
from .outside import Mailbox
from .people import City
from .system import SERVICES, Clock, Tables


async def test_the_timeline_shows_the_whole_path(
    city: City, mailbox: Mailbox, tables: Tables
) -> None:
    """Held, ready, paid, confirmed, counted, sent: with message ids of at least three services."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    await booking.confirmed(club.stripe)
    await mailbox.wait_for(booking.email, booking.reference)
    await until("everything done", lambda: tables.quiet(booking.id))

    entries = await club.timeline(booking)

    types = [entry["type"] for entry in entries]
    for wanted in (
        "booking.held.v1",
        "payment.ready.v1",
        "payment.succeeded.v1",
        "booking.confirmed.v1",
        "customer.resolved.v1",
        "notification.sent.v1",
    ):
        assert types.count(wanted) == 1, (wanted, types)
    told = {(entry["message_id"], entry["service"]) for entry in entries if entry["message_id"]}
    assert {service for _, service in told} == {*SERVICES}
    known = {
        str(row["message_id"])
        for service in SERVICES
        for row in await tables.rows(
            service,
            "SELECT message_id FROM messaging.archive WHERE ordering_key = $1",
            booking.id,
        )
    }
    assert {message_id for message_id, _ in told} >= known
    ours = [entry["type"] for entry in entries if entry["service"] == "booking"]
    assert ours.index("booking.held.v1") < ours.index("booking.confirmed.v1")
    assert all(entry["summary"] for entry in entries)
    for personal in (booking.email, str(booking.guest.phone), "client_secret", "_secret_"):
        assert personal not in str(entries)


async def test_one_customer_however_the_phone_is_written(city: City, tables: Tables) -> None:
    """+447700900123, 07700 900123 and 00447700900123: one customer, counted three times."""
    club = await city.nightclub(dict.fromkeys((1, 2, 3), (2, 6)))
    session = await club.session()
    written = ("+447700900123", "07700 900 123", "00447700900123")
    bookings = []
    for number, phone in enumerate(written, start=1):
        guest = city.guest(phone=phone)
        booking = await guest.book(session, tables=[club.tables[number]], party=2)
        bookings.append(await booking.confirmed(club.stripe))
        await until("everything done", lambda: tables.quiet(bookings[-1].id))

    found = [(await club.customer(phone=phone)) for phone in written]
    assert len({one["id"] for one in found}) == 1
    assert found[0]["total_bookings"] == 3
    assert found[0]["spend"] == [{"amount_minor": 15000, "currency": "GBP"}]
    phones = [one["value"] for one in found[0]["identifiers"] if one["kind"] == "phone"]
    assert phones == ["+447700900123"]
    emails = {one["value"] for one in found[0]["identifiers"] if one["kind"] == "email"}
    assert emails == {booking.email for booking in bookings}
    assert (
        await tables.value(
            "customers", "SELECT count(*) FROM customers WHERE org_id = $1::text::uuid", club.id
        )
        == 1
    )


async def test_the_same_guest_in_two_organisations_is_two_customers(city: City) -> None:
    """The same e-mail and phone in two organisations: separate customers and totals."""
    places = [await city.studio(), await city.studio()]
    guest = city.guest(phone="+46701740605")
    ids = set()
    for place in places:
        await (await guest.book(await place.session())).confirmed(place.stripe)
        customer = await place.customer(email=guest.email)
        assert customer["total_bookings"] == 1
        ids.add(customer["id"])
    assert len(ids) == 2


async def test_personal_data_is_not_stored_in_plain(city: City, tables: Tables) -> None:
    """The plain e-mail and phone stand in no table of booking, customers or notifications."""
    studio = await city.studio()
    booking = await city.guest(phone="+46701740606").book(await studio.session())
    await booking.confirmed(studio.stripe)
    await studio.customer(email=booking.email)
    wanted = [f"%{booking.email}%", "%+46701740606%"]
    for service in SERVICES:
        for table in await tables.rows(service, _TABLES_THAT_SAY, wanted):
            assert table["rows"] == 0, (service, table["name"])


_TABLES_THAT_SAY = """
    SELECT format('%I.%I', schemaname, tablename) AS name, (xpath('//n/text()', query_to_xml(
        format('SELECT count(*) AS n FROM %I.%I t WHERE t::text LIKE ANY(%L::text[])',
               schemaname, tablename, $1::text[]), false, true, ''
    )))[1]::text::bigint AS rows
    FROM pg_tables WHERE schemaname IN ('public', 'messaging')
"""


@pytest.mark.parametrize(
    ("place", "zone", "local"),
    [("nightclub", "Europe/London", "22:00"), ("studio", "Europe/Stockholm", "18:00")],
)
async def test_the_calendar_file_starts_when_the_session_does(
    city: City, clock: Clock, mailbox: Mailbox, place: str, zone: str, local: str
) -> None:
    """The confirmation's .ics parses, and starts at the session's instant and local time."""
    found = await getattr(city, place)()
    day = (await clock.now()).astimezone(ZoneInfo(zone)).date() + timedelta(days=10)
    session = await found.session_at(date=day.isoformat(), start_time=local, end_time="23:30")
    tables = list(found.tables.values())
    booking = await city.guest().book(session, tables=tables, party=2 if tables else None)
    await booking.confirmed(found.stripe)

    letter = await mailbox.wait_for(booking.email, booking.reference)

    assert list(letter.attachments) == [f"booking-{booking.reference}.ics"]
    (content,) = letter.attachments.values()
    (event,) = icalendar.Calendar.from_ical(content).walk("VEVENT")
    starts, ends = event["DTSTART"].dt, event["DTEND"].dt
    assert starts == session.starts_at
    assert ends == session.ends_at
    assert starts.astimezone(ZoneInfo(zone)).strftime("%H:%M") == local
    assert booking.reference in event.to_ical().decode()
    assert booking.path in letter.text  # the link to manage it
    token = letter.text.split("token=")[1].split()[0]
    seen = await booking.guest.holding(token).get(booking.path)
    assert seen["reference"] == booking.reference
