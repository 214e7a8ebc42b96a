"""Incoming contracts, each translated into one use case.

What guests are told, and when:

| Heard | Told | Once per |
|---|---|---|
| `booking.confirmed` | confirmation with a calendar file and the manage link | booking |
| `booking.payment_failed` | the payment failed; try again, or the place is released | outcome |
| `booking.cancelled` | cancelled, and what is refunded | who cancelled |
| `booking.unfulfillable` | an apology, and that all is refunded | cause |
| `booking.rescheduled` | the new time, with the calendar file that replaces the old | move |
| `booking.waitlisted` | in line; mail follows when a place is free | place in line |
| `booking.offered` | a place is held until a moment, with the link to take it | booking |
| `booking.transfer_awaited` | how to pay by hand: whom, how much, which words, by when | payment |
| `booking.no_show_fee_action_required` | the bank asks; the link to pay the fee | booking |

The venue is told, at its manager's address, of `payment.disputed`: once per dispute.
A refund has no mail of its own: each of those that lead to one says so, with the amount.
"""

from chassis.db import Transaction
from chassis.messaging import Handlers, Meta
from chassis.messaging.meta import RetryAfter
from chassis.sealing import Sealer
from contracts import Contact
from contracts import Money as Amount
from contracts.booking import (
    BookingCancelled,
    BookingConfirmed,
    BookingPaymentFailed,
    BookingTransferAwaited,
    BookingUnfulfillable,
    VenueChanged,
)
from contracts.changes import BookingOffered, BookingRescheduled, BookingWaitlisted
from contracts.payments import PaymentDisputed
from contracts.visits import BookingNoShowFeeActionRequired
from notifications.domain.notice import Facts, Kind, Manager, Money, Notice, Recipient, Venue
from notifications.mail.letter import LetterWriter
from notifications.store import venues
from notifications.store.messages import Messages
from notifications.usecases.plan import plan
from notifications.usecases.tell_of_dispute import Dispute, NotHeardOf, tell_of_dispute

_SOON_SECONDS = 5.0

_AboutABooking = (
    BookingConfirmed
    | BookingPaymentFailed
    | BookingCancelled
    | BookingUnfulfillable
    | BookingRescheduled
    | BookingOffered
    | BookingTransferAwaited
    | BookingNoShowFeeActionRequired
)


