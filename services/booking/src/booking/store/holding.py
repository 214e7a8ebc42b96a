"""Taking a place: the one statement on which the speed and the truth of the service rest.

Idempotency key, place, booking and audit row are written by a single statement, so a hold costs
two round trips besides BEGIN and COMMIT. Nothing is locked first: the statement takes the place if
it is free and says how far it got.
"""

# ruff: noqa: S608 - the pieces of these statements are constants
from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson
from asyncpg import Range

from booking.documents import document_of
from booking.domain.making import BY_GUEST, Making
from booking.domain.policy import BY_HAND
from booking.domain.refusals import GuestRefused, TooManyByHand, TooManyUnpaid
from booking.store import audit, idempotency, places

if TYPE_CHECKING:
    from booking.domain.booking import Booking
    from chassis.db import Transaction

_METHODS = ", ".join(f"'{method}'" for method in sorted(BY_HAND))
_UNPAID = "w.status IN ('pending_payment', 'requires_authentication')"
_BY_HAND = f"w.expires_at > $8 AND w.payment_methods[1] IN ({_METHODS})"


def _holds_of(guest: str) -> str:
    """The unpaid holds of a guest: of this session, and of all sessions those to pay by hand.

    The guest alone leads to them: a session may have thousands of unpaid holds, and by statistics
    of a quiet day the planner would take those to be as few. Staff, who may hold any number under
    one address, are not counted.
    """
    return f"""(
        SELECT count(*) FILTER (WHERE w.expires_at > $8 AND w.session_id = $10) AS here,
            count(*) FILTER (WHERE {_BY_HAND}) AS by_hand
        FROM bookings w WHERE $43::integer IS NOT NULL AND {guest} AND {_UNPAID})"""


# Whether this guest may hold anything here: not refused by the organisation (CUS-17), and with
# fewer unpaid holds of this session than the offering allows (F-12). Who pays by hand keeps a place
# for long, so theirs are counted over all sessions, and in this one everybody's (F-13): here
# without a lock, to refuse before anything is taken, and once more when the place is theirs.
_GUEST = f"""
guest AS (
    SELECT EXISTS (SELECT FROM blocked_contacts k
            WHERE k.org_id = $1 AND k.hash IN ($30::bytea, $31::bytea))
            AND NOT $49::boolean AS refused,
        coalesce(greatest(by_email.here, by_phone.here) >= $43::integer, false)
            OR coalesce(greatest(by_email.by_hand, by_phone.by_hand) >= $52::integer, false)
            AS overdrawn,
        CASE WHEN $53::integer IS NOT NULL THEN
            (SELECT count(*) FROM bookings w
                WHERE w.session_id = $10 AND {_UNPAID} AND {_BY_HAND}) >= $53::integer
            ELSE false END
        AS crowded
    FROM claimed, {_holds_of("w.email_hash = $30::bytea")} by_email,
        {_holds_of("w.phone_hash = $31::bytea")} by_phone
),
welcome AS (SELECT FROM guest WHERE NOT refused AND NOT overdrawn AND NOT crowded)
"""

# Exact: one by one for each guest and session, and after whatever else a hold waits for.
_ROOM = f"""
room AS MATERIALIZED (
    SELECT by_hand_refusal($1, $10, $30, $31, ARRAY[{_METHODS}], $52, $53, $8) AS refusal
    FROM granted
),"""

_TEMPLATE = """
WITH claimed AS ({claim}),
{guest},
{place},{room}
booked AS (
    INSERT INTO bookings (
        id, org_id, session_id, units, resource_ids,
        venue_id, offering_id, reference, status, payment_status, version, party_size, currency,
        amount_total, amount_due_now, policy, payment_methods, given_name, family_name,
        display_name, sealed_contact, email_hash, phone_hash, locale, source, arrives_at,
        special_requests, drinks_package, created_at, expires_at, confirmed_at, manage_epoch,
        one_per_customer, starts_at, ends_at, quantities, lines, amount_gift, allergies, status_at,
        age_attested)
    SELECT
        $9::uuid, $1, $10, $13::integer, $14::uuid[],
        $15::uuid, $16::uuid, $17::text, $18::text, $19::text, 1, $20::integer, $21::text,
        $22::bigint, $23::bigint, $24::text::jsonb, $25::text[], $26::text, $27::text,
        $28::text, $29::text, $30::bytea, $31::bytea, $32::text, $33::text, $34::timestamptz,
        $35::text, $36::text, $8, $37::timestamptz, $38::timestamptz, $39::integer,
        $44::boolean, lower($12::tstzrange), upper($12::tstzrange), $45::text::jsonb,
        $46::text::jsonb, $47::bigint, $48::text[], $8,
        $50::smallint
    FROM {allowed}
    ON CONFLICT DO NOTHING
    RETURNING id
),
noted AS (
    INSERT INTO audit (entity_id, id, org_id, entity, action, at, actor, after, reason)
    SELECT booked.id, $40::uuid, $1, 'booking', 'booking.created', $8, $41::text,
        $42::text::jsonb, $51::text
    FROM booked
)
SELECT EXISTS (SELECT FROM claimed) AS claimed, EXISTS (SELECT FROM granted) AS granted,
    EXISTS (SELECT FROM booked) AS booked, (SELECT refused FROM guest) AS refused,
    (SELECT overdrawn FROM guest){overdrawn} AS overdrawn,
    (SELECT crowded FROM guest){crowded} AS crowded
"""


