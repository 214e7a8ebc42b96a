"""What a history came to: the services' books against what the providers hold, which is the truth."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from tests.histories.history import History, Violation
from tests.histories.outside import Holding
from tests.histories.ways import FEE, PERCENT, PRICES

Row = dict[str, Any]

_OVER = frozenset({"cancelled", "expired", "payment_failed", "unfulfillable"})
_LIVE = frozenset({"confirmed", "checked_in", "no_show"})
_DISPUTES = {
    "won": "won",
    "lost": "lost",
    "warning_closed": "inquiry_closed",
}


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
    books, truth = await _books(history), await _truth(history)
    ends = []
    for booking_id, booking in books.bookings.items():
        mine = [one for one in truth if one.names["booking_id"] == str(booking_id)]
        ends.append(_end(history, booking, books, mine))
        _payments_agree(history, booking_id, books, mine)
    if any(one.open for one in truth):
        raise Violation("something could still be paid")
    if await _open_pages(history):
        raise Violation("a page could still be paid at")
    _places_are_as_bookings_say(history, books)
    _all_is_in_the_ledger(books, truth)
    _nothing_is_left(history, books, truth)
    return ends


class _Books:
    """What the services have on record of one history."""

    def __init__(self, rows: Mapping[str, Sequence[Row]], taken: Mapping[UUID, int]) -> None:
        self.bookings = {row["id"]: row for row in rows["bookings"]}
        self.payments = {row["id"]: row for row in rows["payments"]}
        self.attempts = {str(row["id"]): row for row in rows["attempts"]}
        self.refunds = rows["refunds"]
        self.disputes = rows["disputes"]
        self.ledger = rows["ledger"]
        self.intents = rows["intents"]
        self.parked = rows["parked"]
        self.fees = {row["booking_id"]: row for row in rows["fees"]}
        self.taken = taken

    def moved(self, *payments: UUID) -> dict[str, int]:
        """What the ledger says of these payments, by the kind of movement."""
        moved: dict[str, int] = {}
        for row in self.ledger:
            if row["payment_id"] in payments:
                moved[row["kind"]] = moved.get(row["kind"], 0) + row["amount_minor"]
        return moved


def _end(history: History, booking: Row, books: _Books, held: Sequence[Holding]) -> End:
    received = sum(one.received for one in held)
    returned = sum(one.returned for one in held)
    lost = sum(one.lost for one in held)
    status, granted = booking["status"], history.granted.get(booking["id"], 0)
    fee = _fee(history, booking, books)
    due = PRICES[history.sessions[booking["session_id"]]] + fee
    true = [
        end
        for end, holds in {
            # What a bank took back cannot be given back as well.
            End.PAID: status in _LIVE
            and (received == 0 or returned < received)
            and due - min(granted, due) <= received - returned <= due + lost
            and (granted or lost or received - returned == due),
            End.FREE: status in _OVER and received == 0 and booking["amount_paid"] == 0,
            End.REFUNDED: 0 < received <= returned + (lost if status in _OVER else 0)
            and returned <= received
            and (status in _OVER or granted >= due),
        }.items()
        if holds
    ]
    shown = (
        f"{status}, {booking['payment_status']}; due {due}, granted {granted}; its money: "
        + str([(one.received, one.returned, one.lost) for one in held])
    )
    if len(true) != 1:
        raise Violation(f"a booking is {shown}")
    _knows_its_money(history, booking, received - returned, shown)
    return true[0]


def _fee(history: History, booking: Row, books: _Books) -> int:
    """What a guest who did not come owes besides: all of it or nothing."""
    fee = books.fees.get(booking["id"])
    if fee is None:
        if booking["status"] == "no_show":
            raise Violation("nobody asked a guest who did not come for the fee")
        return 0
    if booking["status"] not in {"no_show", "cancelled"}:
        raise Violation(f"a fee is {fee['state']}, and the booking {booking['status']}")
    if fee["state"] not in {"charged", "given_up"}:
        raise Violation(f"a fee is still {fee['state']}")
    return FEE if fee["state"] == "charged" else 0


def _knows_its_money(history: History, booking: Row, kept: int, shown: str) -> None:
    """A booking that counts money as its own knows what of it is still there."""
    if booking["amount_paid"] and booking["amount_paid"] - booking["amount_refunded"] != kept:
        paid, back = booking["amount_paid"], booking["amount_refunded"]
        raise Violation(f"a booking thinks of {paid} paid, {back} back: {shown}")
    if history.way.price and booking["status"] in _LIVE and not booking["amount_paid"]:
        raise Violation(f"a booking does not know that it is paid: {shown}")


def _payments_agree(
    history: History, booking_id: UUID, books: _Books, held: Sequence[Holding]
) -> None:
    payments = {id_: p for id_, p in books.payments.items() if p["booking_id"] == booking_id}
    unknown = {id_: p for id_, p in payments.items() if p["captured_minor"]}
    for one in held:
        payment = payments.get(UUID(one.names["payment_id"]))
        attempt = books.attempts.get(one.names["attempt_id"])
        if payment is None or attempt is None or attempt["kind"] != "create":
            raise Violation("money was asked for without a stored intent")
        if one.ref not in (payment["provider_ref"], payment["money_ref"]):
            raise Violation("the provider holds a second payment for the same")
        unknown.pop(payment["id"], None)
        columns = (payment["status"] == "succeeded", payment["captured_minor"] or 0)
        if columns != (one.succeeded, one.received):
            raise Violation(f"payment {columns}, the provider {one.succeeded, one.received}")
        if payment["refunded_minor"] != one.returned:
            raise Violation(f"refunded {payment['refunded_minor']}, not {one.returned}")
        _refunds_agree(books, payment, one)
        _disputes_agree(books, payment, one)
        _ledger_agrees(books.moved(payment["id"]), one)
        _shared_as_agreed(history, one)
    if unknown:
        raise Violation("a payment captured what its provider does not know of")
    over = books.bookings[booking_id]["status"] in _OVER
    if over and any(payment["customer_ref"] for payment in payments.values()):
        raise Violation("a card is kept of which nothing will be taken any more")


def _refunds_agree(books: _Books, payment: Row, held: Holding) -> None:
    ours = {r["provider_ref"]: r for r in books.refunds if r["payment_id"] == payment["id"]}
    for back in held.backs:
        row = ours.pop(back.ref, None)
        if row is None or (row["amount_minor"], row["status"]) != (back.amount, back.status):
            raise Violation(f"we have a refund otherwise than its provider: {back}")
        if back.attempt is not None and back.attempt not in books.attempts:
            raise Violation("money went back without a stored intent")
    if any(row["status"] != "failed" for row in ours.values()):
        raise Violation("a refund is written down that nobody made")


def _disputes_agree(books: _Books, payment: Row, held: Holding) -> None:
    ours = {
        d["provider_ref"]: d["status"] for d in books.disputes if d["payment_id"] == payment["id"]
    }
    theirs = {claim.ref: _DISPUTES.get(claim.status) for claim in held.claims}
    if ours != theirs:
        raise Violation(f"disputes {ours}, the provider {theirs}")


def _ledger_agrees(moved: Mapping[str, int], held: Holding) -> None:
    booked = {
        "captured": moved.get("captured", 0),
        "returned": moved.get("refunded", 0) - moved.get("refund_bounced", 0),
        "taken": moved.get("dispute_withdrawn", 0),
        "reinstated": moved.get("dispute_reinstated", 0),
        "dispute fees": moved.get("dispute_fee", 0),
        "platform's fee": moved.get("platform_fee", 0),
        "of it returned": moved.get("platform_fee_returned", 0),
    }
    true = {
        "captured": held.received,
        "returned": held.returned,
        "taken": sum(claim.taken for claim in held.claims),
        "reinstated": sum(claim.reinstated for claim in held.claims),
        "dispute fees": sum(claim.fee for claim in held.claims),
        "platform's fee": held.share.fee if held.share else 0,
        "of it returned": held.share.fee_returned if held.share else 0,
    }
    if booked != true:
        raise Violation(f"the ledger has {booked}, the provider {true}")


def _all_is_in_the_ledger(books: _Books, truth: Sequence[Holding]) -> None:
    """In sum: what came in and was not given or taken back."""
    moved = books.moved(*books.payments)
    kept = moved.get("captured", 0) + moved.get("refund_bounced", 0) - moved.get("refunded", 0)
    kept += moved.get("dispute_reinstated", 0) - moved.get("dispute_withdrawn", 0)
    if kept != sum(one.received - one.returned - one.lost for one in truth):
        raise Violation(f"the ledger sums to {kept}")


def _shared_as_agreed(history: History, held: Holding) -> None:
    if (held.share is not None) is not (history.way.connected and held.received > 0):
        raise Violation(f"a charge is shared: {held.share}")
    if held.share is None:
        return
    if held.share.destination != history.lane.destination:
        raise Violation("a charge is somebody else's")
    if held.share.fee != held.received * PERCENT // 100:
        raise Violation(f"the platform keeps {held.share.fee} of {held.received}")
    # Of what came back after it bounced, transfer and fee stay returned.
    by_us = sum(back.amount for back in held.backs if back.attempt is not None)
    settled = all(back.status == "succeeded" for back in held.backs)
    if settled and by_us == held.returned and held.share.reversed != held.returned:
        raise Violation(f"{held.share.reversed} came back of {held.returned}")
    if settled and by_us == held.received and held.share.fee_returned != held.share.fee:
        raise Violation(f"of a fee of {held.share.fee}, {held.share.fee_returned} went back")


def _places_are_as_bookings_say(history: History, books: _Books) -> None:
    for session_id in history.sessions:
        live = [
            one["id"]
            for one in books.bookings.values()
            if one["session_id"] == session_id and one["status"] in _LIVE
        ]
        taken = books.taken[session_id]
        if len(live) > 1 or taken != len(live):
            raise Violation(f"{len(live)} bookings have one place; {taken} is taken")


def _nothing_is_left(history: History, books: _Books, truth: Iterable[Holding]) -> None:
    if books.parked:
        raise Violation(f"parked: {books.parked}")
    # What a person gave back before us, or a bank took, is what we may be refused.
    disputed = any(one.claims for one in truth)
    if books.intents and not (history.by_hand_there or disputed):
        raise Violation(f"calls given up: {books.intents}")


async def _truth(history: History) -> list[Holding]:
    lane, bookings = history.lane, history.bookings
    if history.way.at_paypal:
        return await lane.paypal.holdings(bookings)
    if history.way.by_hand:
        asked = await lane.payments.admin.fetch(
            "SELECT id, payment_id FROM attempts WHERE kind = 'create' AND payment_id = ANY($1)",
            list(history.hands.sent),
        )
        return history.hands.holdings({row["payment_id"]: str(row["id"]) for row in asked})
    cards = await lane.stripe.cards(bookings) if history.way.guaranteed else []
    return cards + await lane.stripe.holdings(bookings)


async def _open_pages(history: History) -> int:
    if history.way.method != "checkout":
        return 0
    return await history.lane.stripe.open_pages(history.bookings)


async def _books(history: History) -> _Books:
    booking, payments = history.lane.booking.admin, history.lane.payments.admin
    ids = history.bookings
    theirs = "SELECT id FROM payments WHERE booking_id = ANY($1)"
    rows = {
        "bookings": await booking.fetch("SELECT * FROM bookings WHERE id = ANY($1)", ids),
        "fees": await booking.fetch("SELECT * FROM no_show_fees WHERE booking_id = ANY($1)", ids),
        "payments": await payments.fetch("SELECT * FROM payments WHERE booking_id = ANY($1)", ids),
        "attempts": await payments.fetch(
            f"SELECT * FROM attempts WHERE payment_id IN ({theirs})", ids
        ),
        "refunds": await payments.fetch(
            f"SELECT * FROM refunds WHERE payment_id IN ({theirs})", ids
        ),
        "disputes": await payments.fetch(
            f"SELECT * FROM disputes WHERE payment_id IN ({theirs})", ids
        ),
        "ledger": await payments.fetch("SELECT * FROM ledger WHERE booking_id = ANY($1)", ids),
        "intents": await payments.fetch(
            "SELECT kind, error FROM messaging.intents WHERE state = 'failed'"
        ),
        "parked": [
            row
            for admin in (booking, payments)
            for row in await admin.fetch("SELECT type, error FROM messaging.parked")
        ],
    }
    taken = await booking.fetch(
        "SELECT id, taken FROM sessions WHERE id = ANY($1)", list(history.sessions)
    )
    return _Books(
        {name: [dict(row) for row in found] for name, found in rows.items()},
        {row["id"]: row["taken"] for row in taken},
    )
