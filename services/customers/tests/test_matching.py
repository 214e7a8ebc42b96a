"""Whose booking it is."""

import asyncio
from uuid import uuid4

from customers.domain.matching import match
from customers.identity import normal_email, normal_phone

from .conftest import Inbox, Story


def test_phone_decides_before_email() -> None:
    by_phone, by_email = uuid4(), uuid4()
    found = match({"email": by_email, "phone": by_phone})
    assert found is not None
    assert (found.customer_id, found.by, found.rival) == (by_phone, "phone", by_email)


def test_email_decides_when_the_phone_is_new() -> None:
    owner = uuid4()
    found = match({"email": owner})
    assert found is not None
    assert (found.customer_id, found.rival) == (owner, None)


def test_nobody_is_known() -> None:
    assert match({}) is None


def test_every_way_to_write_a_number_is_the_same_number() -> None:
    """S1-2."""
    written = ["07700 900123", "00447700900123", "+44 7700 900 123", "(07700) 900-123"]
    assert {normal_phone(text, "GB") for text in written} == {"+447700900123"}
    assert normal_phone("12345", "GB") is None
    assert normal_phone("07700 900123", None) is None
    assert normal_phone("not a number", "GB") is None


def test_addresses_are_compared_in_one_form() -> None:
    assert normal_email("  Guest@EXAMPLE.com ") == "guest@example.com"
    assert normal_email("guest@bücher.example") == "guest@xn--bcher-kva.example"
    assert normal_email("@example.com") is None


async def test_a_second_booking_finds_the_customer_by_phone_and_learns_the_email(
    inbox: Inbox,
) -> None:
    await inbox.hand(Story(inbox.org_id, email="first@example.com").confirmed())
    await inbox.hand(Story(inbox.org_id, email="second@example.com").confirmed())
    [customer] = await inbox.customers()
    assert customer["total_bookings"] == 2
    kinds = await inbox.rows("SELECT kind FROM identifiers ORDER BY kind")
    assert [row["kind"] for row in kinds] == ["email", "email", "phone"]


async def test_a_booking_with_another_phone_finds_the_customer_by_email(inbox: Inbox) -> None:
    await inbox.hand(Story(inbox.org_id, phone="+447700900001").confirmed())
    await inbox.hand(Story(inbox.org_id, phone="+447700900002").confirmed())
    assert len(await inbox.customers()) == 1


async def test_phone_and_email_of_two_customers_go_to_the_merge_queue_once(inbox: Inbox) -> None:
    await inbox.hand(Story(inbox.org_id, phone="+447700900001", email="a@example.com").confirmed())
    await inbox.hand(Story(inbox.org_id, phone="+447700900002", email="b@example.com").confirmed())
    both = {"phone": "+447700900001", "email": "b@example.com"}
    await inbox.hand(Story(inbox.org_id, **both).confirmed())
    await inbox.hand(Story(inbox.org_id, **both).confirmed())
    first, second = await inbox.customers()
    assert (first["total_bookings"], second["total_bookings"]) == (3, 1)
    [asked] = await inbox.rows("SELECT * FROM merge_queue")
    assert (asked["customer_id"], asked["rival_id"]) == (first["id"], second["id"])


async def test_guests_who_left_no_address_are_customers_of_their_own(inbox: Inbox) -> None:
    for _ in range(2):
        await inbox.hand(Story(inbox.org_id, phone=None, email=None).confirmed())
    assert len(await inbox.customers()) == 2


async def test_sixteen_first_bookings_at_once_make_one_customer(inbox: Inbox) -> None:
    stories = [Story(inbox.org_id, email=f"guest{n}@example.com") for n in range(16)]
    await asyncio.gather(*(inbox.hand(story.confirmed()) for story in stories))
    [customer] = await inbox.customers()
    assert customer["total_bookings"] == 16
    resolved = await inbox.rows(
        "SELECT payload::jsonb ->> 'customer_id' AS id FROM messaging.outbox WHERE org_id = $1",
        inbox.org_id,
    )
    assert [row["id"] for row in resolved] == [str(customer["id"])] * 16


async def test_crossed_identifiers_at_once_leave_no_booking_without_customer(inbox: Inbox) -> None:
    phones = [f"+44770090000{n}" for n in range(4)]
    emails = [f"guest{n}@example.com" for n in range(4)]
    stories = [Story(inbox.org_id, phone=p, email=e) for p in phones for e in emails]
    await asyncio.gather(*(inbox.hand(story.confirmed()) for story in stories))
    [sums] = await inbox.rows("SELECT sum(total_bookings) AS bookings FROM customers")
    assert sums["bookings"] == 16
    owners = await inbox.rows("SELECT kind, customer_id FROM identifiers")
    assert len(owners) == 8
    assert {row["customer_id"] for row in owners} <= {c["id"] for c in await inbox.customers()}


async def test_the_same_address_in_two_organisations_is_two_customers(
    inbox: Inbox, db: object, keys: object
) -> None:
    """S4-19, TEN-05."""
    other = Inbox(inbox.db, inbox.table, uuid4())
    await inbox.hand(Story(inbox.org_id).confirmed())
    await other.hand(Story(other.org_id).confirmed())
    assert len(await inbox.customers()) == len(await other.customers()) == 1
    assert (await inbox.customers())[0]["id"] != (await other.customers())[0]["id"]


async def test_the_database_holds_no_plain_address(inbox: Inbox) -> None:
    """S1-19, F-53."""
    await inbox.hand(Story(inbox.org_id).confirmed())
    for table in ("identifiers", "bookings_seen", "customers", "messaging.outbox"):
        text = str(await inbox.rows(f"SELECT t::text FROM {table} t"))
        assert "guest@example.com" not in text
        assert "7700900123" not in text


async def test_a_corrected_contact_becomes_the_customers(inbox: Inbox) -> None:
    first = Story(inbox.org_id, phone="+447700900001", email="typo@example.com")
    await inbox.hand(first.confirmed())
    for _ in range(2):
        await inbox.hand(first.corrected(phone="+447700900001", email="right@example.com"))
    await inbox.hand(Story(inbox.org_id, phone=None, email="right@example.com").confirmed())
    [customer] = await inbox.customers()
    assert customer["total_bookings"] == 2
    assert await inbox.rows("SELECT 1 FROM merge_queue") == []


async def test_a_contact_corrected_to_another_customers_is_a_question_for_staff(
    inbox: Inbox,
) -> None:
    other = Story(inbox.org_id, phone="+447700900002", email="b@example.com")
    story = Story(inbox.org_id, phone="+447700900001", email="a@example.com")
    await inbox.hand(other.confirmed())
    await inbox.hand(story.confirmed())
    for _ in range(2):
        await inbox.hand(story.corrected(phone="+447700900001", email="b@example.com"))
    rival, customer = await inbox.customers()
    [asked] = await inbox.rows("SELECT * FROM merge_queue")
    assert (asked["customer_id"], asked["rival_id"]) == (customer["id"], rival["id"])
    assert asked["reason"] == "contact_corrected"


async def test_a_contact_corrected_before_the_booking_is_confirmed_waits_for_that(
    inbox: Inbox,
) -> None:
    story = Story(inbox.org_id)
    await inbox.hand(story.corrected(phone=None, email="early@example.com"))
    assert await inbox.rows("SELECT 1 FROM identifiers") == []
