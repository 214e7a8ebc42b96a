"""What a guest told us about themselves, and may correct: no step in a booking's life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

from booking.domain.refusals import AlreadyBooked
from booking.store import audit
from booking.store.bookings import StaleBooking
from chassis.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping

    from booking.domain.booking import Booking
    from chassis.db import Transaction

# One statement: the details, the hashes by which the guest is found, and the line in the audit log.
_SAVE = """
WITH changed AS (
    UPDATE bookings SET
        version = $2 + 1, given_name = $3, family_name = $4, display_name = $5,
        sealed_contact = $6, email_hash = coalesce($7::bytea, email_hash),
        phone_hash = CASE WHEN $7::bytea IS NULL THEN phone_hash ELSE $8::bytea END,
        arrives_at = $9, special_requests = $10, allergies = $11, notes = $12, manage_epoch = $13,
        waiver_name = $14, waiver_at = $15
    WHERE id = $1 AND version = $2
    RETURNING id, org_id
),
noted AS (
    INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor, reason, before, after)
    SELECT changed.id, $16::uuid, changed.org_id, 'booking', $17::text, $18::timestamptz,
        $19::text, $20::text, $21::text::jsonb, $22::text::jsonb
    FROM changed
)
SELECT EXISTS (SELECT FROM changed)
"""


async def save(
    tx: Transaction,
    before: Booking,
    after: Booking,
    action: str,
    *,
    actor: str,
    hashes: tuple[bytes, bytes | None] | None = None,
    reason: str | None = None,
    change: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> None:
    """Write the details of a locked booking, and in the same statement who changed them.

    ``hashes``: of a new contact; None when the contact stays. ``change``: what the audit log may
    hold of the values, before and after: nothing personal.

    Raises:
        AlreadyBooked: another booking has this contact, where each guest has one.
        StaleBooking: the row is not at ``before.version``; the caller did not lock it.
    """
    now = await tx.now()
    values = (
        after.id,
        before.version,
        after.name.given,
        after.name.family,
        after.name.display,
        after.sealed_contact,
        *(hashes or (None, None)),
        after.arrives_at,
        after.special_requests,
        after.allergies,
        after.notes,
        after.manage_epoch,
        after.waiver.signed_name if after.waiver else None,
        after.waiver.signed_at if after.waiver else None,
        uuid7(now),
        action,
        now,
        actor,
        reason,
        audit.document(change[0]),
        audit.document(change[1]),
    )
    try:
        saved = await tx.fetchval(_SAVE, *values)
    except asyncpg.UniqueViolationError as taken:
        raise AlreadyBooked from taken
    if not saved or after.version != before.version + 1:
        raise StaleBooking(f"booking {after.id} is not at version {before.version}")
