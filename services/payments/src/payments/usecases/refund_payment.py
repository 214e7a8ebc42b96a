"""Staff give money of a payment back (PAY-36 to PAY-38, PAY-40, F-32, IDM-05)."""

from dataclasses import dataclass
from uuid import UUID

from chassis.db import Transaction
from chassis.ids import uuid7
from chassis.problems import FieldError
from payments import published
from payments.domain.money import Money
from payments.domain.payment import Payment, Status
from payments.domain.provider import Providers
from payments.domain.refunds import Refund, Request, StillOpen, Taken, next_cause
from payments.domain.snapshot import RefundStatus
from payments.problems import (
    AlreadyRefunded,
    KeyReused,
    MoreThanLeft,
    NoPayment,
    NothingCaptured,
    RefundNotFailed,
)
from payments.store import payments, refunds
from payments.usecases.give_back import make_refund


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPayment:
    """What goes back: `amount_minor`, all that is left (None), or `retry_of`, which failed."""

    payment_id: UUID
    amount_minor: int | None
    retry_of: UUID | None
    request: Request


@dataclass(frozen=True, slots=True)
class Recorded:
    """The refund, and whether the same request had made it before."""

    refund: Refund
    replayed: bool = False


async def refund_payment(
    tx: Transaction, command: RefundPayment, *, providers: Providers
) -> Recorded:
    """Record the refund and the intent to make it; the booking need not exist any more.

    Exactly the amount that was asked for, or nothing: it is never cut down. What goes back is
    known at once to the booking, which frees the place if `release_place` is set and all is back.

    Raises:
        NoPayment: there is none, or it is another organisation's.
        KeyReused: the key was used for another request about this payment.
        NothingCaptured: no money has come yet.
        AlreadyRefunded: all of it is back, or on its way.
        MoreThanLeft: less is left than is asked for.
        RefundNotFailed: what is to be tried again has not failed, or is no refund of this payment.
    """
    payment = await payments.lock(tx, command.payment_id)
    if payment is None:
        raise NoPayment
    made = await refunds.of_payment(tx, payment.id)
    if (earlier := _answered(command, made)) is not None:
        return Recorded(earlier, replayed=True)
    refund = _refund(command, payment, made)
    await make_refund(tx, payment, refund, providers.named(payment.provider))
    changed = payment.touch()
    await payments.save(tx, changed)
    published.refund_requested(tx, changed, refund, [*made, refund], await tx.now())
    [recorded] = [one for one in await refunds.of_payment(tx, payment.id) if one.id == refund.id]
    return Recorded(recorded)


def _answered(command: RefundPayment, made: list[Refund]) -> Refund | None:
    for refund in made:
        if refund.request is not None and refund.request.key == command.request.key:
            if refund.request.digest != command.request.digest:
                raise KeyReused
            return refund
    return None


def _refund(command: RefundPayment, payment: Payment, made: list[Refund]) -> Refund:
    if payment.status is not Status.SUCCEEDED or payment.captured is None:
        raise NothingCaptured
    left = Taken(payment, made).left
    if not left.amount_minor:
        raise AlreadyRefunded
    refund_id = uuid7()
    cause, amount_minor = f"staff:{refund_id}", command.amount_minor or left.amount_minor
    if command.retry_of is not None:
        failed = _failed(command.retry_of, made)
        amount_minor = failed.amount.amount_minor
        try:
            cause = next_cause(failed.cause, made)
        except StillOpen:
            raise RefundNotFailed from None
    if amount_minor > left.amount_minor:
        field = "amount.amount_minor" if command.retry_of is None else "retry_of"
        text = f"no more than {left.amount_minor} {left.currency} is left"
        raise MoreThanLeft(errors=[FieldError(field, text)])
    return Refund(
        id=refund_id,
        org_id=payment.org_id,
        booking_id=payment.booking_id,
        payment_id=payment.id,
        cause=cause,
        amount=Money(amount_minor, left.currency),
        request=command.request,
    )


def _failed(refund_id: UUID, made: list[Refund]) -> Refund:
    for refund in made:
        if refund.id == refund_id and refund.status is RefundStatus.FAILED:
            return refund
    raise RefundNotFailed
