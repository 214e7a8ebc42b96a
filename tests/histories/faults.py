"""Faults to plant: what the histories must find, or they prove nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

import booking.usecases.confirm
import payments.messages
from chassis.messaging import dispatch
from payments.domain import payment as payment_rules
from payments.domain.provider import Body
from payments.providers.stripe import Stripe
from payments.usecases import close, observe

Plant = Callable[[pytest.MonkeyPatch], None]


def a_new_key_for_every_call(patch: pytest.MonkeyPatch) -> None:
    """Creation is repeated under another idempotency key."""
    create = Stripe.create

    async def careless(
        self: Any, account: Any, body: Body, *, key: str, receipt_email: str | None
    ) -> Any:
        return await create(self, account, body, key=uuid4().hex, receipt_email=receipt_email)

    patch.setattr(Stripe, "create", careless)


def no_refund_of_late_money(patch: pytest.MonkeyPatch) -> None:
    """Money for a place that is gone is kept."""
    give_back = payments.messages.give_back

    async def miserly(tx: Any, ask: Any, **more: Any) -> None:
        if ask.cause != "unfulfillable":
            await give_back(tx, ask, **more)

    patch.setattr(payments.messages, "give_back", miserly)


def a_payment_counts_twice(patch: pytest.MonkeyPatch) -> None:
    """Every telling of a payment is taken for another payment: no inbox, no receipts.

    Either alone is enough to keep it from counting twice.
    """
    receipts = booking.usecases.confirm.receipts
    record = receipts.record

    async def forgetful(tx: Any, receipt: Any, outcome: str, now: Any) -> bool:
        await record(tx, receipt, outcome, now)
        return True

    patch.setattr(receipts, "record", forgetful)
    always = "SELECT messaging.now() WHERE $1::uuid IS NOT NULL AND $2::text IS NOT NULL"
    patch.setattr(dispatch, "_FIRST_TIME", always)


def the_place_is_not_taken_again(patch: pytest.MonkeyPatch) -> None:
    """Late money confirms without looking whether the place is still free."""

    async def trusting(_: Any, wanted: Any, *more: Any, **named: Any) -> Any:
        return wanted

    patch.setattr(booking.usecases.confirm, "take_place", trusting)


def nothing_is_cancelled_at_the_provider(patch: pytest.MonkeyPatch) -> None:
    """An expired booking's payment stays open."""

    async def forgotten(*_: Any) -> None:
        return

    patch.setattr(close, "cancel_at_provider", forgotten)
    patch.setattr(observe, "cancel_at_provider", forgotten)


def money_after_the_end_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """A success is not believed once the payment was thought to be failed or cancelled.

    The same as dropping the notification of money that is late.
    """
    learn = payment_rules.Payment.learn

    def deaf(self: Any, fact: Any, failure: Any = None) -> Any:
        if fact is payment_rules.Fact.SUCCEEDED and self.closing is not None:
            raise payment_rules.StaleFact
        return learn(self, fact, failure)

    patch.setattr(payment_rules.Payment, "learn", deaf)


def half_is_given_back(patch: pytest.MonkeyPatch) -> None:
    """A refund is cut down on its way."""
    draft = Stripe.draft_refund

    def stingy(self: Any, order: Any) -> Body:
        half = replace(order.amount, amount_minor=order.amount.amount_minor // 2)
        return draft(self, replace(order, amount=half))

    patch.setattr(Stripe, "draft_refund", stingy)


PLANTED: tuple[Plant, ...] = (
    a_new_key_for_every_call,
    no_refund_of_late_money,
    a_payment_counts_twice,
    the_place_is_not_taken_again,
    nothing_is_cancelled_at_the_provider,
    money_after_the_end_is_ignored,
    half_is_given_back,
)
