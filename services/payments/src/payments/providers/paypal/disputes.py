"""PayPal's disputes in our words, with the money that each has moved."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from payments.domain.disputes import DisputeSnapshot, Moved, Status
from payments.domain.money import Money
from payments.domain.provider import Unreached
from payments.domain.snapshot import RefundStatus
from payments.providers.paypal import answers, requests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INQUIRY = "INQUIRY"
"""The stage in which the payer and the seller talk, and PayPal does not decide."""

_OPEN = {
    "OPEN": Status.NEEDS_RESPONSE,
    "WAITING_FOR_SELLER_RESPONSE": Status.NEEDS_RESPONSE,
    "WAITING_FOR_BUYER_RESPONSE": Status.UNDER_REVIEW,
    "UNDER_REVIEW": Status.UNDER_REVIEW,
    "OTHER": Status.UNDER_REVIEW,
}
_OUTCOMES = {
    "RESOLVED_SELLER_FAVOUR": Status.WON,
    "RESOLVED_WITH_PAYOUT": Status.WON,  # PayPal pays the payer, not the seller
    "CANCELED_BY_BUYER": Status.WON,
    "DENIED": Status.WON,
    "RESOLVED_BUYER_FAVOUR": Status.LOST,
    "ACCEPTED": Status.LOST,
}


def capture_of(data: Mapping[str, Any]) -> str:
    """The capture that a dispute is about.

    Raises:
        Unreached: not a dispute.
    """
    try:
        return str(data["disputed_transactions"][0]["seller_transaction_id"])
    except (KeyError, TypeError, IndexError):
        raise Unreached("unreadable_answer") from None


def dispute(data: Mapping[str, Any], order: Mapping[str, Any]) -> DisputeSnapshot:
    """A dispute about a capture of an order.

    Raises:
        Unreached: not a dispute, or one in a state that nobody told us of.
    """
    try:
        opened_at = datetime.fromisoformat(data["create_time"])
        due = data.get("seller_response_due_date")
        moves = _sellers(data)
        return DisputeSnapshot(
            ref=data["dispute_id"],
            payment_ref=order["id"],
            status=_status(data, moves),
            reason=data["reason"],
            amount=requests.money(data["dispute_amount"]),
            respond_by=datetime.fromisoformat(due) if due else None,
            opened_at=opened_at,
            moved=_moved(data["dispute_id"], moves, _refunds_since(order, opened_at)),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreached("unreadable_answer") from None


def _status(data: Mapping[str, Any], moves: Sequence[Mapping[str, Any]]) -> Status:
    asks = data.get("dispute_life_cycle_stage") == _INQUIRY
    if data["status"] != "RESOLVED":
        return Status.INQUIRY if asks else _OPEN[data["status"]]
    code = str((data.get("dispute_outcome") or {}).get("outcome_code"))
    # What says nothing of who was right, such as NONE, is read from who has the money.
    lost = sum(_signed(one) for one in moves if not _is_fee(one)) < 0
    status = _OUTCOMES.get(code, Status.LOST if lost else Status.WON)
    return Status.INQUIRY_CLOSED if asks and status is Status.WON else status


def _sellers(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What the dispute did to the seller's balance, in order."""
    found = data.get("money_movements") or []
    return [one for one in found if one["affected_party"] == "SELLER"]


def _moved(
    dispute_id: str, moves: Sequence[Mapping[str, Any]], refunds: Counter[Money]
) -> list[Moved]:
    """Each movement once. A settlement that was paid by a refund of the order is that refund.

    Movements have no ids: they are told apart by when and why, and by their order where even that
    is the same.
    """
    seen: Counter[str] = Counter()
    moved = []
    for one in moves:
        name = f"{dispute_id}:{one.get('initiated_time')}:{one['type']}:{one['reason']}"
        seen[name] += 1
        amount = requests.money(one["amount"])
        if one["type"] == "DEBIT" and not _is_fee(one) and refunds[amount]:
            refunds[amount] -= 1
            continue
        ref = name if seen[name] == 1 else f"{name}:{seen[name]}"
        if _is_fee(one):
            moved.append(Moved(ref, Money(0, amount.currency), -_signed(one)))
        else:
            moved.append(Moved(ref, Money(_signed(one), amount.currency), 0))
    return moved


def _refunds_since(order: Mapping[str, Any], opened_at: datetime) -> Counter[Money]:
    """What went back by refunds that we did not ask for, since the dispute was opened."""
    [unit] = order["purchase_units"]
    found = (unit.get("payments") or {}).get("refunds") or []
    since = opened_at - timedelta(seconds=1)  # refunds tell whole seconds
    made = [
        answers.refund(one, order["id"])
        for one in found
        if datetime.fromisoformat(one["create_time"]) >= since
    ]
    return Counter(
        one.amount for one in made if not one.metadata and one.status is not RefundStatus.FAILED
    )


def _is_fee(movement: Mapping[str, Any]) -> bool:
    return str(movement["reason"]).endswith("FEE")


def _signed(movement: Mapping[str, Any]) -> int:
    """In minor units; what the seller lost is negative."""
    amount = requests.money(movement["amount"]).amount_minor
    return {"DEBIT": -amount, "CREDIT": amount}[movement["type"]]
