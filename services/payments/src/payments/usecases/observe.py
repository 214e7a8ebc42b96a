"""Apply what a look at the provider showed: guarded by the state machine, told to others once."""

from enum import StrEnum
from uuid import UUID

import structlog

from chassis import metrics
from chassis.db import Transaction
from chassis.sealing import Sealer
from payments import published
from payments.domain.payment import PAYABLE, Fact, ForeignPayment, Payment, StaleFact, Status
from payments.domain.snapshot import Snapshot
from payments.store import ledger, payments
from payments.usecases.intend import cancel_at_provider, capture_at_provider
from payments.usecases.release_card import release_after

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What came of a look."""

    APPLIED = "applied"
    NOTHING_NEW = "nothing_new"
    FOREIGN = "foreign"
    LOOK_AGAIN = "look_again"


async def observe(
    tx: Transaction,
    snapshot: Snapshot,
    *,
    account_id: str,
    seen_version: int | None,
    secrets: Sealer,
) -> Outcome:
    """Move the payment that the snapshot is of, and publish what is new.

    `seen_version` is the payment's version before the look. When the payment moved meanwhile, an
    outcome that could still change may be older than what we know: LOOK_AGAIN. Settled ones never
    are. FOREIGN: no payment of this organisation and account is meant (F-27).
    """
    payment = await _meant(tx, snapshot, account_id)
    if payment is None:
        log.warning("payment.foreign", ref=snapshot.ref, account_id=account_id)
        return Outcome.FOREIGN
    if snapshot.approved and payment.payable and payment.unwanted_since(await tx.now()) is None:
        # Nothing moved yet. What is unwanted is left alone: it is cancelled, or lapses there.
        await capture_at_provider(tx, payment)
    try:
        changed = payment.observe(snapshot)
    except StaleFact:
        await _book_fee(tx, payment, snapshot)
        return Outcome.NOTHING_NEW
    if _may_be_older(snapshot, payment, seen_version):
        return Outcome.LOOK_AGAIN
    await payments.save(tx, changed, seal_secret(secrets, changed, snapshot))
    await _book_fee(tx, changed, snapshot)
    await _tell(tx, changed, snapshot)
    return Outcome.APPLIED


def _may_be_older(snapshot: Snapshot, payment: Payment, seen_version: int | None) -> bool:
    # While a payment is being prepared nothing is known, so everything is news.
    known = payment.status is not Status.PREPARING
    return known and not snapshot.settled and payment.version != seen_version


async def _book_fee(tx: Transaction, payment: Payment, snapshot: Snapshot) -> None:
    """Some providers tell it only a while after the money: any later look books it."""
    if payment.captured is not None and snapshot.fee is not None:
        await ledger.book_fee(tx, payment, snapshot.fee)


async def _meant(tx: Transaction, snapshot: Snapshot, account_id: str) -> Payment | None:
    try:
        payment = await payments.lock(tx, UUID(snapshot.metadata.get("payment_id", "")))
    except ValueError:
        return None
    if payment is None or payment.account_id != account_id:
        return None
    try:
        payment.recognise(snapshot)
    except ForeignPayment:
        return None
    return payment


async def _tell(tx: Transaction, payment: Payment, snapshot: Snapshot) -> None:
    fact = snapshot.fact
    if fact is Fact.SUCCEEDED and payment.captured != payment.amount:
        log.error("payment.other_amount", payment_id=str(payment.id))
        metrics.ALARMS.labels("other_amount").inc()
    unwanted = payment.closing is not None and payment.status in PAYABLE
    if not (unwanted and fact is Fact.PREPARED):
        published.learnt(tx, payment, fact, await tx.now(), snapshot.transfer)
    if unwanted:
        await cancel_at_provider(tx, payment)
    await release_after(tx, payment)


def seal_secret(secrets: Sealer, payment: Payment, snapshot: Snapshot) -> str | None:
    """What the customer needs to pay, as it may be stored."""
    means = {"client_secret": snapshot.client_secret, "redirect_url": snapshot.redirect_url}
    if snapshot.transfer is not None:
        means |= {"payee": snapshot.transfer.payee, "message": snapshot.transfer.message}
    told = {name: value for name, value in means.items() if value is not None}
    return secrets.seal(told, f"payment:{payment.id}") if told else None


def open_secret(secrets: Sealer, payment: Payment, sealed: str) -> dict[str, str]:
    """`client_secret`, `redirect_url`, or `payee` and `message`, to give to the customer.

    Raises:
        BrokenSeal: its key is no longer known.
    """
    return dict(secrets.open(sealed, f"payment:{payment.id}"))
