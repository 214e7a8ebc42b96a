"""Incoming contracts, each translated into a use case."""

from chassis.db import Transaction
from chassis.messaging import Handlers, Meta
from chassis.messaging.meta import RetryAfter
from contracts import Money
from contracts.booking import (
    BookingCancelled,
    BookingExpired,
    BookingHeld,
    BookingPaymentFailed,
    BookingRefundDue,
    BookingUnfulfillable,
    VenueChanged,
)
from contracts.changes import BookingChangeExpired, BookingChangeHeld
from contracts.offerings import OfferingChanged
from contracts.visits import BookingGuaranteeReleased, BookingNoShowFeeDue
from payments.domain import money
from payments.domain.connections import Terms
from payments.domain.products import Product, Tier
from payments.domain.provider import OrderLine, Providers
from payments.store import venues
from payments.store.accounts import Accounts
from payments.timers import FeeLapsed, LastLookDue
from payments.usecases.charge_fee import Fee, charge_fee
from payments.usecases.close import close, close_change, give_up_fee
from payments.usecases.give_back import Ask, NothingPaidYet, give_back
from payments.usecases.keep_product import keep_product
from payments.usecases.look_once_more import look_once_more
from payments.usecases.prepare import Hold, prepare
from payments.usecases.release_card import release_cards

_PAID_SOON_SECONDS = 5.0
_UNFULFILLABLE = "unfulfillable"


def handlers(accounts: Accounts, providers: Providers, terms: Terms, *, enabled: bool) -> Handlers:
    """The service's handlers; `enabled`: whether new payments are taken at all."""
    table = Handlers("payments")

    @table.on(VenueChanged)
    async def venue_changed(tx: Transaction, message: VenueChanged, meta: Meta) -> None:
        await venues.keep(
            tx,
            venue_id=message.venue_id,
            org_id=message.org_id,
            venue=venues.Venue(
                message.name,
                message.slug,
                message.statement_descriptor,
                message.timezone,
                message.billing_countries,
            ),
            sequence=meta.sequence,
        )

    @table.on(OfferingChanged)
    async def offering_changed(tx: Transaction, message: OfferingChanged, meta: Meta) -> None:
        await keep_product(tx, _product(message, meta.sequence))

    @table.on(BookingHeld)
    async def booking_held(tx: Transaction, message: BookingHeld, _: Meta) -> None:
        await prepare(
            tx,
            _hold(message),
            accounts=accounts,
            providers=providers,
            terms=terms,
            enabled=enabled,
        )

    @table.on(BookingExpired)
    async def booking_expired(tx: Transaction, message: BookingExpired, _: Meta) -> None:
        await close(tx, message.booking_id, "expired")

    @table.on(BookingPaymentFailed)
    async def booking_payment_failed(
        tx: Transaction, message: BookingPaymentFailed, _: Meta
    ) -> None:
        if message.final:
            await close(tx, message.booking_id, "payment_failed")

    @table.on(BookingChangeHeld)
    async def booking_change_held(tx: Transaction, message: BookingChangeHeld, _: Meta) -> None:
        await prepare(
            tx,
            _change(message),
            accounts=accounts,
            providers=providers,
            terms=terms,
            enabled=enabled,
        )

    @table.on(BookingChangeExpired)
    async def booking_change_expired(
        tx: Transaction, message: BookingChangeExpired, _: Meta
    ) -> None:
        await close_change(tx, message.booking_id, message.change_id)

    @table.on(LastLookDue)
    async def last_look_due(tx: Transaction, message: LastLookDue, _: Meta) -> None:
        await look_once_more(tx, message.payment_id)

    _refunding(table, providers)
    _guaranteeing(table, providers, enabled=enabled)
    return table


def _guaranteeing(table: Handlers, providers: Providers, *, enabled: bool) -> None:
    """What becomes of the cards that guests save."""

    @table.on(BookingNoShowFeeDue)
    async def no_show_fee_due(tx: Transaction, message: BookingNoShowFeeDue, _: Meta) -> None:
        await charge_fee(tx, _fee(message), providers=providers, enabled=enabled)

    @table.on(FeeLapsed)
    async def fee_lapsed(tx: Transaction, message: FeeLapsed, _: Meta) -> None:
        await give_up_fee(tx, message.payment_id)

    @table.on(BookingGuaranteeReleased)
    async def guarantee_released(
        tx: Transaction, message: BookingGuaranteeReleased, _: Meta
    ) -> None:
        await release_cards(tx, message.booking_id)


