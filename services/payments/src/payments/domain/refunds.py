"""How much may go back, and what becomes of a refund."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from payments.domain.money import Money
from payments.domain.payment import Payment
from payments.domain.snapshot import RefundStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CHANGE = "refund_due:price_difference"
_UNASKED = ("staff:", "provider:")

# A refund that succeeded may still bounce days later; a failed one stays failed.
TRANSITIONS: Mapping[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.PENDING: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset(),
}


class StillOpen(Exception):  # an answer, not a fault
    """A try of the same refund was made or is under way."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who gives money back by hand, and why. `key`: of the request, one refund each."""

    by: str
    reason: str
    key: str
    digest: bytes
    release_place: bool


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back, or returned. `cause` is unique within a payment: one refund each.

    `by_platform`: nothing of it is taken back from the account that a shared charge went to.
    """

    id: UUID
    org_id: UUID
    booking_id: UUID
    payment_id: UUID
    cause: str
    amount: Money
    status: RefundStatus = RefundStatus.PENDING
    provider_ref: str | None = None
    failure_code: str | None = None
    request: Request | None = None
    requested_at: datetime | None = None
    settled_at: datetime | None = None
    by_platform: bool = False

    def may_become(self, status: RefundStatus) -> bool:
        """Whether a look at the provider that shows `status` tells something new."""
        return status in TRANSITIONS[self.status]

    @property
    def made(self) -> bool:
        """Whether the provider made it or may still; it may have failed to bring it home."""
        return self.status is not RefundStatus.FAILED or self.provider_ref is not None

    @property
    def why(self) -> str:
        """The cause without what makes it unique: `cancelled`, `staff`, `provider`, ..."""
        named = self.cause.partition("#")[0].removeprefix("refund_due:")
        return named.partition(":")[0]

    @property
    def of_change(self) -> bool:
        """Whether a change of the booking to a cheaper place gave it back."""
        return self.cause.startswith(_CHANGE)

    @property
    def unasked(self) -> bool:
        """Whether the booking did not ask for it: staff did, or somebody at the provider."""
        return self.cause.startswith(_UNASKED)


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment that took money, and the refunds made of it so far."""

    payment: Payment
    refunds: Sequence[Refund]

    @property
    def captured(self) -> Money:
        """What it took."""
        return self.payment.captured or Money(0, self.payment.amount.currency)

    @property
    def taken_back(self) -> int:
        """What was taken back, for refunds, from the account that a shared charge went to.

        That stays so when the provider fails to make a refund: its money comes to the platform.
        """
        return sum(r.amount.amount_minor for r in self.refunds if r.made and not r.by_platform)

    def paid_by_platform(self, amount: Money) -> bool:
        """Whether the platform pays a further refund of a shared charge.

        It does from what came back to it, and where the account does not have as much any more.
        """
        came_back = self.taken_back - committed(self.refunds)
        there = self.captured.amount_minor - self.taken_back
        return came_back >= amount.amount_minor or amount.amount_minor > there

    @property
    def left(self) -> Money:
        """How much of it may still go back."""
        captured = self.captured
        left = captured.amount_minor - committed(self.refunds)
        return Money(max(left, 0), captured.currency)


def refusal(wanted: Money, taken: Sequence[Taken]) -> str | None:
    """Why so much can never go back of what these payments took together, or None."""
    if any(each.captured.currency != wanted.currency for each in taken):
        return "currency_mismatch"
    if wanted.amount_minor > sum(each.captured.amount_minor for each in taken):
        return "over_refund"
    return None


def lacking(goal: Money, taken: Sequence[Taken], *, for_changes: bool) -> Money:
    """What still lacks of a goal for all of these payments: by changes, or besides them."""
    back = sum(committed(r for r in each.refunds if r.of_change is for_changes) for each in taken)
    return Money(max(goal.amount_minor - back, 0), goal.currency)


def next_cause(cause: str, refunds: Iterable[Refund]) -> str:
    """Under which cause a refund that failed is tried once more.

    Raises:
        StillOpen: a later try of it has not failed.
    """
    base = cause.partition("#")[0]
    tries = [refund for refund in refunds if refund.cause.partition("#")[0] == base]
    if any(refund.status is not RefundStatus.FAILED for refund in tries):
        raise StillOpen
    return f"{base}#{len(tries) + 1}" if tries else base


def shares(wanted: Money, taken: Sequence[Taken]) -> list[tuple[Taken, Money]]:
    """Which of these payments give back how much of `wanted`, in their order; no more than is left.

    What is not left of them went back before or is on its way: the guest has it.
    """
    rest = wanted.amount_minor
    parts: list[tuple[Taken, Money]] = []
    for each in taken:
        if part := min(rest, each.left.amount_minor):
            parts.append((each, Money(part, wanted.currency)))
            rest -= part
    return parts


def returned(refunds: Iterable[Refund]) -> int:
    """The sum of what certainly went back, in minor units."""
    return sum(r.amount.amount_minor for r in refunds if r.status is RefundStatus.SUCCEEDED)


def committed(refunds: Iterable[Refund]) -> int:
    """The sum of what went back or is on its way, in minor units."""
    return sum(r.amount.amount_minor for r in refunds if r.status is not RefundStatus.FAILED)


def unasked(payment: Payment, refunds: Iterable[Refund]) -> Money:
    """What of a payment went back, or is on its way, without the booking having asked for it."""
    total = committed(refund for refund in refunds if refund.unasked)
    return Money(total, payment.refunded_total.currency)
