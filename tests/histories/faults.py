"""Faults to plant: what the histories must find, or they prove nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

import booking.published
import booking.usecases.attend
import booking.usecases.confirm
import booking.usecases.move
import booking.usecases.settle_change
import booking.usecases.settle_guarantee
import payments.messages
from booking.domain.guarantee import Next
from booking.domain.money import Money
from chassis.messaging import dispatch
from payments.domain import payment as payment_rules
from payments.domain import refunds as refund_rules
from payments.domain.provider import Body
from payments.domain.snapshot import RefundStatus
from payments.providers.by_hand import ByHand
from payments.providers.paypal import answers as paypal_answers
from payments.providers.stripe import Stripe
from payments.providers.stripe import answers as stripe_answers
from payments.usecases import close, give_back, observe, record_dispute
from tests.histories.ways import WAYS, Way, way

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
    refund = payments.messages.give_back

    async def miserly(tx: Any, ask: Any, **more: Any) -> None:
        if ask.cause != "unfulfillable":
            await refund(tx, ask, **more)

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


def pending_is_taken_for_paid(patch: pytest.MonkeyPatch) -> None:
    """A capture that PayPal still looks into confirms the booking."""
    patch.setattr(paypal_answers, "_TAKEN", paypal_answers._TAKEN | {"PENDING"})


def a_debit_is_believed_when_it_is_sent(patch: pytest.MonkeyPatch) -> None:
    """What the bank has yet to answer counts as money."""
    patch.setitem(stripe_answers._FACTS, "processing", payment_rules.Fact.SUCCEEDED)


def late_money_for_a_change_is_kept(patch: pytest.MonkeyPatch) -> None:
    """The new place was given up, and what came for it stays."""
    told = booking.usecases.settle_change.published

    class Silent:
        def __getattr__(self, name: str) -> Any:
            return _nothing_due if name == "refund_due" else getattr(told, name)

    patch.setattr(booking.usecases.settle_change, "published", Silent())


def _nothing_due(held: Any, payment_id: Any, amount: Any, *more: Any) -> Any:
    nothing = Money(0, amount.currency)
    return booking.published.refund_due(held, payment_id, nothing, *more)


def a_cheaper_place_gives_nothing_back(patch: pytest.MonkeyPatch) -> None:
    """A guest who moves to a cheaper place has paid for the old one."""
    tell = booking.usecases.move.difference

    def stingy(held: Any, place: Any) -> Any:
        found = tell(held, place)
        return replace(found, back=Money(0, found.back.currency))

    patch.setattr(booking.usecases.move, "difference", stingy)


def what_a_dispute_moved_is_booked_once(patch: pytest.MonkeyPatch) -> None:
    """The money is booked as taken; that it came back is not seen."""
    book = record_dispute._book

    async def short_sighted(tx: Any, payment: Any, shown: Any) -> None:
        await book(tx, payment, replace(shown, moved=shown.moved[:1]))

    patch.setattr(record_dispute, "_book", short_sighted)


def an_undone_no_show_is_charged(patch: pytest.MonkeyPatch) -> None:
    """The fee's timer rings as it was set, and nobody looks what has become of the booking."""
    watch = booking.usecases.attend.watch_guarantee

    def only_when_missed(tx: Any, booked: Any) -> None:
        if booked.status == "no_show":
            watch(tx, booked)

    patch.setattr(booking.usecases.attend, "watch_guarantee", only_when_missed)
    patch.setattr(booking.usecases.settle_guarantee, "next_of", lambda *_: Next.CHARGE)


def the_platform_keeps_its_fee(patch: pytest.MonkeyPatch) -> None:
    """A refund does not ask for the platform's part."""
    draft = Stripe.draft_refund

    def greedy(self: Any, order: Any) -> Body:
        asked = {**draft(self, order)}
        asked.pop("refund_application_fee", None)
        return asked

    patch.setattr(Stripe, "draft_refund", greedy)


def what_is_owed_by_hand_counts_as_sent(patch: pytest.MonkeyPatch) -> None:
    """A refund that a person has yet to send is done."""
    owe = ByHand.refund

    async def hasty(self: Any, account: Any, body: Body, *, key: str) -> Any:
        owed = await owe(self, account, body, key=key)
        return replace(owed, status=RefundStatus.SUCCEEDED)

    patch.setattr(ByHand, "refund", hasty)


def what_bounced_counts_as_given(patch: pytest.MonkeyPatch) -> None:
    """A refund that failed still stands in the way of another."""

    def all_of_it(refunds: Any) -> int:
        return sum(refund.amount.amount_minor for refund in refunds)

    patch.setattr(refund_rules, "committed", all_of_it)


def a_partial_refund_is_the_last(patch: pytest.MonkeyPatch) -> None:
    """What staff gave back by request counts as all that a cancellation owes."""
    lack = give_back.lacking

    def content(goal: Any, taken: Any, *, for_changes: bool) -> Any:
        if any(refund.unasked for each in taken for refund in each.refunds):
            return Money(0, goal.currency)
        return lack(goal, taken, for_changes=for_changes)

    patch.setattr(give_back, "lacking", content)


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault, and the ways whose histories are to find it."""

    plant: Plant
    among: Sequence[Way] = WAYS


_CARD = (way("card"),)
PLANTED = (
    Planted(a_new_key_for_every_call),
    Planted(no_refund_of_late_money),
    Planted(a_payment_counts_twice),
    Planted(the_place_is_not_taken_again),
    Planted(nothing_is_cancelled_at_the_provider),
    Planted(money_after_the_end_is_ignored),
    Planted(half_is_given_back),
    Planted(pending_is_taken_for_paid, (way("paypal"),)),
    Planted(a_debit_is_believed_when_it_is_sent, (way("debit"),)),
    Planted(late_money_for_a_change_is_kept, (way("moves"),)),
    Planted(a_cheaper_place_gives_nothing_back, (way("moves"),)),
    Planted(what_a_dispute_moved_is_booked_once, _CARD),
    Planted(an_undone_no_show_is_charged, (way("guarantee"),)),
    Planted(the_platform_keeps_its_fee, (way("connect"),)),
    Planted(what_is_owed_by_hand_counts_as_sent, (way("by hand"),)),
    Planted(what_bounced_counts_as_given, _CARD),
    Planted(a_partial_refund_is_the_last, (way("connect"),)),
)
