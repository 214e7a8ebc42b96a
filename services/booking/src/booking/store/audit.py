"""Who changed what, when and why. Values of personal fields never come here (AUD-01)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from chassis.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from booking.domain.booking import Booking
    from chassis.db import Transaction

_NOTE = """
INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor, reason, before, after,
    message_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10::text::jsonb, $11)
"""


async def note(
    tx: Transaction,
    entity: str,
    entity_id: UUID,
    action: str,
    *,
    actor: str,
    at: datetime,
    reason: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Record one change of one thing."""
    await tx.execute(
        _NOTE,
        entity_id,
        uuid7(at),
        tx.org_id,
        entity,
        action,
        at,
        actor,
        reason,
        document(before),
        document(after),
        tx.cause.message_id if tx.cause else None,
    )


def held_values(booking: Booking, actor: str) -> tuple[Any, ...]:
    """The audit row of a new booking, for the statement that writes both."""
    facts = {
        **facts_of(booking),
        "reference": booking.reference,
        "party_size": booking.party_size,
        "offering_kind": booking.occasion.offering_kind,
        "starts_at": booking.occasion.starts_at,
        "source": booking.source,
        "amount_total": booking.quote.total.amount_minor,
        "discount": booking.quote.discount.amount_minor,
        "gift_card": booking.quote.gift.amount_minor if booking.quote.gift else 0,
    }
    return uuid7(booking.created_at), actor, document(facts)


def facts_of(booking: Booking) -> dict[str, Any]:
    """What of a booking is worth comparing before and after a change."""
    return {
        "status": booking.status,
        "payment_status": booking.payment_status,
        "expires_at": booking.expires_at,
        "amount_due_now": booking.quote.due_now.amount_minor,
        "amount_paid": booking.paid.amount_minor,
        "amount_refunded": booking.refunded.amount_minor,
        "amount_unasked": booking.unasked_minor,
        "currency": booking.paid.currency,
    }


def change(before: Booking, after: Booking) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only the facts that differ, as they were and as they are."""
    old, new = facts_of(before), facts_of(after)
    changed = [fact for fact in old if old[fact] != new[fact]]
    return {fact: old[fact] for fact in changed}, {fact: new[fact] for fact in changed}


def differing(
    old: Mapping[str, Any], new: Mapping[str, Any], *, hidden: frozenset[str] = frozenset()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only what differs, as it was and as it is; of hidden facts, only whether there is a value."""
    changed = [fact for fact in new if old[fact] != new[fact]]

    def shown(facts: Mapping[str, Any]) -> dict[str, Any]:
        return {fact: bool(facts[fact]) if fact in hidden else facts[fact] for fact in changed}

    return shown(old), shown(new)


def document(facts: Mapping[str, Any] | None) -> str | None:
    """The JSON text of facts, or None for none."""
    # The driver's ids are a subclass of UUID, which orjson leaves to `default`.
    return orjson.dumps(facts, default=str).decode() if facts else None
