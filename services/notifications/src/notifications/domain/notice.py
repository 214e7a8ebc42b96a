"""A notice: one thing that is told about a booking or a place in line, once.

Guests are told, but for a dispute, of which the venue is.

NTF-14, NTF-22.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Kind = Literal[
    "confirmation",
    "payment_failed",
    "cancellation",
    "apology",
    "booking_rescheduled",
    "waitlist_offer",
    "waitlist_joined",
    "payment_instructions",
    "no_show_fee",
    "payment_disputed",
]
FOR_THE_VENUE: frozenset[Kind] = frozenset({"payment_disputed"})
"""The others are for the guest."""
State = Literal["planned", "sending", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor unit (pence, öre)."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a notice says about its booking; nothing personal. Instants carry their zone.

    A field is None where the kind of notice says nothing about it.
    """

    reference: str | None
    title: str
    starts_at: datetime
    timezone: str
    ends_at: datetime | None = None
    party_size: int | None = None
    resources: tuple[str, ...] = ()
    total: Money | None = None
    paid: Money | None = None
    refund: Money | None = None
    refund_awaiting: Money | None = None
    due: Money | None = None
    due_by: datetime | None = None
    payee: str | None = None
    pay_message: str | None = None
    by_swish: bool = False
    for_change: bool = False
    moved_from: datetime | None = None
    failure: str | None = None
    may_retry: bool = False
    cancelled_by_guest: bool = False
    told_at: datetime | None = None
    manage_epoch: int | None = None
    manage_expires_at: datetime | None = None
    disputed: Money | None = None
    evidence_due_by: datetime | None = None
    only_asked: bool = False

    def old_news(self, now: datetime) -> bool:
        """Whether it offers what can no longer be taken."""
        return self.due_by is not None and self.due_by <= now


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told. `email` is None when no address is known."""

    name: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell, before it has a row.

    About a booking, or about an entry on a waitlist, of which the other is None. `cause` says why;
    either has at most one notice of each kind and cause. `version` is that of the booking or entry,
    `locale` a language tag such as `sv` or `en-GB`.
    """

    booking_id: UUID | None
    entry_id: UUID | None
    org_id: UUID
    venue_id: UUID
    kind: Kind
    cause: str
    version: int
    locale: str
    recipient: Recipient
    facts: Facts


@dataclass(frozen=True, slots=True)
class Venue:
    """The place a notice speaks for; its country decides how dates and money are written."""

    name: str
    organisation: str
    country: str
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Manager:
    """Who is told of what concerns the venue itself, and in which language."""

    recipient: Recipient
    locale: str


@dataclass(frozen=True, slots=True)
class Told:
    """A notice that has a row: what can be said about it without naming anybody.

    `booking_id` is None for a place in line.
    """

    id: UUID
    org_id: UUID
    booking_id: UUID | None
    kind: Kind
    version: int


@dataclass(frozen=True, slots=True)
class Message:
    """A planned message with everything it takes to send it.

    `message_id` is the Message-ID header, `venue` None while the venue has not been heard of.
    """

    told: Told
    locale: str
    message_id: str
    recipient: Recipient
    facts: Facts
    venue: Venue | None
