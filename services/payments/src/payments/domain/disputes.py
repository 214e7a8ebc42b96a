"""A customer asks their bank, or PayPal, for the money back: where that stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from payments.domain.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(StrEnum):
    """Where a dispute stands."""

    INQUIRY = "inquiry"  # they only ask; no money has moved
    NEEDS_RESPONSE = "needs_response"  # what was taken is gone until the dispute is won
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    INQUIRY_CLOSED = "inquiry_closed"


_ON = frozenset({Status.UNDER_REVIEW, Status.WON, Status.LOST})

# An inquiry may become a dispute; what is over stays over.
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.INQUIRY: _ON | {Status.NEEDS_RESPONSE, Status.INQUIRY_CLOSED},
    Status.NEEDS_RESPONSE: _ON,
    Status.UNDER_REVIEW: frozenset(
        {Status.NEEDS_RESPONSE, Status.WON, Status.LOST, Status.INQUIRY_CLOSED}
    ),
    Status.WON: frozenset(),
    Status.LOST: frozenset(),
    Status.INQUIRY_CLOSED: frozenset(),
}

OVER = frozenset(status for status, following in TRANSITIONS.items() if not following)

INQUIRIES = frozenset({Status.INQUIRY, Status.INQUIRY_CLOSED})
"""They only asked: no money has moved."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a dispute did to the balance once: taken (negative) or given back, and its fee.

    A fee that was given back is negative.
    """

    ref: str
    amount: Money
    fee_minor: int


@dataclass(frozen=True, slots=True)
class DisputeSnapshot:
    """One dispute as the provider holds it at this moment."""

    ref: str
    payment_ref: str
    status: Status
    reason: str
    amount: Money
    respond_by: datetime | None
    opened_at: datetime
    moved: Sequence[Moved] = ()


@dataclass(frozen=True, slots=True)
class Dispute:
    """One dispute of a payment; one row for each that the provider knows."""

    id: UUID
    org_id: UUID
    booking_id: UUID
    payment_id: UUID
    provider_ref: str
    status: Status
    reason: str
    amount: Money
    respond_by: datetime | None
    opened_at: datetime
    closed_at: datetime | None = None
