"""Charge the fee of a guest who did not come to the card they saved, once per booking (OPN-06)."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from chassis.db import Transaction
from chassis.ids import uuid7
from payments import published
from payments.domain.attempt import Kind
from payments.domain.failures import Failure
from payments.domain.money import Money
from payments.domain.payment import Fact, Payment, Status
from payments.domain.provider import ChargeOrder, Charging, Provider, Providers
from payments.store import attempts, connections, payments, venues
from payments.timers import FeeLapsed, fee_key_of
from payments.usecases.intend import intend
from payments.usecases.prepare import NO_ACCOUNT

log = structlog.get_logger(__name__)

_FEE = {"en": "No-show fee", "sv": "Avgift vid utebliven ankomst"}


@dataclass(frozen=True, slots=True)
class Fee:
    """What is to be charged, until when, and `retry`: staff ask once more. `contact` is sealed."""

    booking_id: UUID
    org_id: UUID
    venue_id: UUID
    reference: str
    title: str
    amount: Money
    pay_until: datetime
    locale: str
    contact: str = field(repr=False)
    retry: bool = False

    def description(self, venue: venues.Venue | None) -> str:
        """What the guest's receipt says."""
        name = _FEE.get(self.locale[:2].lower(), _FEE["en"])
        place = f"{self.title}, {venue.name}" if venue else self.title
        return f"{name}: {place} ({self.reference})"


async def charge_fee(tx: Transaction, fee: Fee, *, providers: Providers, enabled: bool) -> None:
    """Record the fee's payment and the intent to charge it; the same again changes nothing.

    A retry counts only while the payment stands declined: one call at a time tries it again.
    Without a card, or while payments are off, it fails here and now.
    """
    found = await payments.lock_of_booking(tx, fee.booking_id)
    saved = next((one for one in reversed(found) if one.card is not None), None)
    known = next((one for one in found if one.no_show_fee), None)
    if known is not None:
        if fee.retry and saved is not None:
            await _try_again(tx, known, saved, providers)
        return
    provider = providers.charging(saved.provider) if saved else None
    payment = Payment(
        id=uuid7(await tx.now()),
        org_id=fee.org_id,
        booking_id=fee.booking_id,
        account_id=saved.account_id if saved else NO_ACCOUNT,
        provider=provider.name if provider else NO_ACCOUNT,
        amount=fee.amount,
        status=Status.PREPARING,
        version=1,
        expires_at=fee.pay_until,
        locale=fee.locale,
        venue_id=fee.venue_id,
        no_show_fee=True,
    )
    if saved is None or not enabled or not isinstance(provider, Charging):
        why = "no_saved_card" if enabled else "payments_disabled"
        await _fail(tx, payment, Failure(why))
    elif await payments.insert(tx, payment):
        await _charge(tx, fee, payment, saved, provider)


async def _charge(
    tx: Transaction, fee: Fee, payment: Payment, saved: Payment, provider: Charging
) -> None:
    assert saved.card is not None  # noqa: S101  # that is why it was chosen
    venue = await venues.read(tx, fee.venue_id)
    agreed = await connections.split_of(tx, saved.id)
    split = agreed.of(payment.amount) if agreed is not None else None
    if split is not None:
        await connections.keep_split(tx, payment.id, split)
    attempt_id = uuid7()
    body = provider.draft_charge(
        ChargeOrder(
            attempt_id=attempt_id,
            payment_id=payment.id,
            booking_id=payment.booking_id,
            org_id=payment.org_id,
            amount=payment.amount,
            card=saved.card,
            description=fee.description(venue),
            descriptor=venue.statement_descriptor if venue else None,
            split=split,
        )
    )
    await attempts.insert(
        tx,
        attempt_id=attempt_id,
        payment=payment,
        kind=Kind.CREATE,
        body=body,
        contact=fee.contact,
    )
    intend(tx, payment, Kind.CREATE, attempt_id)
    tx.schedule(
        FeeLapsed(payment_id=payment.id),
        due_at=payment.expires_at,
        key=fee_key_of(payment.id),
    )


async def _fail(tx: Transaction, payment: Payment, failure: Failure) -> None:
    failed = payment.learn(Fact.REFUSED, failure)
    if await payments.insert(tx, failed):
        log.error("fee.not_chargeable", payment_id=str(payment.id), code=failure.code)
        published.learnt(tx, failed, Fact.REFUSED, await tx.now())


async def _try_again(tx: Transaction, known: Payment, saved: Payment, providers: Providers) -> None:
    provider: Provider | None = providers.named(known.provider) if known.payable else None
    if not isinstance(provider, Charging) or saved.card is None:
        log.info("fee.no_try_left", payment_id=str(known.id))
        return
    attempt_id = uuid7()
    body = provider.draft_recharge(saved.card)
    if await attempts.insert(tx, attempt_id=attempt_id, payment=known, kind=Kind.CHARGE, body=body):
        intend(tx, known, Kind.CHARGE, attempt_id)
