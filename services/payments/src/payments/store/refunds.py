"""Refunds: one per payment and cause; those made by hand at the provider are kept too."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from chassis.db import Transaction
from payments.domain.ledger import PLATFORM_FEE_RETURNED, REFUND_BOUNCED, REFUNDED, Movement
from payments.domain.money import Money
from payments.domain.refunds import Refund, Request
from payments.domain.snapshot import RefundStatus
from payments.store import ledger

_COLUMNS = """
    r.id, r.org_id, r.booking_id, r.payment_id, r.cause, r.amount_minor, r.currency, r.status,
    r.provider_ref, r.failure_code, r.requested_by, r.reason, r.request_key, r.request_digest,
    r.release_place, r.requested_at, r.settled_at, r.by_platform"""

_SELECT = f"SELECT {_COLUMNS} FROM refunds r"  # noqa: S608  # our own column names

_OWED = f"""
SELECT {_COLUMNS}, p.method
FROM refunds r JOIN payments p ON p.id = r.payment_id
WHERE r.status = 'pending' AND p.provider = ANY($1) AND ($2::uuid IS NULL OR r.id > $2)
ORDER BY r.id LIMIT $3
"""  # noqa: S608  # our own column names


# Of a charge that the platform took, one that bounced moved money as well: it was taken back from
# the organisation's account when it was made, and has come back to the platform.
_SHARED = "EXISTS (SELECT FROM splits WHERE splits.payment_id = w.payment_id)"
_MADE = f"(w.status = 'failed' AND w.provider_ref IS NOT NULL AND {_SHARED})"


def _booking(movement: Movement, source: str, by_platform: str) -> str:
    return ledger.booking(
        movement,
        source=source,
        by_platform=by_platform,
        payment="payment_id",
        cause="id::text",
        amount="amount_minor",
        currency="currency",
    )


_BOOKED = _booking(
    REFUNDED, f"written w WHERE w.status = 'succeeded' OR {_MADE}", by_platform="w.by_platform"
)

# The provider returns of the platform's fee what all that was taken back so far is of the charge,
# half a unit rounded up, less what it has returned; refunds made by hand there count and do not ask
# for it. One that bounces leaves both where they are.
_FEE_BOOKED = ledger.booking(
    PLATFORM_FEE_RETURNED,
    source=f"""(
        SELECT w.org_id, w.booking_id, w.payment_id, w.id, s.currency,
            (2 * s.fee_minor * (w.amount_minor + l.others) + p.captured_minor)
                / (2 * p.captured_minor) - l.returned AS fee_minor
        FROM written w
        JOIN splits s ON s.payment_id = w.payment_id AND s.fee_returned
        JOIN payments p ON p.id = w.payment_id AND p.captured_minor > 0
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_minor) FILTER (
                    WHERE kind = 'refunded' AND credit = 'provider_balance'
                      AND cause <> w.id::text), 0)::bigint AS others,
                coalesce(sum(amount_minor) FILTER (WHERE kind = 'platform_fee_returned'), 0)::bigint
                    AS returned
            FROM ledger WHERE payment_id = w.payment_id
        ) l
        WHERE (w.status = 'succeeded' OR {_MADE}) AND NOT w.by_platform
          AND w.cause NOT LIKE 'provider:%'
    ) shared WHERE fee_minor > 0""",  # noqa: S608  # our own SQL
    payment="payment_id",
    cause="id::text",
    amount="fee_minor",
    currency="currency",
)

# What was booked as returned and failed after all is booked back: to where it went.
_BOUNCED = _booking(
    REFUND_BOUNCED,
    f"""written w WHERE {_MADE} OR w.status = 'failed' AND EXISTS (
        SELECT FROM ledger WHERE payment_id = w.payment_id AND kind = 'refunded'
                             AND cause = w.id::text)""",
    by_platform=_SHARED,
)

_INSERT = f"""
WITH written AS (
    INSERT INTO refunds (id, org_id, booking_id, payment_id, cause, amount_minor, currency, status,
                         provider_ref, failure_code, requested_by, reason, request_key,
                         request_digest, release_place, requested_at, settled_at, by_platform)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, messaging.now(),
            CASE WHEN $8 <> 'pending' THEN messaging.now() END, $16)
    ON CONFLICT (payment_id, cause) DO NOTHING
    RETURNING *),