def handlers(  # noqa: C901 - a list of short functions
    contacts: Sealer, messages: Messages, writer: LetterWriter
) -> Handlers:
    """The service's handlers; `contacts` opens what travels sealed."""
    table = Handlers("notifications")

    def notice(
        message: _AboutABooking | BookingWaitlisted,
        meta: Meta,
        kind: Kind,
        cause: str,
        facts: Facts,
    ) -> Notice:
        contact = Contact.model_validate(contacts.open(message.contact))
        return Notice(
            booking_id=None if isinstance(message, BookingWaitlisted) else message.booking_id,
            entry_id=message.entry_id if isinstance(message, BookingWaitlisted) else None,
            org_id=message.org_id,
            venue_id=message.venue_id,
            kind=kind,
            cause=cause,
            version=meta.sequence,
            locale=message.locale,
            recipient=Recipient(name=contact.display, email=contact.email),
            facts=facts,
        )

    @table.on(VenueChanged)
    async def venue_changed(tx: Transaction, message: VenueChanged, meta: Meta) -> None:
        venue = Venue(
            name=message.name,
            organisation=message.org_name,
            country=message.default_country,
            email=message.contact_email,
            phone=message.contact_phone,
        )
        manager = Manager(Recipient(message.name, message.manager_email), message.locale)
        await venues.keep(tx, message.venue_id, venue, manager, meta.sequence)

    @table.on(BookingConfirmed)
    async def booking_confirmed(tx: Transaction, message: BookingConfirmed, meta: Meta) -> None:
        facts = Facts(
            reference=message.reference,
            title=message.title,
            starts_at=message.starts_at,
            ends_at=message.ends_at,
            timezone=message.timezone,
            party_size=message.party_size,
            resources=tuple(resource.label for resource in message.resources),
            total=_money(message.amount_total),
            paid=_money(message.amount_paid),
            told_at=message.confirmed_at,
            manage_epoch=message.manage_epoch,
            manage_expires_at=message.manage_expires_at,
        )
        await plan(tx, messages, writer, notice(message, meta, "confirmation", "confirmed", facts))

    @table.on(BookingPaymentFailed)
    async def payment_failed(tx: Transaction, message: BookingPaymentFailed, meta: Meta) -> None:
        facts = Facts(
            reference=message.reference,
            title=message.title,
            starts_at=message.starts_at,
            timezone=message.timezone,
            failure=message.failure_message_key.removeprefix("payment."),
            may_retry=not message.final,
        )
        # A guest who tries five cards is told once to try again, and once when it is over.
        cause = "final" if message.final else "may_retry"
        await plan(tx, messages, writer, notice(message, meta, "payment_failed", cause, facts))

    @table.on(BookingCancelled)
    async def booking_cancelled(tx: Transaction, message: BookingCancelled, meta: Meta) -> None:
        facts = Facts(
            reference=message.reference,
            title=message.title,
            starts_at=message.starts_at,
            timezone=message.timezone,
            paid=_money(message.amount_paid),
            refund=_money(message.refund),
            refund_awaiting=_money(message.refund_awaiting) if message.refund_awaiting else None,
            cancelled_by_guest=message.cause == "customer",
        )
        await plan(
            tx, messages, writer, notice(message, meta, "cancellation", message.cause, facts)
        )

    @table.on(BookingUnfulfillable)
    async def unfulfillable(tx: Transaction, message: BookingUnfulfillable, meta: Meta) -> None:
        facts = Facts(
            reference=message.reference,
            title=message.title,
            starts_at=message.starts_at,
            timezone=message.timezone,
            refund=_money(message.refund),
        )
        await plan(tx, messages, writer, notice(message, meta, "apology", message.cause, facts))

    @table.on(BookingRescheduled)
    async def rescheduled(tx: Transaction, message: BookingRescheduled, meta: Meta) -> None:
        facts = Facts(
            reference=message.reference,
            title=message.title,
            starts_at=message.starts_at,
            ends_at=message.ends_at,
            timezone=message.timezone,
            resources=tuple(resource.label for resource in message.resources),
            total=_money(message.amount_total),
            moved_from=message.old_starts_at,
            told_at=message.rescheduled_at,
            manage_epoch=message.manage_epoch,
            manage_expires_at=message.manage_expires_at,
        )
        # A booking may move again, even back: each move is another version of it.
        cause = f"version {meta.sequence}"
        await plan(tx, messages, writer, notice(message, meta, "booking_rescheduled", cause, facts))

    @table.on(BookingWaitlisted)
    async def waitlisted(tx: Transaction, message: BookingWaitlisted, meta: Meta) -> None:
        facts = Facts(
            reference=None,
            title=message.title,
            starts_at=message.starts_at,
            timezone=message.timezone,
            party_size=message.party_size,
        )
        await plan(tx, messages, writer, notice(message, meta, "waitlist_joined", "joined", facts))

    @table.on(BookingOffered)
    async def offered(tx: Transaction, message: BookingOffered, meta: Meta) -> None:
        facts = Facts(
            reference=message.reference,
            title=message.title,
            starts_at=message.starts_at,
            ends_at=message.ends_at,
            timezone=message.timezone,
            party_size=message.party_size,
            due=_money(message.amount_due_now),
            due_by=message.expires_at,
            manage_epoch=message.manage_epoch,
            manage_expires_at=message.manage_expires_at,
        )
        await plan(tx, messages, writer, notice(message, meta, "waitlist_offer", "offered", facts))

    @table.on(BookingTransferAwaited)
    async def how_to_pay(tx: Transaction, message: BookingTransferAwaited, meta: Meta) -> None:
        facts = Facts(
            reference=message.reference,
            title=message.title,
            starts_at=message.starts_at,
            timezone=message.timezone,
            due=_money(message.amount),
            due_by=message.pay_by,
            payee=message.payee,
            pay_message=message.message,
            by_swish=message.method == "swish",
            for_change=message.change_id is not None,
            manage_epoch=message.manage_epoch,
            manage_expires_at=message.manage_expires_at,
        )
        cause = f"payment {message.payment_id}"
        await plan(
            tx, messages, writer, notice(message, meta, "payment_instructions", cause, facts)
        )

    @table.on(BookingNoShowFeeActionRequired)
    async def fee_action_required(
        tx: Transaction, message: BookingNoShowFeeActionRequired, meta: Meta
    ) -> None:
        facts = Facts(
            reference=message.reference,
            title=message.title,
            starts_at=message.starts_at,
            timezone=message.timezone,
            due=_money(message.fee),
            due_by=message.pay_until,
            manage_epoch=message.manage_epoch,
            manage_expires_at=message.manage_expires_at,
        )
        # However often the bank asks, one letter is enough.
        await plan(tx, messages, writer, notice(message, meta, "no_show_fee", "bank_asks", facts))

    @table.on(PaymentDisputed)
    async def disputed(tx: Transaction, message: PaymentDisputed, meta: Meta) -> None:
        dispute = Dispute(
            id=message.dispute_id,
            booking_id=message.booking_id,
            org_id=message.org_id,
            amount=_money(message.amount),
            evidence_due_by=message.evidence_due_by,
            only_asked=message.inquiry,
        )
        try:
            await tell_of_dispute(tx, messages, writer, dispute, meta.sequence)
        except NotHeardOf:
            raise RetryAfter(_SOON_SECONDS, "the booking has not been heard of yet") from None

    return table


def _money(amount: Amount) -> Money:
    return Money(amount.amount_minor, amount.currency)