def _refunding(table: Handlers, providers: Providers) -> None:
    """The messages after which money may have to go back."""

    @table.on(BookingCancelled)
    async def booking_cancelled(tx: Transaction, message: BookingCancelled, _: Meta) -> None:
        await close(tx, message.booking_id, "cancelled", for_good=True)
        await release_cards(tx, message.booking_id)
        await _refund(tx, message, "cancelled", providers)

    @table.on(BookingUnfulfillable)
    async def booking_unfulfillable(
        tx: Transaction, message: BookingUnfulfillable, _: Meta
    ) -> None:
        await release_cards(tx, message.booking_id)
        await _refund(tx, message, _UNFULFILLABLE, providers)

    @table.on(BookingRefundDue)
    async def booking_refund_due(tx: Transaction, message: BookingRefundDue, _: Meta) -> None:
        of_change = f":{message.change_id}" if message.change_id else ""
        cause = f"refund_due:{message.cause}{of_change}"
        if message.cause == _UNFULFILLABLE:  # asked for before, by the message of that name
            cause = _UNFULFILLABLE
        await _refund(tx, message, cause, providers)


async def _refund(
    tx: Transaction,
    message: BookingCancelled | BookingUnfulfillable | BookingRefundDue,
    cause: str,
    providers: Providers,
) -> None:
    try:
        await give_back(tx, _ask(message, cause), providers=providers)
    except NothingPaidYet:
        raise RetryAfter(_PAID_SOON_SECONDS, "no captured payment is known yet") from None


def _ask(message: BookingCancelled | BookingUnfulfillable | BookingRefundDue, cause: str) -> Ask:
    goal = None if isinstance(message, BookingUnfulfillable) else message.refund_goal
    if goal is not None:
        return Ask(
            booking_id=message.booking_id,
            payment_ids=goal.payment_ids,
            amount=_money(goal.total),
            cause=cause,
            towards="changes" if goal.for_changes else "besides",
        )
    payment_id = None if isinstance(message, BookingCancelled) else message.payment_id
    return Ask(
        booking_id=message.booking_id,
        payment_ids=None if payment_id is None else (payment_id,),
        amount=_money(message.refund),
        cause=cause,
        retry=isinstance(message, BookingRefundDue) and message.retry,
    )


def _product(message: OfferingChanged, sequence: int) -> Product:
    return Product(
        offering_id=message.offering_id,
        org_id=message.org_id,
        venue_id=message.venue_id,
        title=message.title,
        description=message.description,
        currency=message.currency,
        tiers=tuple(Tier(p.key, p.label or "", p.amount_minor) for p in message.prices),
        active=message.status == "active" and "checkout" in message.payment_methods,
        sequence=sequence,
    )


def _hold(message: BookingHeld) -> Hold:
    return Hold(
        booking_id=message.booking_id,
        org_id=message.org_id,
        venue_id=message.venue_id,
        offering_id=message.offering_id,
        session_id=message.session_id,
        reference=message.reference,
        title=message.title,
        due=_money(message.amount_due_now),
        expires_at=message.expires_at,
        methods=message.payment_methods,
        method=message.payment_method,
        locale=message.locale,
        contact=message.contact,
        lines=_lines(message),
        received_by=message.received_by,
        save_card=message.guaranteed,
    )


def _change(message: BookingChangeHeld) -> Hold:
    return Hold(
        booking_id=message.booking_id,
        change_id=message.change_id,
        org_id=message.org_id,
        venue_id=message.venue_id,
        offering_id=message.offering_id,
        session_id=message.session_id,
        reference=message.reference,
        title=message.title,
        due=_money(message.amount_due),
        expires_at=message.expires_at,
        methods=message.payment_methods,
        method=message.payment_method,
        locale=message.locale,
        contact=message.contact,
        lines=_lines(message),
    )


def _fee(message: BookingNoShowFeeDue) -> Fee:
    return Fee(
        booking_id=message.booking_id,
        org_id=message.org_id,
        venue_id=message.venue_id,
        reference=message.reference,
        title=message.title,
        amount=_money(message.fee),
        pay_until=message.pay_until,
        locale=message.locale,
        contact=message.contact,
        retry=message.retry,
    )


def _lines(message: BookingHeld | BookingChangeHeld) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine(line.key, line.label or message.title, line.quantity, line.unit_minor)
        for line in message.lines
    )


def _money(amount: Money) -> money.Money:
    return money.Money(amount.amount_minor, amount.currency)
