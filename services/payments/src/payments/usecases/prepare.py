"""Prepare the payment that a hold asks for: the row, the frozen request, the intent to call."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from chassis.db import Transaction
from chassis.ids import uuid7
from payments import published, timers
from payments.domain.attempt import Kind
from payments.domain.connections import Route, Split, Terms, platform_fee
from payments.domain.failures import Failure
from payments.domain.money import Money, is_chargeable
from payments.domain.payment import Fact, Payment, Status
from payments.domain.provider import (
    Account,
    Capturing,
    OrderLine,
    PaymentOrder,
    Provider,
    Providers,
    Publishing,
)
from payments.domain.statements import Statement
from payments.store import attempts, closed_bookings, connections, payments, products, venues
from payments.store.accounts import Accounts
from payments.store.venues import Venue
from payments.usecases.intend import intend
from payments.usecases.mark_paid import receive

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hold:
    """A held booking or change of one, as far as its payment goes. `contact` is sealed."""

    booking_id: UUID
    org_id: UUID
    venue_id: UUID
    offering_id: UUID
    session_id: UUID
    reference: str
    title: str
    due: Money
    expires_at: datetime
    methods: Sequence[str]
    locale: str
    contact: str = field(repr=False)
    change_id: UUID | None = None
    method: str | None = None
    lines: Sequence[OrderLine] = ()
    received_by: str | None = None
    save_card: bool = False


LAST_LOOK = timedelta(seconds=30)
"""How long before a hold's end we ask whether its customer agreed, in case nobody told us."""

NO_ACCOUNT = "none"
"""Stands on a payment whose organisation has no account that could take it; it failed at once."""


async def prepare(
    tx: Transaction,
    hold: Hold,
    *,
    accounts: Accounts,
    providers: Providers,
    terms: Terms,
    enabled: bool,
) -> None:
    """Record what the worker is to create at the provider.

    Where nothing is due but a card is to be saved, that is all the payment does (OPN-06).
    Nothing happens for a hold that wants neither, has lapsed, is over, or has its payment already.
    A sum too small to charge, payments being switched off, or a connected account that the provider
    takes nothing for, fails the payment here and now.
    """
    now = await tx.now()
    if not (hold.due.amount_minor or hold.save_card) or hold.expires_at <= now:
        return
    await closed_bookings.lock(tx, hold.booking_id)
    met = await venues.circumstances(tx, hold.booking_id, hold.change_id, hold.venue_id)
    if met.closed:
        log.info("payment.not_wanted", booking_id=str(hold.booking_id))
        return
    provider = providers.saving
    if hold.due.amount_minor:
        provider = providers.taking((hold.method, *hold.methods) if hold.method else hold.methods)
    route = met.route if provider.account_kind == accounts.platform.provider else None
    if route is not None:
        account: Account | None = accounts.platform
    else:
        account = await accounts.for_new_payments(tx, hold.org_id, provider.account_kind)
    payment = Payment(
        id=uuid7(),
        org_id=hold.org_id,
        booking_id=hold.booking_id,
        venue_id=hold.venue_id,
        account_id=account.id if account else NO_ACCOUNT,
        provider=provider.name,
        amount=hold.due,
        status=Status.PREPARING,
        version=1,
        expires_at=hold.expires_at,
        locale=hold.locale,
        change_id=hold.change_id,
        saves_card=hold.save_card,
        method=hold.method or next((m for m in hold.methods if m in provider.methods), "card"),
    )
    refusal = _refusal(hold.due, account, route, enabled=enabled)
    if refusal is not None:
        failed = payment.learn(Fact.REFUSED, Failure(refusal))
        if await payments.insert(tx, failed):
            published.learnt(tx, failed, Fact.REFUSED, now)
        return
    if await payments.insert(tx, payment):
        split = _split(hold.due, route, terms) if route is not None else None
        if split is not None:
            await connections.keep_split(tx, payment.id, split)
        await _intend(tx, hold, payment, provider, venue=met.venue, split=split)
        if hold.received_by is not None:
            await receive(tx, payment, Statement(hold.received_by), providers=providers)


def _refusal(
    due: Money, account: Account | None, route: Route | None, *, enabled: bool
) -> str | None:
    if not enabled:
        return "payments_disabled"
    if account is None:
        return "no_account"
    if route is not None and not route.payable:
        return "connected_account_disabled"
    return None if is_chargeable(due) or not due.amount_minor else "amount_too_small"


def _split(due: Money, route: Route, terms: Terms) -> Split:
    rate = terms.fee_basis_points if route.fee_basis_points is None else route.fee_basis_points
    return Split(
        destination=route.destination,
        fee=Money(platform_fee(due.amount_minor, rate), due.currency),
        fee_basis_points=rate,
        fee_returned=terms.fee_returned,
    )


def due_lines(hold: Hold) -> Sequence[OrderLine]:
    """The price's lines, if they are what is due now: no deposit, no discount, no gift card."""
    due = sum(line.quantity * line.unit_minor for line in hold.lines)
    whole = due == hold.due.amount_minor and all(line.unit_minor >= 0 for line in hold.lines)
    return hold.lines if whole else ()


async def _priced(
    tx: Transaction, hold: Hold, payment: Payment, provider: Provider
) -> Sequence[OrderLine]:
    """The lines of what is due, by the provider's own prices where it has them."""
    lines = due_lines(hold)
    if not lines or not isinstance(provider, Publishing):
        return lines
    refs = await products.price_refs(tx, payment.account_id, hold.offering_id, hold.due.currency)
    return [replace(one, price_ref=refs.get((one.key, one.unit_minor))) for one in lines]


def _reference(hold: Hold) -> str:
    """The booking's own; of a change a little longer, since that is another payment."""
    return (
        f"{hold.reference}-{hold.change_id.hex[-4:].upper()}" if hold.change_id else hold.reference
    )


async def _intend(
    tx: Transaction,
    hold: Hold,
    payment: Payment,
    provider: Provider,
    *,
    venue: Venue | None,
    split: Split | None,
) -> None:
    attempt_id = uuid7()
    place = f"{hold.title}, {venue.name}" if venue else hold.title
    body = provider.draft_payment(
        PaymentOrder(
            attempt_id=attempt_id,
            payment_id=payment.id,
            booking_id=hold.booking_id,
            org_id=hold.org_id,
            session_id=hold.session_id,
            offering_id=hold.offering_id,
            amount=hold.due,
            methods=hold.methods,
            reference=_reference(hold),
            description=f"{place} ({hold.reference})",
            venue=venue.slug if venue else "",
            descriptor=venue.statement_descriptor if venue else None,
            change_id=hold.change_id,
            lines=await _priced(tx, hold, payment, provider),
            wanted_for=hold.expires_at - await tx.now(),
            locale=hold.locale,
            save_card=hold.save_card,
            split=split,
            billing_countries=venue.billing_countries if venue else (),
        )
    )
    await attempts.insert(
        tx,
        attempt_id=attempt_id,
        payment=payment,
        kind=Kind.CREATE,
        body=body,
        contact=hold.contact,
    )
    intend(tx, payment, Kind.CREATE, attempt_id)
    if isinstance(provider, Capturing):
        tx.schedule(
            timers.LastLookDue(payment_id=payment.id),
            due_at=hold.expires_at - LAST_LOOK,
            key=timers.last_look_key_of(payment.id),
        )
