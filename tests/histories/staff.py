"""What staff do: see money come, give it back, try again what failed, move guests, miss them."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import aiohttp

from booking.domain.refusals import Refusal
from booking.usecases import attend
from booking.usecases.charge_fee_again import ChargeAgain, charge_fee_again
from booking.usecases.reschedule import Reschedule, reschedule
from chassis.problems import Problem
from payments.domain.refunds import Request
from payments.domain.statements import Statement
from payments.problems import MoreThanLeft
from payments.usecases.mark_paid import mark_paid
from payments.usecases.mark_returned import mark_returned
from payments.usecases.refund_payment import Recorded, RefundPayment, refund_payment
from tests.histories.guests import over

if TYPE_CHECKING:
    from tests.histories.history import History

_PAID = """
SELECT id, booking_id, provider, coalesce(money_ref, provider_ref) AS ref, captured_minor
FROM payments
WHERE booking_id = ANY($1) AND status = 'succeeded' AND captured_minor > 0 ORDER BY id
"""
# The last try of each refund none of whose tries came to anything or is under way.
_FAILED = """
SELECT DISTINCT ON (r.payment_id, split_part(r.cause, '#', 1)) r.id, r.booking_id, r.payment_id,
       count(*) OVER (PARTITION BY r.payment_id, split_part(r.cause, '#', 1)) AS tries
FROM refunds r WHERE r.booking_id = ANY($1) AND NOT EXISTS (
    SELECT FROM refunds o
    WHERE o.payment_id = r.payment_id AND o.status <> 'failed'
      AND split_part(o.cause, '#', 1) = split_part(r.cause, '#', 1))
ORDER BY r.payment_id, split_part(r.cause, '#', 1), r.id DESC
"""
_TRIES = 5
"""After so many staff know that this provider will not give it back."""


async def refund_at_provider(history: "History") -> None:
    """Staff see money that is not theirs any more, and give it back on the provider's pages."""
    paid = await history.lane.payments.admin.fetch(_PAID, await over(history))
    if not paid or history.way.by_hand:
        return
    chosen = history.rng.choice(paid)
    try:
        if history.way.at_paypal:
            answer = await _back_at_paypal(history, chosen["ref"])
        else:
            form = {"payment_intent": chosen["ref"]}
            answer = await history.lane.stripe.call("POST", "/v1/refunds", form=form)
    except aiohttp.ClientError:
        answer = {"status": "no answer"}
    how = answer.get("status") or answer.get("name") or answer["error"].get("code")
    history.by_hand_there = True
    history.note(f"{history.guest(chosen['booking_id'])} refunded at the provider: {how}")


async def _back_at_paypal(history: "History", order: str) -> Any:
    shown = await history.lane.paypal.control("GET", f"orders/{order}")
    [unit] = shown["purchase_units"]
    for capture in unit.get("payments", {}).get("captures", []):
        path = f"captures/{capture['id']}/refund"
        return await history.lane.paypal.control("POST", path)
    return {"status": "nothing was taken"}


async def give_back(history: "History") -> None:
    """Some of a guest's money goes back, or all that is left; first what failed before."""
    if await try_again(history):
        return
    paid = await history.lane.payments.admin.fetch(_PAID, history.bookings)
    if not paid:
        return
    chosen = history.rng.choice(paid)
    amount = history.rng.choice((500, 1500, 2000, None))
    release = history.rng.random() < 0.5
    given = await _refund(history, chosen["id"], amount=amount, release=release)
    if isinstance(given, Recorded):
        back = given.refund.amount.amount_minor
        history.granted[chosen["booking_id"]] = history.granted.get(chosen["booking_id"], 0) + back
    said = given.refund.amount if isinstance(given, Recorded) else given.code
    history.note(f"staff give {history.guest(chosen['booking_id'])} back {amount}: {said}")


async def try_again(history: "History") -> bool:
    """Every refund that failed; whether there was any to try."""
    tried = False
    for row in await history.lane.payments.admin.fetch(_FAILED, history.bookings):
        if row["tries"] >= _TRIES:
            continue
        given = await _refund(history, row["payment_id"], retry_of=row["id"])
        if isinstance(given, MoreThanLeft) and row["booking_id"] in await over(history):
            given = await _refund(history, row["payment_id"])
        if isinstance(given, Recorded):
            tried = True
            history.note(f"staff try a refund of {history.guest(row['booking_id'])} again")
    return tried


