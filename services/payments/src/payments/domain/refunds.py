"""How much may go back, and what becomes of a refund."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from payments.domain.money import Money
from payments.domain.payment import Payment
from payments.domain.snapshot import RefundStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A refund that succeeded may still bounce days later; a failed one stays failed.
TRANSITIONS: Mapping[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.PENDING: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back, or returned. `cause` is unique within a payment: one refund each."""

    id: UUID
    org_id: UUID
    booking_id: UUID
    payment_id: UUID
    cause: str
    amount: Money
    status: RefundStatus = RefundStatus.PENDING
    provider_ref: str | None = None
    failure_code: str | None = None

    def may_become(self, status: RefundStatus) -> bool:
        """Whether a look at the provider that shows `status` tells something new."""
        return status in TRANSITIONS[self.status]


def refusal(captured: Money | None, refunds: Iterable[Refund], wanted: Money) -> str | None:
    """Why `wanted` may not go back on top of the refunds already made or under way, or None."""
    if captured is None:
        return "nothing_captured"
    if wanted.currency != captured.currency:
        return "currency_mismatch"
    if wanted.amount_minor > captured.amount_minor - _committed(refunds):
        return "over_refund"
    return None


def shares(wanted: Money, taken: Sequence[Taken]) -> list[tuple[Taken, Money]]:
    """Which of a booking's captured payments give back how much of `wanted`, oldest first.

    What they hold together is enough, or all is asked of the newest, which refuses it: a refund is
    never cut down.
    """
    rest = wanted.amount_minor
    parts: list[tuple[Taken, Money]] = []
    for each in taken:
        part = min(rest, each.left(wanted.currency))
        if part:
            parts.append((each, Money(part, wanted.currency)))
            rest -= part
    return [(taken[-1], wanted)] if rest else parts


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment that took money, and the refunds made of it so far."""

    payment: Payment
    refunds: Sequence[Refund]

    def left(self, currency: str) -> int:
        """How much of it may still go back in a currency, in minor units."""
        captured = self.payment.captured
        if captured is None or captured.currency != currency:
            return 0
        return max(captured.amount_minor - _committed(self.refunds), 0)


def returned(refunds: Iterable[Refund]) -> int:
    """The sum of what certainly went back, in minor units."""
    return sum(r.amount.amount_minor for r in refunds if r.status is RefundStatus.SUCCEEDED)


def _committed(refunds: Iterable[Refund]) -> int:
    return sum(r.amount.amount_minor for r in refunds if r.status is not RefundStatus.FAILED)
