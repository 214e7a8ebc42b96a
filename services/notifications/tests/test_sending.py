"""From a message heard to a mail in the box."""

import asyncio
import math
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson
import pytest

from chassis.messaging.meta import RetryAfter
from chassis.testing import eventually
from contracts import Money
from contracts.booking import BookingTransferAwaited
from contracts.payments import PaymentDisputed
from contracts.visits import BookingNoShowFeeActionRequired
from notifications.mail import smtp

from .conftest import Desk, MailHost, contact


async def test_a_confirmation_arrives_once_however_often_it_is_heard(
    sending: Desk, mail_host: MailHost
) -> None:
    """LIF-14, NTF-14: the effect is unique by booking, kind and cause."""
    confirmed = sending.confirmed(contact=contact())
    await asyncio.gather(*(sending.hear(confirmed) for _ in range(5)))
    await eventually(lambda: mail_host.taken)
    await sending.hear(confirmed)
    await eventually(sending.told)
    assert await sending.states() == ["sent"]
    assert len(mail_host.taken) == 1
    [mail] = mail_host.taken
    assert mail_host.envelopes == [("bookings@holdfast.example", "guest@example.com")]
    assert mail["To"] == "Test Guest <guest@example.com>"
    assert mail["From"] == "Example Hall <bookings@holdfast.example>"
    [row] = await sending.rows("SELECT * FROM messages")
    assert mail["Message-ID"] == row["message_id"] == f"<{row['id']}@holdfast.example>"
    assert mail["Subject"] == row["subject"]
    assert (row["attempts"], row["error"]) == (1, None)


async def test_sent_and_failed_are_told(sending: Desk, mail_host: MailHost) -> None:
    await sending.hear(sending.confirmed())
    [sent] = await eventually(sending.told)
    assert sent["type"] == "notification.sent.v1"
    mail_host.rcpt_answers.append("550 no such mailbox <guest@example.com>")
    await sending.hear(sending.cancelled())
    [_, failed] = await eventually(lambda: _told(sending, 2))
    assert failed["type"] == "notification.failed.v1"
    assert orjson.loads(failed["payload"])["error"] == "refused 550"
    assert sorted(await sending.states()) == ["failed", "sent"]
    errors = await sending.rows("SELECT error FROM messaging.intents WHERE state = 'failed'")
    assert "guest@" not in str(errors)


async def _told(desk: Desk, count: int) -> list[dict[str, object]] | None:
    told = await desk.told()
    return told if len(told) == count else None


async def test_a_busy_server_is_asked_again_under_the_same_message_id(
    sending: Desk, mail_host: MailHost
) -> None:
    mail_host.answers.append("451 try again later")
    await sending.hear(sending.confirmed())
    await eventually(lambda: mail_host.taken)
    await eventually(sending.told)
    [row] = await sending.rows("SELECT * FROM messages")
    assert (row["state"], row["attempts"]) == ("sent", 2)
    assert mail_host.taken[0]["Message-ID"] == row["message_id"]


async def test_mail_waits_for_a_server_that_is_down(desk: Desk, mail_host: MailHost) -> None:
    await desk.hear(desk.venue())
    executor = desk.intents._executors["send_mail"]
    executor.mailer._server = type(executor.mailer._server).parse("smtp://127.0.0.1:1")  # type: ignore[attr-defined]
    await desk.hear(desk.confirmed(booking_id=uuid4()))
    task = asyncio.create_task(desk.intents.run())
    refused = "SELECT error FROM messaging.intents WHERE error LIKE 'SMTPConnect%'"
    await eventually(lambda: desk.rows(refused))
    task.cancel()
    await asyncio.wait([task])
    assert await desk.states() == ["sending"]


async def test_a_mail_refused_for_us_rather_than_for_the_guest_is_tried_again(
    sending: Desk, mail_host: MailHost
) -> None:
    mail_host.answers.append("421 shutting down")
    await sending.hear(sending.confirmed())
    await eventually(lambda: mail_host.taken)