async def _refund(
    history: "History",
    payment_id: UUID,
    *,
    amount: int | None = None,
    retry_of: UUID | None = None,
    release: bool = False,
) -> Recorded | Problem:
    """The refund, or why there is none; asked for again with its key if nobody answered."""
    command = RefundPayment(
        payment_id=payment_id,
        amount_minor=amount,
        retry_of=retry_of,
        request=Request("user:staff", "asked for", uuid4().hex, b"same", release_place=release),
    )
    providers = history.lane.desk.providers
    try:
        given: Recorded = await history.at_desk(
            lambda tx: refund_payment(tx, command, providers=providers)
        )
    except Problem as no:
        return no
    return given


# Money by hand


async def see_money(history: "History") -> None:
    """Staff say that an envelope has come; now and then they say it twice."""
    waiting = [one for one in history.hands.sent if one not in history.seen]
    pool = waiting or list(history.seen)
    if not pool or (not waiting and history.rng.random() < 0.8):
        return
    payment_id = history.rng.choice(pool)
    booking_id, _ = history.hands.sent[payment_id]
    providers = history.lane.desk.providers
    await history.at_desk(
        lambda tx: mark_paid(
            tx, booking_id, payment_id, said=Statement("user:staff"), providers=providers
        )
    )
    history.seen.append(payment_id)
    history.note(f"staff have the envelope of {history.guest(booking_id)}")


async def send_back(history: "History") -> bool:
    """Staff send what is owed and say so; whether anything was."""
    owed = await history.lane.payments.admin.fetch(
        "SELECT id, payment_id, booking_id, amount_minor FROM refunds "
        "WHERE booking_id = ANY($1) AND status = 'pending' AND provider_ref IS NOT NULL "
        "ORDER BY id",
        history.bookings,
    )
    if not owed or not history.way.by_hand:
        return False
    chosen = history.rng.choice(owed)
    history.hands.returned[chosen["id"]] = (chosen["payment_id"], chosen["amount_minor"])
    providers = history.lane.desk.providers
    await history.at_desk(
        lambda tx: mark_returned(
            tx, chosen["id"], said=Statement("user:staff"), providers=providers
        )
    )
    history.note(f"staff sent {history.guest(chosen['booking_id'])} {chosen['amount_minor']}")
    return True


# The day itself


async def the_day_comes(history: "History") -> None:
    """It has begun; the first time this is drawn."""
    by = history.starts_at - await history.lane.now()
    if by.total_seconds() > 0:
        await history.advance(by)
        history.note("the day comes")


async def attend_to(history: "History") -> None:
    """A guest comes, or does not, or staff were wrong about it."""
    if not history.bookings:
        return
    what = history.rng.choice(
        (
            attend.mark_no_show,
            attend.mark_no_show,
            attend.mark_no_show,
            attend.undo,
            attend.check_in,
        )
    )
    booking_id = history.rng.choice(history.bookings)
    with suppress(Refusal):
        await history.at_booking(
            lambda tx: what(tx, attend.Attend(booking_id=booking_id, actor="staff"))
        )
        history.note(f"{history.guest(booking_id)}: {what.__name__}")


async def charge_again(history: "History") -> None:
    """Staff have a fee tried once more."""
    if not history.bookings:
        return
    booking_id = history.rng.choice(history.bookings)
    vault = history.lane.shop.vault
    command = ChargeAgain(booking_id=booking_id, actor="staff", reason="they called")
    with suppress(Refusal):
        await history.at_booking(lambda tx: charge_fee_again(tx, command, vault=vault))
        history.note(f"the fee of {history.guest(booking_id)} is tried again")


# Other places


async def move(history: "History") -> None:
    """A guest is moved to a place that costs something else, or back."""
    if not history.bookings:
        return
    booking_id = history.rng.choice(history.bookings)
    target = history.rng.choice(list(history.sessions))
    command = Reschedule(
        booking_id=booking_id, session_id=target, actor="staff", reason="they called"
    )
    try:
        moved = await history.at_booking(lambda tx: reschedule(tx, command, shop=history.lane.shop))
    except Refusal as no:
        history.note(f"{history.guest(booking_id)} is not moved: {no.code}")
        return
    history.note(
        f"{history.guest(booking_id)} to {history.sessions[target]}: {moved.change.state}, "
        f"due {moved.change.due.amount_minor}, back {moved.refund.amount_minor}"
    )
