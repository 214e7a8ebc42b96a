"""Incoming contracts, each translated into one use case."""

from chassis.db import Transaction
from chassis.messaging import Handlers, Meta
from chassis.sealing import Sealer
from contracts import Contact
from contracts.booking import (
    BookingCancelled,
    BookingConfirmed,
    BookingDetailsChanged,
    VenueChanged,
)
from contracts.changes import BookingRescheduled
from contracts.payments import PaymentRefunded, PaymentRefundFailed
from contracts.visits import (
    AttendanceFact,
    BookingAttendanceUndone,
    BookingCheckedIn,
    BookingCompleted,
    BookingNoShow,
)
from customers.domain.attendance import Outcome
from customers.domain.customer import Name
from customers.domain.standing import Money
from customers.identity import IdentityKeys
from customers.store import venues
from customers.usecases.count_cancellation import count_cancellation
from customers.usecases.count_refund import RefundFact, count_refund
from customers.usecases.count_visit import VisitFact, count_visit
from customers.usecases.learn import learn
from customers.usecases.note_reschedule import note_reschedule
from customers.usecases.resolve import ConfirmedBooking, resolve


def handlers(contacts: Sealer, keys: IdentityKeys) -> Handlers:
    """The service's handlers; `contacts` opens what travels sealed, `keys` seals what is stored."""
    table = Handlers("customers")

    @table.on(VenueChanged)
    async def venue_changed(tx: Transaction, message: VenueChanged, meta: Meta) -> None:
        await venues.keep(tx, message.venue_id, message.default_country, meta.sequence)

    @table.on(BookingConfirmed)
    async def booking_confirmed(tx: Transaction, message: BookingConfirmed, meta: Meta) -> None:
        contact = Contact.model_validate(contacts.open(message.contact))
        await resolve(
            tx,
            ConfirmedBooking(
                booking_id=message.booking_id,
                org_id=message.org_id,
                version=meta.sequence,
                confirmed_at=message.confirmed_at,
                paid=Money(message.amount_paid.amount_minor, message.amount_paid.currency),
                name=Name(contact.given, contact.family, contact.display),
                identifiers=keys.seal(phone=contact.phone, email=contact.email),
                told_by=meta.message_id,
            ),
        )

    @table.on(BookingCancelled)
    async def booking_cancelled(tx: Transaction, message: BookingCancelled, meta: Meta) -> None:
        await count_cancellation(
            tx,
            booking_id=message.booking_id,
            cancelled_at=message.cancelled_at,
            told_by=meta.message_id,
        )

    @table.on(BookingDetailsChanged)
    async def booking_details_changed(
        tx: Transaction, message: BookingDetailsChanged, _: Meta
    ) -> None:
        contact = Contact.model_validate(contacts.open(message.contact))
        identifiers = keys.seal(phone=contact.phone, email=contact.email)
        await learn(tx, message.booking_id, identifiers)

    @table.on(BookingRescheduled)
    async def booking_rescheduled(tx: Transaction, message: BookingRescheduled, meta: Meta) -> None:
        await note_reschedule(
            tx,
            booking_id=message.booking_id,
            paid=Money(message.amount_paid.amount_minor, message.amount_paid.currency),
            rescheduled_at=message.rescheduled_at,
            told_by=meta.message_id,
        )

    @table.on(PaymentRefunded)
    async def payment_refunded(tx: Transaction, message: PaymentRefunded, meta: Meta) -> None:
        total = message.refunded_total
        await count_refund(
            tx,
            RefundFact(
                booking_id=message.booking_id,
                payment_id=message.payment_id,
                version=meta.sequence,
                total=Money(total.amount_minor, total.currency),
                at=message.refunded_at,
                kind=message.TYPE,
                told_by=meta.message_id,
            ),
        )

    @table.on(PaymentRefundFailed)
    async def payment_refund_failed(
        tx: Transaction, message: PaymentRefundFailed, meta: Meta
    ) -> None:
        total = message.refunded_total
        if total is None:  # told before it said what remains refunded
            return
        await count_refund(
            tx,
            RefundFact(
                booking_id=message.booking_id,
                payment_id=message.payment_id,
                version=meta.sequence,
                total=Money(total.amount_minor, total.currency),
                at=meta.time,
                kind=message.TYPE,
                told_by=meta.message_id,
                bounced=True,
            ),
        )

    _visits(table)
    return table


def _visits(table: Handlers) -> None:
    """How visits went."""

    @table.on(BookingCheckedIn)
    async def booking_checked_in(tx: Transaction, message: BookingCheckedIn, meta: Meta) -> None:
        await count_visit(tx, _recorded(message, "checked_in", meta))

    @table.on(BookingCompleted)
    async def booking_completed(tx: Transaction, message: BookingCompleted, meta: Meta) -> None:
        await count_visit(tx, _recorded(message, "completed", meta))

    @table.on(BookingNoShow)
    async def booking_no_show(tx: Transaction, message: BookingNoShow, meta: Meta) -> None:
        await count_visit(tx, _recorded(message, "no_show", meta))

    @table.on(BookingAttendanceUndone)
    async def booking_attendance_undone(
        tx: Transaction, message: BookingAttendanceUndone, meta: Meta
    ) -> None:
        await count_visit(
            tx,
            VisitFact(
                booking_id=message.booking_id,
                version=meta.sequence,
                outcome=message.undone,
                holds=False,
                starts_at=None,
                at=message.at,
                kind=message.TYPE,
                told_by=meta.message_id,
            ),
        )


def _recorded(message: AttendanceFact, outcome: Outcome, meta: Meta) -> VisitFact:
    return VisitFact(
        booking_id=message.booking_id,
        version=meta.sequence,
        outcome=outcome,
        holds=True,
        starts_at=message.starts_at,
        at=message.at,
        kind=message.TYPE,
        told_by=meta.message_id,
    )
