"""Builders for the tests of customers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from chassis.db import Database
from chassis.ids import uuid7
from chassis.messaging import Handlers, Meta
from chassis.sealing import Sealer
from chassis.testing import DatabaseUrls, connected
from contracts import Contact, Message, Money
from contracts.booking import BookingCancelled, BookingConfirmed, BookingDetailsChanged
from contracts.changes import BookingRescheduled
from contracts.payments import PaymentRefunded, PaymentRefundFailed
from contracts.testing import EXAMPLE_CONTACT_KEYS, example
from contracts.visits import (
    AttendanceFact,
    BookingAttendanceUndone,
    BookingCheckedIn,
    BookingCompleted,
    BookingNoShow,
)
from customers.identity import IdentityKeys
from customers.messages import handlers

HASH_KEY = "a hash key that is only for tests, and long"
CONTACTS = Sealer(EXAMPLE_CONTACT_KEYS)
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def urls(fresh_database: Callable[[str], Awaitable[DatabaseUrls]]) -> DatabaseUrls:
    return await fresh_database("customers")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def db(urls: DatabaseUrls) -> AsyncIterator[Database]:
    async with connected(urls, pool_size=16) as database:
        yield database


@pytest.fixture
def keys() -> IdentityKeys:
    return IdentityKeys(HASH_KEY, Sealer({"test": b"c" * 32}))


@dataclass
class Inbox:
    """Hands messages to the handlers as the worker would: one transaction each."""

    db: Database
    table: Handlers
    org_id: UUID

    async def hand(self, message: Message, sequence: int = 1) -> None:
        found = self.table.find(message.TYPE)
        assert found is not None, message.TYPE
        _, handler = found
        meta = Meta(
            message_id=uuid7(),
            type=message.TYPE,
            org_id=self.org_id,
            key=str(getattr(message, "booking_id", "")),
            sequence=sequence,
            time=NOON,
            attempt=0,
            traceparent=None,
        )
        await self.db.run(self.org_id, lambda tx: handler(tx, message, meta), cause=meta)

    async def rows(self, sql: str, *args: object) -> list[dict[str, object]]:
        async with self.db.transaction(self.org_id) as tx:
            return [dict(row) for row in await tx.fetch(sql, *args)]

    async def customers(self) -> list[dict[str, object]]:
        return await self.rows("SELECT * FROM customers ORDER BY created_at, id")


@pytest.fixture
def inbox(db: Database, keys: IdentityKeys) -> Inbox:
    """Of an organisation of its own, so that tests do not see each other."""
    return Inbox(db, handlers(CONTACTS, keys), uuid4())


@dataclass(frozen=True)
class Story:
    """One booking and the messages about it."""

    org_id: UUID
    phone: str | None = "+447700900123"
    email: str | None = "guest@example.com"
    amount: int = 5000
    currency: str = "GBP"
    booking_id: UUID = field(default_factory=uuid4)
    at: datetime = NOON
    starts_at: datetime = NOON + timedelta(days=14)
    payment_id: UUID = field(default_factory=uuid4)

    def confirmed(self) -> BookingConfirmed:
        contact = Contact(
            given="Test", family="Guest", display="Test Guest", email=self.email, phone=self.phone
        )
        return example(BookingConfirmed).model_copy(
            update={
                "booking_id": self.booking_id,
                "org_id": self.org_id,
                "amount_paid": Money(amount_minor=self.amount, currency=self.currency),
                "confirmed_at": self.at,
                "contact": CONTACTS.seal(contact.model_dump()),
            }
        )

    def corrected(self, *, phone: str | None, email: str | None) -> BookingDetailsChanged:
        contact = Contact(
            given="Test", family="Guest", display="Test Guest", email=email, phone=phone
        )
        return example(BookingDetailsChanged).model_copy(
            update={
                "booking_id": self.booking_id,
                "org_id": self.org_id,
                "contact": CONTACTS.seal(contact.model_dump()),
            }
        )

    def cancelled(self) -> BookingCancelled:
        return example(BookingCancelled).model_copy(
            update={
                "booking_id": self.booking_id,
                "org_id": self.org_id,
                "cancelled_at": self.at + timedelta(days=1),
            }
        )

    def checked_in(self) -> AttendanceFact:
        return self._visit(BookingCheckedIn)

    def completed(self) -> AttendanceFact:
        return self._visit(BookingCompleted)

    def no_show(self) -> AttendanceFact:
        return self._visit(BookingNoShow)

    def _visit(self, model: type[AttendanceFact]) -> AttendanceFact:
        return example(model).model_copy(
            update={
                "booking_id": self.booking_id,
                "org_id": self.org_id,
                "starts_at": self.starts_at,
                "at": self.starts_at + timedelta(minutes=10),
            }
        )

    def undone(self, outcome: str) -> BookingAttendanceUndone:
        return example(BookingAttendanceUndone).model_copy(
            update={
                "booking_id": self.booking_id,
                "org_id": self.org_id,
                "undone": outcome,
                "at": self.starts_at + timedelta(minutes=20),
            }
        )

    def rescheduled(self, paid: int) -> BookingRescheduled:
        return example(BookingRescheduled).model_copy(
            update={
                "booking_id": self.booking_id,
                "org_id": self.org_id,
                "amount_paid": Money(amount_minor=paid, currency=self.currency),
                "rescheduled_at": self.at + timedelta(days=3),
            }
        )

    def refunded(self, total: int, payment_id: UUID | None = None) -> PaymentRefunded:
        return example(PaymentRefunded).model_copy(
            update={
                "booking_id": self.booking_id,
                "payment_id": payment_id or self.payment_id,
                "org_id": self.org_id,
                "refunded_total": Money(amount_minor=total, currency=self.currency),
                "refunded_at": self.at + timedelta(days=2),
            }
        )

    def refund_failed(self, total: int) -> PaymentRefundFailed:
        """A refund bounced; `total` is what remains refunded."""
        return example(PaymentRefundFailed).model_copy(
            update={
                "booking_id": self.booking_id,
                "payment_id": self.payment_id,
                "org_id": self.org_id,
                "refunded_total": Money(amount_minor=total, currency=self.currency),
            }
        )