async def test_one_connection_carries_many_mails(
    sending: Desk, mail_host: MailHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long this machine takes from mail to mail.
    monkeypatch.setattr(smtp, "ASK_AFTER", math.inf)
    monkeypatch.setattr(smtp, "IDLE_MOST", math.inf)
    for count in range(1, 6):
        await sending.hear(sending.confirmed())
        # Only what is told has given its connection back.
        await eventually(lambda count=count: _told(sending, count))
    assert mail_host.connections == 1


async def test_many_guests_at_once(sending: Desk, mail_host: MailHost) -> None:
    await asyncio.gather(*(sending.hear(sending.confirmed()) for _ in range(40)))
    await eventually(lambda: len(mail_host.taken) == 40)
    assert len({mail["Message-ID"] for mail in mail_host.taken}) == 40
    assert mail_host.connections <= 8


async def test_a_mail_run_again_after_it_was_recorded_is_not_sent_again(
    sending: Desk, mail_host: MailHost
) -> None:
    await sending.hear(sending.confirmed())
    await eventually(sending.told)
    [row] = await sending.rows("SELECT id FROM messages")
    async with sending.db.transaction(sending.org_id) as tx:
        tx.intend("send_mail", subject=str(row["id"]), lane="smtp", payload={})
    await eventually(lambda: _no_intents(sending))
    assert len(mail_host.taken) == 1


async def _no_intents(desk: Desk) -> bool:
    return not await desk.rows("SELECT 1 FROM messaging.intents")


async def test_mail_waits_until_the_venue_is_known(desk: Desk, mail_host: MailHost) -> None:
    """Messages of different keys overtake each other."""
    venue_id = uuid4()
    await desk.hear(desk.confirmed(venue_id=venue_id, booking_id=uuid4()))
    task = asyncio.create_task(desk.intents.run())
    await eventually(lambda: desk.rows("SELECT 1 FROM messaging.intents WHERE error IS NOT NULL"))
    assert mail_host.taken == []
    await desk.hear(desk.venue(venue_id=venue_id, name="Found Hall"))
    await eventually(lambda: mail_host.taken)
    task.cancel()
    await asyncio.wait([task])
    assert "Found Hall" in str(mail_host.taken[0]["From"])


async def test_a_guest_without_address_is_on_record_and_nothing_is_sent(
    sending: Desk, mail_host: MailHost
) -> None:
    """F-76."""
    await sending.hear(sending.confirmed(contact=contact(email=None)))
    [row] = await sending.rows("SELECT state, error FROM messages")
    assert row == {"state": "failed", "error": "no address"}
    [told] = await sending.told()
    assert told["type"] == "notification.failed.v1"
    assert await _no_intents(sending)


async def test_an_older_venue_does_not_replace_a_newer_one(desk: Desk) -> None:
    venue_id = uuid4()
    await desk.hear(desk.venue(venue_id=venue_id, name="New"), sequence=7)
    await desk.hear(desk.venue(venue_id=venue_id, name="Old"), sequence=6)
    assert await desk.rows("SELECT name FROM venues") == [{"name": "New"}]


async def test_every_kind_of_news_is_told_once(sending: Desk, mail_host: MailHost) -> None:
    booking = {"booking_id": uuid4()}
    news = [
        sending.failed(**booking, final=False),
        sending.failed(**booking, final=True),
        sending.confirmed(**booking),
        sending.cancelled(**booking),
        sending.unfulfillable(**booking),
    ]
    for message in news + news[::-1]:
        await sending.hear(message)
    await eventually(lambda: len(mail_host.taken) == 5)
    assert sorted(mail["Subject"].split(":")[0] for mail in mail_host.taken) == [
        "Booking cancelled",
        "Booking confirmed",
        "Payment failed",
        "Payment failed",
        "We are sorry",
    ]


async def test_nothing_personal_is_stored_in_the_clear(sending: Desk, mail_host: MailHost) -> None:
    await sending.hear(sending.confirmed(contact=contact()))
    await eventually(sending.told)
    for table in ("messages", "messaging.outbox", "messaging.intents"):
        text = str(await sending.rows(f"SELECT t::text FROM {table} t"))
        assert "guest@example.com" not in text
        assert "Test Guest" not in text


async def test_a_refund_that_waits_for_approval_is_not_told_as_none(
    sending: Desk, mail_host: MailHost
) -> None:
    cancelled = sending.cancelled(
        refund=Money(amount_minor=0, currency="GBP"),
        refund_awaiting=Money(amount_minor=4000, currency="GBP"),
    )
    await sending.hear(cancelled)
    await eventually(lambda: mail_host.taken)
    part = mail_host.taken[0].get_body(("plain",))
    assert part is not None
    assert "A refund of £40.00 waits for approval" in " ".join(part.get_content().split())


async def test_each_move_is_told_once(sending: Desk, mail_host: MailHost) -> None:
    booking_id = uuid4()
    moved = sending.rescheduled(booking_id=booking_id, contact=contact())
    for version in (4, 4, 6, 6):
        await sending.hear(moved, sequence=version)

    async def both() -> bool:
        return await sending.states() == ["sent", "sent"]

    await eventually(both)
    assert len(mail_host.taken) == 2
    subjects = {mail["Subject"] for mail in mail_host.taken}
    assert subjects == {"Booking changed: Saturday Night (BRL-2030-7KQ4M)"}
    told = await sending.told()
    assert [orjson.loads(one["payload"])["kind"] for one in told] == ["booking_rescheduled"] * 2


async def test_a_confirmation_and_a_move_heard_the_wrong_way_round_both_arrive(
    sending: Desk, mail_host: MailHost
) -> None:
    booking_id = uuid4()
    await sending.hear(sending.rescheduled(booking_id=booking_id), sequence=4)
    await sending.hear(sending.confirmed(booking_id=booking_id), sequence=2)
    await eventually(lambda: len(mail_host.taken) == 2)


async def test_a_place_in_line_is_told_once_and_an_offer_once(
    sending: Desk, mail_host: MailHost
) -> None:
    waitlisted = sending.waitlisted(entry_id=uuid4(), contact=contact())
    offered = sending.offered(contact=contact())
    await asyncio.gather(
        *(sending.hear(waitlisted, sequence=1) for _ in range(3)),
        *(sending.hear(offered, sequence=1) for _ in range(3)),
    )

    async def settled() -> bool:
        return await sending.states() == ["sent", "sent"]

    await eventually(settled)
    kinds = await sending.rows("SELECT kind, booking_id, entry_id FROM messages ORDER BY kind")
    assert kinds == [
        {"kind": "waitlist_joined", "booking_id": None, "entry_id": waitlisted.entry_id},
        {"kind": "waitlist_offer", "booking_id": offered.booking_id, "entry_id": None},
    ]
    # Facts about mail are told by booking: a place in line has none.
    [told] = await sending.told()
    assert orjson.loads(told["payload"])["kind"] == "waitlist_offer"


async def test_a_fee_that_the_bank_asks_about_is_told_once(
    sending: Desk, mail_host: MailHost
) -> None:
    asked = sending.of(BookingNoShowFeeActionRequired, contact=contact())
    for sequence in (4, 4, 5):
        await sending.hear(asked, sequence=sequence)

    async def settled() -> bool:
        return await sending.states() == ["sent"]

    await eventually(settled)
    [told] = await sending.told()
    assert orjson.loads(told["payload"])["kind"] == "no_show_fee"
    assert len(mail_host.taken) == 1


async def test_how_to_pay_by_hand_is_told_once_for_each_payment(
    sending: Desk, mail_host: MailHost
) -> None:
    """PAY-32; a further payment, of a change, has its own."""
    waits = sending.of(BookingTransferAwaited, contact=contact())
    change = waits.model_copy(update={"payment_id": uuid4(), "change_id": uuid4()})
    for heard in (waits, waits, change, waits):
        await sending.hear(heard)

    async def settled() -> bool:
        return await sending.states() == ["sent"] * 2

    await eventually(settled)
    assert len(mail_host.taken) == 2
    told = [orjson.loads(one["payload"])["kind"] for one in await sending.told()]
    assert told == ["payment_instructions"] * 2


async def test_nobody_is_asked_for_money_that_is_no_longer_waited_for(
    sending: Desk, mail_host: MailHost
) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    await sending.hear(sending.of(BookingTransferAwaited, contact=contact(), pay_by=long_ago))

    async def settled() -> bool:
        return await sending.states() == ["failed"]

    await eventually(settled)
    assert mail_host.taken == []


async def test_a_dispute_is_told_to_the_venue_once_for_each(
    sending: Desk, mail_host: MailHost
) -> None:
    disputed = sending.of(PaymentDisputed)
    with pytest.raises(RetryAfter):  # what names the booking is still to come
        await sending.hear(disputed)
    await sending.hear(sending.confirmed(booking_id=disputed.booking_id, contact=contact()))
    another = disputed.model_copy(update={"dispute_id": uuid4()})
    for heard in (disputed, disputed, another):
        await sending.hear(heard, sequence=4)

    async def settled() -> bool:
        return await sending.states() == ["sent"] * 3

    await eventually(settled)
    to_venue = [mail for mail in mail_host.taken if "disputed" in mail["Subject"]]
    assert len(to_venue) == 2
    assert {mail["To"].addresses[0].addr_spec for mail in to_venue} == {"manager@example.com"}
    guests = [to for _, to in mail_host.envelopes].count("guest@example.com")
    assert guests == 1


async def test_a_venue_without_a_manager_s_address_has_that_on_record(sending: Desk) -> None:
    await sending.hear(sending.venue(manager_email=None), sequence=9)
    disputed = sending.of(PaymentDisputed)
    await sending.hear(sending.confirmed(booking_id=disputed.booking_id, contact=contact()))
    await sending.hear(disputed, sequence=4)
    kept = "SELECT state, error FROM messages WHERE kind = 'payment_disputed'"
    assert await sending.rows(kept) == [{"state": "failed", "error": "no address"}]


async def test_an_offer_that_lapsed_before_it_could_be_sent_is_not_sent(
    sending: Desk, mail_host: MailHost
) -> None:
    await sending.hear(sending.offered(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    [told] = await eventually(sending.told)
    assert told["type"] == "notification.failed.v1"
    assert orjson.loads(told["payload"])["error"] == "too late"
    assert mail_host.taken == []
