"""Builders for the tests of notifications: a real database, a real mail server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope

from chassis.db import Database
from chassis.ids import uuid7
from chassis.intents import Intents
from chassis.manage_token import ManageTokens
from chassis.messaging import Handlers, Meta
from chassis.sealing import Sealer
from chassis.testing import DatabaseUrls, connected
from contracts import Contact, Message
from contracts.booking import (
    BookingCancelled,
    BookingConfirmed,
    BookingPaymentFailed,
    BookingUnfulfillable,
    VenueChanged,
)
from contracts.changes import BookingOffered, BookingRescheduled, BookingWaitlisted
from contracts.testing import EXAMPLE_CONTACT_KEYS, example
from notifications.mail.letter import LetterWriter
from notifications.mail.smtp import Mailer, MailServer
from notifications.messages import handlers
from notifications.store.messages import Messages
from notifications.usecases.plan import SEND_MAIL
from notifications.usecases.send import SendMail

CONTACT_KEYS = EXAMPLE_CONTACT_KEYS
CONTACTS = Sealer(CONTACT_KEYS)
TOKENS = ManageTokens({"k1": "a manage token key only for tests, and long"})
SENDER = "bookings@holdfast.example"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def urls(fresh_database: Callable[[str], Awaitable[DatabaseUrls]]) -> DatabaseUrls:
    return await fresh_database("notifications")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def db(urls: DatabaseUrls) -> AsyncIterator[Database]:
    async with connected(urls, pool_size=16) as database:
        yield database


@dataclass
class MailHost:
    """A mail server that keeps what it takes. `answers` are given to DATA, first come first."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    rcpt_answers: list[str] = field(default_factory=list)
    connections: int = 0

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.rcpt_answers:
            return self.rcpt_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        content = cast("bytes", envelope.content)
        self.taken.append(cast("EmailMessage", message_from_bytes(content, policy=default)))
        self.envelopes.append((str(envelope.mail_from), envelope.rcpt_tos[0]))
        return "250 taken"

    def accept(self) -> SMTP:
        self.connections += 1
        return SMTP(self, hostname="mail.example", loop=asyncio.get_running_loop())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.get_running_loop().create_server(self.accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()


@pytest.fixture
async def mail_host() -> AsyncIterator[MailHost]:
    host = MailHost()
    async with host.listening():
        yield host


@dataclass
class Desk:
    """The service at work for one organisation: hears messages, sends mail."""

    db: Database
    table: Handlers
    intents: Intents
    messages: Messages
    org_id: UUID

    async def hear(
        self, message: Message, sequence: int = 3, message_id: UUID | None = None
    ) -> None:
        found = self.table.find(message.TYPE)
        assert found is not None, message.TYPE
        meta = Meta(
            message_id=message_id or uuid7(),
            type=message.TYPE,
            org_id=self.org_id,
            key=str(getattr(message, "booking_id", "")),
            sequence=sequence,
            time=datetime.now(UTC),
            attempt=0,
            traceparent=None,
        )
        await self.db.run(self.org_id, lambda tx: found[1](tx, message, meta), cause=meta)

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        async with self.db.transaction(self.org_id) as tx:
            return [dict(row) for row in await tx.fetch(sql, *args)]

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.rows("SELECT state FROM messages ORDER BY id")]

    async def told(self) -> list[dict[str, Any]]:
        """What the service published."""
        return await self.rows(
            "SELECT type, payload FROM messaging.outbox WHERE org_id = $1 ORDER BY position",
            self.org_id,
        )

    def of(self, model: type[Any], **update: Any) -> Any:
        """The golden example, told of a booking of this organisation."""
        return example(model).model_copy(update={"org_id": self.org_id, **update})

    def venue(self, **update: Any) -> VenueChanged:
        return cast("VenueChanged", self.of(VenueChanged, **update))

    def confirmed(self, **update: Any) -> BookingConfirmed:
        return cast("BookingConfirmed", self.of(BookingConfirmed, **update))

    def failed(self, **update: Any) -> BookingPaymentFailed:
        return cast("BookingPaymentFailed", self.of(BookingPaymentFailed, **update))

    def cancelled(self, **update: Any) -> BookingCancelled:
        return cast("BookingCancelled", self.of(BookingCancelled, **update))

    def rescheduled(self, **update: Any) -> BookingRescheduled:
        return cast("BookingRescheduled", self.of(BookingRescheduled, **update))

    def offered(self, **update: Any) -> BookingOffered:
        return cast("BookingOffered", self.of(BookingOffered, **update))

    def waitlisted(self, **update: Any) -> BookingWaitlisted:
        return cast("BookingWaitlisted", self.of(BookingWaitlisted, **update))

    def unfulfillable(self, **update: Any) -> BookingUnfulfillable:
        return cast("BookingUnfulfillable", self.of(BookingUnfulfillable, **update))


def contact(**update: Any) -> str:
    """A guest's contact as it travels."""
    guest = Contact(
        given="Test", family="Guest", display="Test Guest", email="guest@example.com", phone=None
    )
    return CONTACTS.seal(guest.model_copy(update=update).model_dump())


def letter_writer() -> LetterWriter:
    return LetterWriter(sender=SENDER, public_url="https://book.example/", tokens=TOKENS)


@pytest.fixture
async def desk(db: Database, mail_host: MailHost) -> AsyncIterator[Desk]:
    table = Messages(Sealer({"test": b"c" * 32}))
    writer = letter_writer()
    server = MailServer.parse(f"smtp://127.0.0.1:{mail_host.port}")
    mailer = Mailer(server, hello=writer.domain)
    executors = {SEND_MAIL: SendMail(db, table, writer, mailer)}
    intents = Intents(db, executors)
    # Of an organisation and a venue of its own, so that tests do not see each other.
    yield Desk(db, handlers(CONTACTS, table, writer), intents, table, uuid4())
    await mailer.close()
    await db.statement("DELETE FROM messaging.intents")


@pytest.fixture
async def sending(desk: Desk) -> AsyncIterator[Desk]:
    """The desk with its venue known and a worker running its intents."""
    await desk.hear(desk.venue(venue_id=uuid4()))
    [venue] = await desk.rows("SELECT venue_id FROM venues")
    original = desk.of
    desk.of = lambda model, **update: original(  # type: ignore[method-assign]
        model, **{"venue_id": venue["venue_id"], "booking_id": uuid4(), **update}
    )
    desk.db.on_commit(lambda _: desk.intents.wake())
    task = asyncio.create_task(desk.intents.run())
    yield desk
    task.cancel()
    await asyncio.wait([task])
