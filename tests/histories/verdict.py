"""What a history came to: the services' books against the sandbox's, which is the truth."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from tests.histories.history import History, Violation
from tests.histories.lane import PRICE


class End(StrEnum):
    """The only ways a booking may end."""

    PAID = "confirmed and paid"
    FREE = "nothing charged"
    REFUNDED = "everything refunded"


async def judge(history: History) -> list[End]:
    """How each booking ended.

    Raises:
        Violation: one ended otherwise, or somebody's books are wrong.
    """
    books, truth = await _books(history), await history.lane.stripe.about(history.bookings)
    ends = []
    for booking_id in history.bookings:
        mine = [one for one in truth if one["metadata"]["booking_id"] == str(booking_id)]
        ends.append(_end(books["bookings"][booking_id], mine))
        _payments_agree(booking_id, books, mine)
    if await history.lane.stripe.open_pages(history.bookings):
        raise Violation("a page could still be paid at")
    _only_one_has_the_place(books, ends)
    _nothing_is_left(books)
    return ends


def _end(booking: dict[str, Any], intents: list[Any]) -> End:
    received = sum(one["amount_received"] for one in intents)
    refunded = sum(_returned(one) for one in intents)
    status, money = booking["status"], booking["payment_status"]
    over = status in {"cancelled", "expired", "payment_failed", "unfulfillable"}
    true = [
        end
        for end, holds in {
            End.PAID: status == "confirmed"
            and money == "paid"
            and (received, refunded) == (PRICE, 0)
            and booking["amount_paid"] == PRICE,
            End.FREE: over
            and received == 0
            and booking["amount_paid"] == 0
            and all(one["status"] == "canceled" for one in intents),
            End.REFUNDED: over and received > 0 and refunded == received,
        }.items()
        if holds
    ]
    if len(true) != 1:
        shown = [(one["status"], one["amount_received"], _returned(one)) for one in intents]
        raise Violation(f"a booking is {status}, {money}; its money: {shown}")
    if booking["amount_paid"] and (refunded != booking["amount_refunded"]):
        raise Violation(f"booking knows of {booking['refunded_minor']} refunded, not {refunded}")
    return true[0]


def _payments_agree(booking_id: UUID, books: dict[str, Any], intents: list[Any]) -> None:
    payments = {p["id"]: p for p in books["payments"] if p["booking_id"] == booking_id}
    attempts = {str(a["id"]): a for a in books["attempts"]}
    unknown = {id_: payment for id_, payment in payments.items() if payment["captured_minor"]}
    for intent in intents:
        payment = payments.get(UUID(intent["metadata"]["payment_id"]))
        attempt = attempts.get(intent["metadata"]["attempt_id"])
        if payment is None or attempt is None or attempt["kind"] != "create":
            raise Violation("money was asked for without a stored intent")
        if intent["id"] not in (payment["provider_ref"], payment["money_ref"]):
            raise Violation("Stripe holds a second payment for the same")
        unknown.pop(payment["id"], None)
        succeeded = intent["status"] == "succeeded"
        columns = (payment["status"] == "succeeded", payment["captured_minor"] or 0)
        if columns != (succeeded, intent["amount_received"]):
            raise Violation(f"payment {columns}, Stripe {intent['status']}")
        if payment["refunded_minor"] != _returned(intent):
            raise Violation(f"refunded {payment['refunded_minor']}, not {_returned(intent)}")
        _refunds_agree(books, payment, intent, attempts)
        _ledger_agrees(books["ledger"], payment, intent)
    if unknown:
        raise Violation("a payment captured what Stripe does not know of")


def _refunds_agree(
    books: dict[str, Any], payment: dict[str, Any], intent: Any, attempts: dict[str, Any]
) -> None:
    ours = {r["provider_ref"]: r for r in books["refunds"] if r["payment_id"] == payment["id"]}
    for refund in intent["refunds"]:
        row = ours.pop(refund["id"], None)
        if row is None or (row["amount_minor"], row["status"]) != (
            refund["amount"],
            refund["status"],
        ):
            raise Violation("Stripe made a refund that we have otherwise")
        by_us = refund["metadata"].get("attempt_id")
        if by_us is not None and by_us not in attempts:
            raise Violation("money went back without a stored intent")
    if any(row["status"] != "failed" for row in ours.values()):
        raise Violation("a refund is written down that Stripe did not make")


def _ledger_agrees(ledger: list[dict[str, Any]], payment: dict[str, Any], intent: Any) -> None:
    moved = dict.fromkeys(("captured", "refunded", "refund_bounced"), 0)
    for row in ledger:
        if row["payment_id"] == payment["id"] and row["kind"] in moved:
            moved[row["kind"]] += row["amount_minor"]
    booked = (moved["captured"], moved["refunded"] - moved["refund_bounced"])
    if booked != (intent["amount_received"], _returned(intent)):
        raise Violation(f"the ledger has {booked}, Stripe {intent['amount_received']}")


def _only_one_has_the_place(books: dict[str, Any], ends: list[End]) -> None:
    live = ends.count(End.PAID)
    if live > 1 or books["taken"] != live:
        raise Violation(f"{live} bookings are confirmed for one place; {books['taken']} is taken")


def _nothing_is_left(books: dict[str, Any]) -> None:
    if books["parked"]:
        raise Violation(f"parked: {books['parked']}")
    # A refund that a person made before us is the one thing that we may be refused.
    by_hand = any(r["cause"].startswith("provider:") for r in books["refunds"])
    if books["intents"] and not by_hand:
        raise Violation(f"calls given up: {books['intents']}")


def _returned(intent: Any) -> int:
    return sum(one["amount"] for one in intent["refunds"] if one["status"] == "succeeded")


async def _books(history: History) -> dict[str, Any]:
    booking, payments = history.lane.booking.admin, history.lane.payments.admin
    ids = history.bookings
    theirs = "SELECT id FROM payments WHERE booking_id = ANY($1)"
    rows = {
        "payments": await payments.fetch("SELECT * FROM payments WHERE booking_id = ANY($1)", ids),
        "attempts": await payments.fetch(
            f"SELECT * FROM attempts WHERE payment_id IN ({theirs})", ids
        ),
        "refunds": await payments.fetch(
            f"SELECT * FROM refunds WHERE payment_id IN ({theirs})", ids
        ),
        "ledger": await payments.fetch("SELECT * FROM ledger WHERE booking_id = ANY($1)", ids),
        "intents": await payments.fetch("SELECT kind, state, error FROM messaging.intents"),
        "parked": [
            row
            for admin in (booking, payments)
            for row in await admin.fetch("SELECT type, error FROM messaging.parked")
        ],
    }
    bookings = await booking.fetch("SELECT * FROM bookings WHERE id = ANY($1)", ids)
    return {
        **{name: [dict(row) for row in found] for name, found in rows.items()},
        "bookings": {row["id"]: dict(row) for row in bookings},
        "taken": await booking.fetchval(
            "SELECT taken FROM sessions WHERE id = $1", history.session_id
        ),
    }
