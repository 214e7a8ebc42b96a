"""What PayPal answers, in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from payments.domain.failures import Failure
from payments.domain.money import Money
from payments.domain.payment import Fact
from payments.domain.provider import Unreached
from payments.domain.snapshot import RefundSnapshot, RefundStatus, Snapshot
from payments.providers.paypal import requests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TAKEN = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
_FAILED = frozenset({"DECLINED", "FAILED"})
_DISPUTED = frozenset({"BUYER_COMPLAINT", "CHARGEBACK"})
"""Why a capture that was complete may call itself pending or declined: its payer disputes it."""

_WAITING = frozenset({"CREATED", "SAVED", "PAYER_ACTION_REQUIRED", "APPROVED"})
_LINKS = ("payer-action", "approve")

_REFUNDS = {
    "COMPLETED": RefundStatus.SUCCEEDED,
    "FAILED": RefundStatus.FAILED,
    "CANCELLED": RefundStatus.FAILED,
    "PENDING": RefundStatus.PENDING,
}


def payment(data: Mapping[str, Any]) -> Snapshot:
    """An order, with what was captured of it.

    Raises:
        Unreached: not an order, or one in a state that nobody told us of.
    """
    try:
        [unit] = data["purchase_units"]
        captures = _captures(unit)
        wanted = requests.money(unit["amount"])
        taken = [one for one in captures if _is_taken(one)]
        fact, failure = _fact(data["status"], captures, taken=bool(taken))
        received = sum(requests.money(one["amount"]).amount_minor for one in taken)
        currency = requests.money(taken[0]["amount"]).currency if taken else wanted.currency
        return Snapshot(
            ref=data["id"],
            fact=fact,
            amount=wanted,
            received=Money(received, currency),
            metadata=_metadata(unit, captures),
            failure=failure,
            redirect_url=_link(data.get("links") or []),
            approved=data["status"] == "APPROVED" and fact is Fact.PREPARED,
            fee=_fee(taken),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreached("unreadable_answer") from None


def refunds(data: Mapping[str, Any]) -> list[RefundSnapshot]:
    """The refunds of an order; statuses we do not know count as pending, since money may move.

    Raises:
        Unreached: not an order.
    """
    try:
        [unit] = data["purchase_units"]
        found = (unit.get("payments") or {}).get("refunds") or []
        return [refund(one, data["id"]) for one in found]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreached("unreadable_answer") from None


def refund(data: Mapping[str, Any], order_id: str) -> RefundSnapshot:
    """One refund of an order.

    Raises:
        Unreached: not a refund.
    """
    try:
        status = _REFUNDS.get(data["status"], RefundStatus.PENDING)
        reason = (data.get("status_details") or {}).get("reason")
        failed = status is RefundStatus.FAILED
        return RefundSnapshot(
            ref=data["id"],
            status=status,
            amount=requests.money(data["amount"]),
            metadata=requests.refund_ids(data.get("custom_id")),
            failure_code=(reason or data["status"]) if failed else None,
            payment_ref=order_id,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreached("unreadable_answer") from None


def capture_of(data: Mapping[str, Any]) -> str | None:
    """The capture that holds an order's money; None: nothing was taken."""
    try:
        [unit] = data["purchase_units"]
        return next((str(one["id"]) for one in _captures(unit) if _is_taken(one)), None)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreached("unreadable_answer") from None


def made_here(data: Mapping[str, Any]) -> bool:
    """Whether an order is of the form that we give ours, and carries our ids."""
    units = data.get("purchase_units")
    if not isinstance(units, list) or len(units) != 1 or not isinstance(units[0], dict):
        return False
    return bool(requests.payment_ids(units[0].get("custom_id")))


def _captures(unit: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = (unit.get("payments") or {}).get("captures") or []
    return found


def _is_taken(capture: Mapping[str, Any]) -> bool:
    """Whether its money was taken; what became of it since is told by refunds and disputes."""
    reason = (capture.get("status_details") or {}).get("reason")
    return capture["status"] in _TAKEN or reason in _DISPUTED


def _fact(
    status: str, captures: Sequence[Mapping[str, Any]], *, taken: bool
) -> tuple[Fact, Failure | None]:
    """Money first: what was taken or is under way decides, whatever the order calls itself."""
    if taken:
        return Fact.SUCCEEDED, None
    if any(one["status"] == "PENDING" for one in captures):
        return Fact.PROCESSING, None
    if status in _WAITING:
        return Fact.PREPARED, None
    last = captures[-1] if captures else None
    if last is not None and last["status"] in _FAILED:
        # The order is over with it; only another order could be paid.
        reason = (last.get("status_details") or {}).get("reason")
        return Fact.REFUSED, Failure(f"CAPTURE_{last['status']}", reason, last["id"])
    if status == "VOIDED":
        return Fact.CANCELLED, None
    raise ValueError(status)


def _metadata(unit: Mapping[str, Any], captures: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    named = unit.get("custom_id") or (captures[0].get("custom_id") if captures else None)
    attempt = unit.get("reference_id")
    return {
        **requests.payment_ids(named),
        **({"attempt_id": attempt} if isinstance(attempt, str) else {}),
    }


def _link(links: Sequence[Mapping[str, Any]]) -> str | None:
    """Where the customer agrees."""
    return next((str(one["href"]) for one in links if one.get("rel") in _LINKS), None)


def _fee(taken: Sequence[Mapping[str, Any]]) -> Money | None:
    told = [(one.get("seller_receivable_breakdown") or {}).get("paypal_fee") for one in taken]
    fees = [requests.money(fee) for fee in told if fee]
    if not fees:
        return None
    return Money(sum(fee.amount_minor for fee in fees), fees[0].currency)
