import asyncio
import base64
import time
from email.message import EmailMessage

import aiohttp
import aiosmtplib
import pytest

from sandbox import processes


@pytest.fixture
async def mailbox(mailbox_sandbox):
    async with aiohttp.ClientSession(mailbox_sandbox.url) as session:
        yield Mailbox(mailbox_sandbox, session)
        await session_request(session, "DELETE", "/messages")
        await session_request(
            session, "POST", "/_control", json={"reject": 0, "drop": 0, "delay": 0}
        )


async def session_request(session, method, path, **more):
    async with session.request(method, path, **more) as answer:
        return answer.status, await answer.text(), answer.headers


class Mailbox:
    def __init__(self, running: processes.Sandbox, session: aiohttp.ClientSession) -> None:
        host, _, port = running.smtp.removeprefix("smtp://").partition(":")
        self.smtp = {"hostname": host, "port": int(port)}
        self.session = session

    async def send(self, message: EmailMessage, **more) -> None:
        await aiosmtplib.send(message, **self.smtp, **more)

    async def messages(self, **params):
        async with self.session.get("/messages", params=params) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def control(self, **change):
        status, text, _ = await session_request(self.session, "POST", "/_control", json=change)
        assert status == 200, text


def letter(to: str = "guest@example.test", subject: str = "Your table") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Holdfast <no-reply@example.test>"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<booking-7.confirmed@example.test>"
    message.set_content("Välkommen på fredag.\n")
    message.add_alternative("<p>Välkommen <b>på fredag</b></p>\n", subtype="html")
    message.add_attachment(
        b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        maintype="text",
        subtype="calendar",
        filename="booking.ics",
    )
    return message


async def test_what_was_sent_can_be_read_as_json(mailbox):
    await mailbox.send(letter(subject="Ditt bord är bokat"))
    (got,) = await mailbox.messages()
    assert got["message_id"] == "<booking-7.confirmed@example.test>"
    assert got["from"] == "Holdfast <no-reply@example.test>"
    assert got["to"] == ["guest@example.test"]
    assert got["subject"] == "Ditt bord är bokat"
    assert got["text"] == "Välkommen på fredag.\n"
    assert got["html"] == "<p>Välkommen <b>på fredag</b></p>\n"
    (attached,) = got["attachments"]
    assert (attached["filename"], attached["content_type"]) == ("booking.ics", "text/calendar")
    assert base64.b64decode(attached["content"]).startswith(b"BEGIN:VCALENDAR")
    assert got["received_at"].endswith("Z")


async def test_messages_are_filtered_by_recipient_and_time(mailbox):
    await mailbox.send(letter("One@Example.test"))
    await mailbox.send(letter("two@example.test"))
    await mailbox.send(letter("hidden@example.test"), recipients=["blind@example.test"])
    everything = await mailbox.messages()
    assert len(everything) == 3
    assert [one["to"] for one in await mailbox.messages(to="one@example.TEST")] == [
        ["One@Example.test"]
    ]
    assert len(await mailbox.messages(to="blind@example.test")) == 1
    assert len(await mailbox.messages(since=str(everything[0]["id"]))) == 2
    assert len(await mailbox.messages(since=everything[1]["received_at"])) == 2
    assert await mailbox.messages(since="2999-01-01T00:00:00+00:00") == []
    status, _, _ = await session_request(mailbox.session, "GET", "/messages?since=yesterday")
    assert status == 422


async def test_the_next_messages_can_be_refused(mailbox):
    await mailbox.control(reject=2)
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await mailbox.send(letter())
        assert refused.value.code == 451
    await mailbox.send(letter())
    assert len(await mailbox.messages()) == 1


async def test_answers_can_be_slow(mailbox):
    await mailbox.control(delay=0.3)
    began = time.monotonic()
    await mailbox.send(letter())
    assert time.monotonic() - began >= 0.3
    with pytest.raises((aiosmtplib.SMTPException, TimeoutError)):
        await mailbox.send(letter(), timeout=0.1)


async def test_a_message_can_be_taken_and_the_answer_lost(mailbox):
    await mailbox.control(drop=1)
    with pytest.raises(aiosmtplib.SMTPException):
        await mailbox.send(letter())
    await mailbox.send(letter())
    ids = [one["message_id"] for one in await mailbox.messages()]
    assert ids == ["<booking-7.confirmed@example.test>"] * 2


async def test_the_page_shows_messages_without_trusting_them(mailbox):
    hostile = letter(subject="<script>alert(1)</script>")
    await mailbox.send(hostile)
    (got,) = await mailbox.messages()
    _, page, _ = await session_request(mailbox.session, "GET", "/")
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    _, read, _ = await session_request(mailbox.session, "GET", f"/read/{got['id']}")
    assert f'src="/read/{got["id"]}/html"' in read
    assert "booking.ics" in read
    _, html, headers = await session_request(mailbox.session, "GET", f"/read/{got['id']}/html")
    assert html == got["html"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "sandbox" in headers["Content-Security-Policy"]
    status, _, _ = await session_request(mailbox.session, "GET", "/read/999999")
    assert status == 404
    _, source, _ = await session_request(mailbox.session, "GET", f"/messages/{got['id']}/raw")
    assert "Message-ID" in source
    _, emptied, _ = await session_request(mailbox.session, "POST", "/clear")
    assert "Nothing here" in emptied


async def test_it_can_be_emptied(mailbox):
    await mailbox.send(letter())
    _, text, _ = await session_request(mailbox.session, "DELETE", "/messages")
    assert text == '{"deleted":1}'
    assert await mailbox.messages() == []


async def test_size_and_number_are_bounded():
    with processes.mailbox("--largest", "20000", "--keep", "3") as running:
        async with aiohttp.ClientSession(running.url) as session:
            mailbox = Mailbox(running, session)
            large = letter()
            large.add_attachment(b"x" * 30_000, maintype="application", subtype="octet-stream")
            with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
                await mailbox.send(large)
            assert refused.value.code == 552
            for number in range(5):
                await mailbox.send(letter(subject=str(number)))
            assert [one["subject"] for one in await mailbox.messages()] == ["2", "3", "4"]
            _, text, _ = await session_request(session, "GET", "/_control")
            assert '"dropped":2' in text


async def test_strange_messages_do_not_break_the_list(mailbox):
    for raw in (
        b"no headers at all",
        b"Subject: =?utf-8?b?bad?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\nbroken',
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello",
        b"",
    ):
        client = aiosmtplib.SMTP(**mailbox.smtp)
        async with client:
            await client.sendmail("a@example.test", ["b@example.test"], raw)
    assert len(await mailbox.messages()) == 5


async def test_many_senders_at_once(mailbox):
    await asyncio.gather(*(mailbox.send(letter(f"g{n}@example.test")) for n in range(40)))
    assert len(await mailbox.messages()) == 40
