"""Our records against a provider's: what differs, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from payments.domain.money import Money
from payments.domain.payment import AT_PROVIDER, Fact
from payments.domain.refunds import committed
from payments.domain.snapshot import RefundStatus

if TYPE_CHECKING:
    from payments.domain.payment import Payment
    from payments.domain.refunds import Refund, Taken
    from payments.domain.snapshot import RefundSnapshot, Snapshot

LONGEST = timedelta(days=30)
"""As far back as a provider lists its events."""
OVERLAP = timedelta(minutes=10)
"""How much of the window before it a window repeats: clocks differ."""
BEFORE_THE_FIRST = timedelta(days=3)
"""Where the first hourly window of an account begins."""


class Stage(StrEnum):
    """The parts of a run, in order."""

    EVENTS = "events"  # what the provider told that never came here
    PAYMENTS = "payments"  # every payment that it lists
    REFUNDS = "refunds"  # every refund that it lists
    OURS = "ours"  # every one of ours that it did not list
    CONNECTIONS = "connections"  # every account that is paid through this one


class Kind(StrEnum):
    """What may be found."""

    EVENT_MISSED = "event_missed"
    PAYMENT_UNKNOWN = "payment_unknown"  # at the provider, with our ids, and not here
    PAYMENT_MISSED = "payment_missed"  # paid there, not here
    PAYMENT_DIFFERS = "payment_differs"
    PAYMENT_NOT_THERE = "payment_not_there"  # paid here, not there
    PAYMENT_OVER = "payment_over"  # over there, open here; nothing was paid
    REFUND_MISSED = "refund_missed"  # made there, not known here
    REFUND_DIFFERS = "refund_differs"
    TRANSFER_DIFFERS = "transfer_differs"  # what a connected account has of a payment
    PLATFORM_FEE_DIFFERS = "platform_fee_differs"  # what the platform has kept of it


@dataclass(frozen=True, slots=True)
class Run:
    """One comparison with an account; `org_id`: of one organisation's money only."""

    id: UUID
    account_id: str
    since: datetime
    until: datetime
    started_at: datetime
    org_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference; unique in a run by kind and reference. Amounts in minor units."""

    kind: Kind
    ref: str
    payment_id: UUID | None = None
    booking_id: UUID | None = None
    currency: str | None = None
    ours_minor: int | None = None
    theirs_minor: int | None = None

    @property
    def drifts(self) -> bool:
        """Whether the provider's money is another than ours."""
        return self.ours_minor != self.theirs_minor


def of_payment(payment: Payment, shown: Snapshot) -> Finding | None:
    """What differs between a payment and what the provider shows of it."""
    ours = payment.captured if payment.captured and payment.captured.amount_minor else None
    there = shown.fact is Fact.SUCCEEDED and shown.received.amount_minor > 0
    theirs = shown.received if there else None
    if ours == theirs:
        over = shown.fact in {Fact.CANCELLED, Fact.REFUSED} and payment.status in AT_PROVIDER
        return _finding(Kind.PAYMENT_OVER, payment, shown, 0) if over else None
    kind = Kind.PAYMENT_DIFFERS
    if ours is None:
        kind = Kind.PAYMENT_MISSED
    elif theirs is None:
        kind = Kind.PAYMENT_NOT_THERE
    return _finding(kind, payment, shown, theirs.amount_minor if theirs else 0)


def of_shares(taken: Taken, platform_fee: Money, shown: Snapshot) -> list[Finding]:
    """What differs between how a payment was shared and what the provider shows of that.

    Nothing while a refund is on its way, or is known to one side only: that is another finding.
    """
    there, payment = shown.shared, taken.payment
    on_its_way = any(one.status is RefundStatus.PENDING for one in taken.refunds)
    back = Money(committed(taken.refunds), taken.captured.currency)
    if there is None or payment.captured is None or on_its_way or there.refunded != back:
        return []
    held = Money(taken.captured.amount_minor - taken.taken_back, back.currency)
    return [
        Finding(
            kind,
            shown.ref,
            payment.id,
            payment.booking_id,
            theirs.currency,
            ours.amount_minor,
            theirs.amount_minor,
        )
        for kind, ours, theirs in (
            (Kind.TRANSFER_DIFFERS, held, there.passed_on),
            (Kind.PLATFORM_FEE_DIFFERS, platform_fee, there.platform_fee),
        )
        if ours.currency == theirs.currency and ours != theirs
    ]


def _finding(kind: Kind, payment: Payment, shown: Snapshot, theirs: int) -> Finding:
    return Finding(
        kind,
        shown.ref,
        payment.id,
        payment.booking_id,
        shown.received.currency,
        payment.captured.amount_minor if payment.captured else 0,
        theirs,
    )


def of_refund(payment: Payment, ours: Refund | None, shown: RefundSnapshot) -> Finding | None:
    """What differs between a refund and what the provider shows of it."""
    if ours is not None and (ours.status is shown.status or not ours.may_become(shown.status)):
        return None
    return Finding(
        Kind.REFUND_MISSED if ours is None else Kind.REFUND_DIFFERS,
        shown.ref,
        payment.id,
        payment.booking_id,
        shown.amount.currency,
        ours.amount.amount_minor if ours and ours.status is RefundStatus.SUCCEEDED else 0,
        shown.amount.amount_minor if shown.status is RefundStatus.SUCCEEDED else 0,
    )