def _take(place: str, *, by_hand: bool) -> str:
    taking = place.format(
        org="$1",
        booking="$9",
        version="1",
        session="$10",
        open="s.version = $11 AND s.status = 'open'",
        welcome="FROM welcome",
        joined="CROSS JOIN welcome",
        span="$12",
        units="$13",
        resources="$14",
        slot="$54",
        most="$55",
    )
    more = " OR EXISTS (SELECT FROM room WHERE refusal = '{}')" if by_hand else ""
    return _TEMPLATE.format(
        claim=idempotency.CLAIM,
        guest=_GUEST,
        place=taking,
        room=_ROOM if by_hand else "",
        allowed="room WHERE refusal IS NULL" if by_hand else "granted",
        overdrawn=more.format("overdrawn"),
        crowded=more.format("crowded"),
    )


_KINDS = (places.UNITS, places.RESOURCES, places.SEATED)
TAKE = {kind: _take(kind, by_hand=False) for kind in _KINDS}
TAKE_BY_HAND = {kind: _take(kind, by_hand=True) for kind in _KINDS}
"""The same with the caps of those who pay by hand, who pay for it with locks (F-13)."""

_UNDO = f"""
WITH unclaimed AS (
    DELETE FROM idempotency WHERE org_id = $1 AND principal = $2 AND route = $3 AND key = $4
),
{places.DROP.format(booking="$5::uuid", version="1")}
"""


_REFUSALS = {"refused": GuestRefused, "overdrawn": TooManyUnpaid, "crowded": TooManyByHand}


class Outcome(Enum):
    """How far the statement got."""

    BOOKED = "the place is the guest's"
    ANSWERED_BEFORE = "a request with this idempotency key has its answer already"
    NO_PLACE = "the place is not free, or the session changed meanwhile"
    NOT_UNIQUE = "another booking has this reference, or this guest has one where each has one"


async def take(
    tx: Transaction,
    booking: Booking,
    *,
    session_version: int,
    hashes: tuple[bytes, bytes | None],
    key: idempotency.Key,
    answer: dict[str, Any],
    actor: str,
    making: Making = BY_GUEST,
) -> Outcome:
    """Write a new booking if, and only if, its place is free; what is refused leaves no trace.

    Raises:
        GuestRefused: the organisation takes no bookings of this guest.
        TooManyUnpaid: the guest holds as many places of this session as may be held unpaid.
        TooManyByHand: as many bookings of this session as may wait for a payment by hand.
        IdempotencyInProgress, Busy: a rival held the key, or the place, for more than 2 s.
    """
    claim = booking.claim
    # Only a statement that paces has parameters for it.
    pace = () if claim.pace is None else (claim.pace.slot, claim.pace.most)
    by_hand = making.by_hand_limits(booking.policy, booking.method)
    statements = TAKE if by_hand is None else TAKE_BY_HAND
    try:
        row = await tx.fetchrow(
            statements[places.kind_of(claim)],
            *idempotency.claim_values(booking.org_id, key, answer, booking.created_at),
            booking.id,
            booking.session_id,
            session_version,
            Range(booking.occasion.starts_at, booking.occasion.ends_at),
            claim.units,
            list(claim.resource_ids),
            *_booking_values(booking, hashes),
            *audit.held_values(booking, actor),
            making.unpaid_limit(booking.policy),
            *_content_values(booking),
            making.overrides,
            booking.age_attested,
            making.override,
            *(by_hand or (None, None)),
            *pace,
        )
    except asyncpg.PostgresError as error:
        if refusal := idempotency.refusal_of(error):
            raise refusal from error
        raise
    assert row is not None  # noqa: S101 - the outer SELECT has no FROM
    if row["booked"]:
        return Outcome.BOOKED
    if not row["claimed"]:
        return Outcome.ANSWERED_BEFORE
    for reason, refused in _REFUSALS.items():
        if row[reason]:
            await undo(tx, booking, key)
            raise refused
    return Outcome.NOT_UNIQUE if row["granted"] else Outcome.NO_PLACE


async def undo(tx: Transaction, booking: Booking, key: idempotency.Key) -> None:
    """Take back what an unsuccessful ``take`` wrote, to try once more in the same transaction."""
    await tx.execute(_UNDO, booking.org_id, key.principal, key.route, key.key, booking.id)


def _booking_values(booking: Booking, hashes: tuple[bytes, bytes | None]) -> tuple[Any, ...]:
    return (
        booking.venue_id,
        booking.offering_id,
        booking.reference,
        booking.status.value,
        booking.payment_status.value,
        booking.party_size,
        booking.quote.total.currency,
        booking.quote.total.amount_minor,
        booking.quote.due_now.amount_minor,
        document_of(booking.policy),
        booking.payment_methods,
        booking.name.given,
        booking.name.family,
        booking.name.display,
        booking.sealed_contact,
        *hashes,
        booking.locale,
        booking.source,
        booking.arrives_at,
        booking.special_requests,
        booking.drinks_package,
        booking.expires_at,
        booking.confirmed_at,
        booking.manage_epoch,
    )


def _content_values(booking: Booking) -> tuple[Any, ...]:
    return (
        booking.policy.one_per_customer,
        orjson.dumps(booking.quantities).decode(),
        orjson.dumps(booking.quote.lines).decode(),
        booking.quote.gift.amount_minor if booking.quote.gift else 0,
        booking.allergies,
    )
