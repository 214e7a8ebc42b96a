"""Incoming messages, one function each: translate to a use case, decide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.booking import Failure
from booking.domain.money import Money
from booking.domain.refusals import Unknown
from booking.domain.transfers import Transfer
from booking.store.receipts import Receipt
from booking.timers import (
    ChangeDue,
    GenerationDue,
    GuaranteeDue,
    HoldDue,
    VenuesDue,
    VisitOver,
    WaitlistDue,
)
from booking.usecases.attach_customer import attach_customer
from booking.usecases.attend import complete_after_end
from booking.usecases.cancel import release_refunded
from booking.usecases.confirm import confirm
from booking.usecases.expire import expire
from booking.usecases.expire_change import expire_change
from booking.usecases.fail_payment import FailedAttempt, fail_payment
from booking.usecases.generate_sessions import generate_tonight
from booking.usecases.mark_processing import mark_processing
from booking.usecases.note_dispute import Dispute, note_dispute, note_dispute_closed
from booking.usecases.note_payment import note_payment
from booking.usecases.note_standing import note_standing
from booking.usecases.offer_places import offer_places
from booking.usecases.record_fee import Uncharged, record_fee, record_uncharged
from booking.usecases.record_refund import (
    NotPaidYet,
    Refunded,
    record_failed_refund,
    record_refund,
)
from booking.usecases.require_authentication import require_authentication
from booking.usecases.settle_change import clear_change, fail_change, settle_change
from booking.usecases.settle_guarantee import settle_guarantee
from booking.usecases.tell_how_to_pay import tell_how_to_pay
from booking.usecases.tell_venues import tell_venues
from chassis.messaging import Handlers, Meta, Park
from chassis.messaging.meta import RetryAfter
from contracts.customers import CustomerBlocked, CustomerResolved, CustomerUnblocked
from contracts.payments import (
    PaymentCancelled,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentFailed,
    PaymentFeeCharged,
    PaymentFeeFailed,
    PaymentProcessing,
    PaymentReady,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentRequiresAction,
    PaymentSucceeded,
)

if TYPE_CHECKING:
    import contracts
    from booking.shop import Shop
    from booking.store.contacts import ContactVault
    from chassis.db import Transaction
    from contracts.customers import CustomerStanding

_PAID_SOON_SECONDS = 5.0


def _money(money: contracts.Money) -> Money:
    return Money(money.amount_minor, money.currency)


def _hashes(message: CustomerStanding) -> list[bytes]:
    return [bytes.fromhex(text) for text in message.hashes]


def _transfer(message: PaymentReady, to: contracts.payments.Transfer) -> Transfer:
    return Transfer(
        booking_id=message.booking_id,
        payment_id=message.payment_id,
        change_id=message.change_id,
        method=message.provider,
        amount=_money(message.amount),
        payee=to.payee,
        message=to.message,
    )


def build(shop: Shop) -> Handlers:  # noqa: C901 - a list of short functions
    """The handlers of everything this service listens to, and of its own timers."""
    handlers, vault, listings = Handlers("booking"), shop.vault, shop.listings

    @handlers.on(HoldDue)
    async def hold_due(tx: Transaction, message: HoldDue, _: Meta) -> None:
        await expire(tx, message.booking_id)

    @handlers.on(GenerationDue)
    async def generation_due(tx: Transaction, message: GenerationDue, _: Meta) -> None:
        await generate_tonight(tx, message.offering_id)

    @handlers.on(VenuesDue)
    async def venues_due(tx: Transaction, _: VenuesDue, __: Meta) -> None:
        await tell_venues(tx)

    @handlers.on(ChangeDue)
    async def change_due(tx: Transaction, message: ChangeDue, _: Meta) -> None:
        await expire_change(tx, message.booking_id, message.change_id)

    @handlers.on(WaitlistDue)
    async def waitlist_due(tx: Transaction, message: WaitlistDue, _: Meta) -> None:
        await offer_places(tx, message.session_id, shop=shop)

    @handlers.on(VisitOver)
    async def visit_over(tx: Transaction, message: VisitOver, _: Meta) -> None:
        await complete_after_end(tx, message.booking_id)

    @handlers.on(PaymentReady)
    async def payment_ready(tx: Transaction, message: PaymentReady, _: Meta) -> None:
        if message.change_id is None:
            await note_payment(tx, message.booking_id, message.payment_id)
        if message.transfer is not None:
            await tell_how_to_pay(tx, _transfer(message, message.transfer), vault=vault)

    @handlers.on(PaymentRequiresAction)
    async def payment_requires_action(
        tx: Transaction, message: PaymentRequiresAction, meta: Meta
    ) -> None:
        if message.change_id is None:
            await require_authentication(tx, message.booking_id, message.payment_id, meta.sequence)

    @handlers.on(PaymentProcessing)
    async def payment_processing(tx: Transaction, message: PaymentProcessing, meta: Meta) -> None:
        if message.change_id is not None:
            await clear_change(tx, message.booking_id, message.change_id)
        else:
            await mark_processing(tx, message.booking_id, message.payment_id, meta.sequence)

    @handlers.on(PaymentSucceeded)
    async def payment_succeeded(tx: Transaction, message: PaymentSucceeded, _: Meta) -> None:
        receipt = Receipt(message.payment_id, message.booking_id, _money(message.amount))
        try:
            if message.change_id is not None:
                await settle_change(tx, message.change_id, receipt, vault=vault, listings=listings)
            else:
                await confirm(tx, receipt, vault=vault, listings=listings)
        except Unknown as unknown:
            # Money without a booking, or for a change that is not the booking's: nothing here can
            # decide about it, so people must.
            raise Park(f"no such booking or change: {message.booking_id}") from unknown

    @handlers.on(PaymentFailed)
    async def payment_failed(tx: Transaction, message: PaymentFailed, meta: Meta) -> None:
        if message.change_id is not None:
            await fail_change(tx, message.booking_id, message.change_id, terminal=message.terminal)
            return
        attempt = FailedAttempt(
            booking_id=message.booking_id,
            payment_id=message.payment_id,
            sequence=meta.sequence,
            failure=Failure(message.decline_code or message.code, message.message_key),
            terminal=message.terminal,
        )
        await fail_payment(tx, attempt, vault=vault)

    @handlers.on(PaymentCancelled)
    async def payment_cancelled(tx: Transaction, message: PaymentCancelled, meta: Meta) -> None:
        if message.change_id is not None:
            await fail_change(tx, message.booking_id, message.change_id, terminal=True)
            return
        # While the booking still waits, a payment that can no longer be paid is its end.
        attempt = FailedAttempt(
            booking_id=message.booking_id,
            payment_id=message.payment_id,
            sequence=meta.sequence,
            failure=Failure("payment_cancelled", "payment.cancelled"),
            terminal=True,
        )
        await fail_payment(tx, attempt, vault=vault)

    _refunds(handlers, vault)
    _disputes(handlers)
    _fees(handlers, vault)
    _customers(handlers)
    return handlers


def _refunds(handlers: Handlers, vault: ContactVault) -> None:
    """Money that goes back, because this service asked for it or because somebody gave it."""

    @handlers.on(PaymentRefundRequested)
    async def payment_refund_requested(
        tx: Transaction, message: PaymentRefundRequested, meta: Meta
    ) -> None:
        await _record_totals(tx, message, message.refunded_total, meta)
        if message.release_place:
            await release_refunded(
                tx,
                message.booking_id,
                actor=message.requested_by,
                reason=message.reason,
                vault=vault,
            )

    @handlers.on(PaymentRefunded)
    async def payment_refunded(tx: Transaction, message: PaymentRefunded, meta: Meta) -> None:
        await _record_totals(tx, message, message.refunded_total, meta)

    @handlers.on(PaymentRefundFailed)
    async def payment_refund_failed(
        tx: Transaction, message: PaymentRefundFailed, meta: Meta
    ) -> None:
        if message.refunded_total is not None:
            await _record_totals(tx, message, message.refunded_total, meta)
        await record_failed_refund(
            tx, message.booking_id, message.payment_id, _money(message.amount), message.code
        )


def _disputes(handlers: Handlers) -> None:
    """Money that customers ask their banks for."""

    @handlers.on(PaymentDisputed)
    async def payment_disputed(tx: Transaction, message: PaymentDisputed, _: Meta) -> None:
        await note_dispute(tx, _dispute(message), message.evidence_due_by)

    @handlers.on(PaymentDisputeClosed)
    async def dispute_closed(tx: Transaction, message: PaymentDisputeClosed, _: Meta) -> None:
        await note_dispute_closed(tx, _dispute(message), message.outcome)


def _dispute(message: PaymentDisputed | PaymentDisputeClosed) -> Dispute:
    return Dispute(
        id=message.dispute_id,
        booking_id=message.booking_id,
        payment_id=message.payment_id,
        amount=_money(message.amount),
        reason=message.reason,
    )


async def _record_totals(
    tx: Transaction,
    message: PaymentRefundRequested | PaymentRefunded | PaymentRefundFailed,
    total: contracts.Money,
    meta: Meta,
) -> None:
    refund = Refunded(
        booking_id=message.booking_id,
        payment_id=message.payment_id,
        total=_money(total),
        sequence=meta.sequence,
        unasked=None if message.unasked_total is None else _money(message.unasked_total),
    )
    try:
        await record_refund(tx, refund)
    except NotPaidYet:
        raise RetryAfter(_PAID_SOON_SECONDS, "its money has not arrived yet") from None


def _fees(handlers: Handlers, vault: ContactVault) -> None:
    """When a guarantee is looked at, and what payments tells about fees of no-shows."""

    @handlers.on(GuaranteeDue)
    async def guarantee_due(tx: Transaction, message: GuaranteeDue, _: Meta) -> None:
        await settle_guarantee(tx, message.booking_id, vault=vault)

    @handlers.on(PaymentFeeCharged)
    async def fee_charged(tx: Transaction, message: PaymentFeeCharged, meta: Meta) -> None:
        receipt = Receipt(message.payment_id, message.booking_id, _money(message.amount))
        try:
            await record_fee(tx, receipt, meta.sequence)
        except Unknown as unknown:
            raise Park(f"no such booking: {message.booking_id}") from unknown

    @handlers.on(PaymentFeeFailed)
    async def fee_failed(tx: Transaction, message: PaymentFeeFailed, meta: Meta) -> None:
        no = Uncharged(
            booking_id=message.booking_id,
            code=message.decline_code or message.code,
            sequence=meta.sequence,
            final=message.final,
            authentication=message.authentication,
        )
        await record_uncharged(tx, no, vault=vault)


def _customers(handlers: Handlers) -> None:
    """What customers tells about guests."""

    @handlers.on(CustomerResolved)
    async def customer_resolved(tx: Transaction, message: CustomerResolved, _: Meta) -> None:
        await attach_customer(tx, message.booking_id, message.customer_id)

    @handlers.on(CustomerBlocked)
    async def customer_blocked(tx: Transaction, message: CustomerBlocked, meta: Meta) -> None:
        await note_standing(tx, message.customer_id, _hashes(message), meta.sequence, blocked=True)

    @handlers.on(CustomerUnblocked)
    async def customer_unblocked(tx: Transaction, message: CustomerUnblocked, meta: Meta) -> None:
        await note_standing(tx, message.customer_id, _hashes(message), meta.sequence, blocked=False)
