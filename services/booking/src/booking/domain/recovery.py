"""Paid, but without a place: where the refund stands, and what staff can still do (FBK-01..05)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from booking.domain.money import Money


class RefundState(StrEnum):
    """Where the refund of a booking without a place stands."""

    PENDING = "pending"
    FAILED = "failed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


def refund_state(paid: Money, refunded: Money, *, refused: bool) -> RefundState:
    """``refused``: the last thing heard of the refund is that it failed, and none is on its way."""
    if refunded == paid:
        return RefundState.REFUNDED
    if refused:
        return RefundState.FAILED
    if refunded.amount_minor > 0:
        return RefundState.PARTIALLY_REFUNDED
    return RefundState.PENDING