booked AS ({_BOOKED}),
fee_booked AS ({_FEE_BOOKED}),
bounced AS ({_BOUNCED})
SELECT true FROM written
"""  # noqa: S608  # our own SQL

_SETTLE = f"""
WITH written AS (
    UPDATE refunds SET status = $2, provider_ref = $3, failure_code = $4,
        settled_at = CASE WHEN $2 <> 'pending' THEN messaging.now() END
    WHERE id = $1
    RETURNING *),
booked AS ({_BOOKED}),
fee_booked AS ({_FEE_BOOKED})
{_BOUNCED}"""  # noqa: S608  # our own SQL


async def insert(tx: Transaction, refund: Refund) -> bool:
    """Write a new refund and book it if it is done; False when its cause was answered before."""
    request = refund.request
    return bool(
        await tx.fetchval(
            _INSERT,
            refund.id,
            refund.org_id,
            refund.booking_id,
            refund.payment_id,
            refund.cause,
            refund.amount.amount_minor,
            refund.amount.currency,
            refund.status,
            refund.provider_ref,
            refund.failure_code,
            request.by if request else None,
            request.reason if request else None,
            request.key if request else None,
            request.digest if request else None,
            request.release_place if request else False,
            refund.by_platform,
        )
    )


async def settle(tx: Transaction, refund: Refund) -> None:
    """Write what became of a refund, and book it; the caller holds the payment's lock."""
    await tx.execute(
        _SETTLE,
        refund.id,
        refund.status,
        refund.provider_ref,
        refund.failure_code,
    )


async def of_payment(tx: Transaction, payment_id: UUID) -> list[Refund]:
    """All refunds of a payment, oldest first."""
    rows = await tx.fetch(f"{_SELECT} WHERE payment_id = $1 ORDER BY id", payment_id)
    return [_refund(row) for row in rows]


async def of_booking(tx: Transaction, booking_id: UUID) -> list[Refund]:
    """All refunds of a booking's payments, oldest first."""
    rows = await tx.fetch(f"{_SELECT} WHERE booking_id = $1 ORDER BY id", booking_id)
    return [_refund(row) for row in rows]


async def find(tx: Transaction, refund_id: UUID) -> Refund | None:
    """A refund; who is to change it locks its payment."""
    row = await tx.fetchrow(f"{_SELECT} WHERE id = $1", refund_id)
    return _refund(row) if row else None


class Owed(NamedTuple):
    """A refund that somebody is to send, and since when."""

    refund: Refund
    method: str
    since: datetime


async def owed(
    tx: Transaction, providers: Sequence[str], *, after: UUID | None, limit: int
) -> list[Owed]:
    """Refunds of these providers' payments that are still to be sent, oldest first."""
    rows = await tx.fetch(_OWED, list(providers), after, limit)
    return [Owed(_refund(row), row["method"], row["requested_at"]) for row in rows]


def _refund(row: Record) -> Refund:
    by: str | None = row["requested_by"]
    return Refund(
        id=row["id"],
        org_id=row["org_id"],
        booking_id=row["booking_id"],
        payment_id=row["payment_id"],
        cause=row["cause"],
        amount=Money(row["amount_minor"], row["currency"]),
        status=RefundStatus(row["status"]),
        provider_ref=row["provider_ref"],
        failure_code=row["failure_code"],
        request=None
        if by is None
        else Request(
            by, row["reason"], row["request_key"], row["request_digest"], row["release_place"]
        ),
        requested_at=row["requested_at"],
        settled_at=row["settled_at"],
        by_platform=row["by_platform"],
    )
