"""Tell the venue that a guest asked their bank or PayPal for the money back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from notifications.domain.notice import Facts, Money, Notice
from notifications.store import venues
from notifications.usecases.plan import plan

if TYPE_CHECKING:
    from chassis.db import Transaction
    from notifications.mail.letter import LetterWriter
    from notifications.store.messages import Messages


class NotHeardOf(Exception):  # an answer, not a fault
    """Nothing was told of the booking yet, or its venue is unknown: both are about to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A dispute as payments tells of it. `only_asked`: no money is taken so far."""

    id: UUID
    booking_id: UUID
    org_id: UUID
    amount: Money
    evidence_due_by: datetime | None
    only_asked: bool


async def tell_of_dispute(
    tx: Transaction, messages: Messages, writer: LetterWriter, dispute: Dispute, version: int
) -> None:
    """Plan one mail to the venue's manager for each dispute.

    What was disputed was paid, so its guest has been told something: that names the booking.

    Raises:
        NotHeardOf: what the mail has to say is not known yet.
    """
    subject = await messages.subject_of(tx, dispute.booking_id)
    if subject is None:
        raise NotHeardOf
    venue_id, known = subject
    manager = await venues.manager_of(tx, venue_id)
    if manager is None:
        raise NotHeardOf
    notice = Notice(
        booking_id=dispute.booking_id,
        entry_id=None,
        org_id=dispute.org_id,
        venue_id=venue_id,
        kind="payment_disputed",
        cause=f"dispute {dispute.id}",
        version=version,
        locale=manager.locale,
        recipient=manager.recipient,
        facts=Facts(
            reference=known.reference,
            title=known.title,
            starts_at=known.starts_at,
            timezone=known.timezone,
            disputed=dispute.amount,
            evidence_due_by=dispute.evidence_due_by,
            only_asked=dispute.only_asked,
        ),
    )
    await plan(tx, messages, writer, notice)
