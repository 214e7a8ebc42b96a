"""Payments: one row each, locked before it changes."""

from typing import Any, NamedTuple
from uuid import UUID

from asyncpg import Record

from chassis.db import Transaction
from payments.domain.failures import Failure
from payments.domain.ledger import CAPTURED, PLATFORM_FEE
from payments.domain.money import Money
from payments.domain.payment import AT_PROVIDER, OPEN, Payment, Status
from payments.store import ledger

COLUMNS = """
    p.id, p.org_id, p.booking_id, p.account_id, p.provider, p.provider_ref, p.status,
    p.amount_minor, p.currency, p.captured_minor, p.captured_currency, p.refunded_minor,
    p.failure_code, p.failure_decline_code, p.failure_occurrence, p.closing, p.closing_at,
    p.expires_at, p.locale, p.version, p.change_id,
    p.method, p.money_ref, p.venue_id, p.saves_card, p.customer_ref, p.method_ref,
    p.no_show_fee"""

_KNOWN_AS = "p.account_id = $1 AND (p.provider_ref = $2 OR p.money_ref = $2)"

_SELECT = f"SELECT {COLUMNS} FROM payments p"  # noqa: S608  # our own column names

# The newest that somebody may have to act on; else the booking's own, which tells most.
_TELLING = f"""
SELECT {COLUMNS}, p.client_secret, a.publishable_key,
    coalesce(v.billing_countries, '{{}}') AS billing_countries
FROM payments p LEFT JOIN payment_accounts a ON a.id = p.account_id
    LEFT JOIN venues v ON v.venue_id = p.venue_id
WHERE p.booking_id = $1 AND p.change_id IS NOT DISTINCT FROM coalesce($2, p.change_id)
ORDER BY p.closing IS NULL AND p.status = ANY($3) DESC, p.change_id IS NULL DESC,
    p.no_show_fee, p.id DESC LIMIT 1
"""  # noqa: S608  # our own column names

_INSERT = """
INSERT INTO payments (id, org_id, booking_id, change_id, account_id, provider, status, amount_minor,
                      currency, failure_code, expires_at, locale, version, method, venue_id,
                      saves_card, no_show_fee, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
        messaging.now(), messaging.now())
ON CONFLICT (booking_id, coalesce(change_id, booking_id), no_show_fee) DO NOTHING
RETURNING true
"""

_BOOKED = ledger.booking(
    CAPTURED,
    source="saved WHERE captured_minor > 0",
    payment="id",
    cause="''",
    amount="captured_minor",
    currency="captured_currency",
)

# The platform's part of it, where it is shared.
_FEE_BOOKED = ledger.booking(
    PLATFORM_FEE,
    source="""(
        SELECT saved.*, splits.fee_minor, splits.currency
        FROM saved JOIN splits ON splits.payment_id = saved.id
    ) shared WHERE captured_minor > 0 AND fee_minor > 0""",
    payment="id",
    cause="''",
    amount="fee_minor",
    currency="currency",
)

# A secret outlives neither its use nor a payment that is over.
_SAVE = f"""
WITH saved AS (
    UPDATE payments SET
        provider_ref = $2, status = $3, captured_minor = $4, captured_currency = $5,
        refunded_minor = $6, failure_code = $7, failure_decline_code = $8, failure_occurrence = $9,
        closing = $10, closing_at = $11, version = $12, updated_at = messaging.now(),
        money_ref = $15, customer_ref = $16, method_ref = $17,
        client_secret = CASE WHEN $3 = ANY($14) THEN coalesce($13, client_secret) END
    WHERE id = $1 RETURNING id, org_id, booking_id, captured_minor, captured_currency),
booked AS ({_BOOKED})
{_FEE_BOOKED}"""  # noqa: S608  # our own SQL


async def insert(tx: Transaction, payment: Payment) -> bool:
    """Write a new payment; False when the booking, or its change, has its payment already."""
    return bool(
        await tx.fetchval(
            _INSERT,
            payment.id,
            payment.org_id,
            payment.booking_id,
            payment.change_id,
            payment.account_id,
            payment.provider,
            payment.status,
            payment.amount.amount_minor,
            payment.amount.currency,
            payment.failure.code if payment.failure else None,
            payment.expires_at,
            payment.locale,
            payment.version,
            payment.method,
            payment.venue_id,
            payment.saves_card,
            payment.no_show_fee,
        )
    )


async def save(tx: Transaction, payment: Payment, sealed_secret: str | None = None) -> None:
    """Write a changed payment, and book what it took; the caller holds its lock."""
    failure, captured = payment.failure, payment.captured
    await tx.execute(
        _SAVE,
        payment.id,
        payment.provider_ref,
        payment.status,
        captured.amount_minor if captured else None,
        captured.currency if captured else None,
        payment.refunded_minor,
        failure.code if failure else None,
        failure.decline_code if failure else None,
        failure.occurrence if failure else None,
        payment.closing,
        payment.closing_at,
        payment.version,
        sealed_secret,
        list(AT_PROVIDER),
        payment.money_ref,
        payment.customer_ref,
        payment.method_ref,
    )


async def forget_card(tx: Transaction, payment_id: UUID) -> None:
    """Keep no name of the card that was saved with it; the provider keeps none either."""
    await tx.execute(
        "UPDATE payments SET customer_ref = NULL, method_ref = NULL WHERE id = $1", payment_id
    )


async def lock(tx: Transaction, payment_id: UUID) -> Payment | None:
    """The payment, locked until the transaction ends."""
    return _first(await tx.fetch(f"{_SELECT} WHERE id = $1 FOR UPDATE", payment_id))


async def read(tx: Transaction, payment_id: UUID) -> Payment | None:
    """The payment as it stands, unlocked."""
    return _first(await tx.fetch(f"{_SELECT} WHERE id = $1", payment_id))


async def of_booking(tx: Transaction, booking_id: UUID) -> list[Payment]:
    """All payments of a booking as they stand, oldest first, unlocked."""
    rows = await tx.fetch(f"{_SELECT} WHERE booking_id = $1 ORDER BY id", booking_id)
    return [payment_of(row) for row in rows]


async def lock_by_ref(tx: Transaction, account_id: str, ref: str) -> Payment | None:
    """The payment that a provider account knows by `ref`, or its money, locked."""
    return _first(await tx.fetch(f"{_SELECT} WHERE {_KNOWN_AS} FOR UPDATE", account_id, ref))


async def lock_of_booking(tx: Transaction, booking_id: UUID) -> list[Payment]:
    """All payments of a booking, oldest first, locked."""
    rows = await tx.fetch(
        f"{_SELECT} WHERE booking_id = $1 ORDER BY id FOR UPDATE",
        booking_id,
    )
    return [payment_of(row) for row in rows]


async def lock_of_change(tx: Transaction, change_id: UUID, booking_id: UUID) -> Payment | None:
    """The payment of a booking's change, locked."""
    return _first(
        await tx.fetch(
            f"{_SELECT} WHERE booking_id = $1 AND coalesce(change_id, booking_id) = $2 FOR UPDATE",
            booking_id,
            change_id,
        )
    )


async def version_of(
    tx: Transaction, account_id: str, ref: str, payment_id: UUID | None
) -> int | None:
    """The version of the payment that a provider account knows by `ref`, else of the one named."""
    found: int | None = await tx.fetchval(
        f"SELECT version FROM payments p WHERE {_KNOWN_AS} "  # noqa: S608  # our own names
        "UNION SELECT version FROM payments WHERE account_id = $1 AND id = $3 LIMIT 1",
        account_id,
        ref,
        payment_id,
    )
    return found


class Telling(NamedTuple):
    """A payment, its sealed client secret, its account's public key, and whose cards it asks."""

    payment: Payment
    sealed_secret: str | None
    publishable_key: str | None
    billing_countries: tuple[str, ...]


async def telling_of_booking(
    tx: Transaction, booking_id: UUID, change_id: UUID | None
) -> Telling | None:
    """What there is to tell of a booking's payment.

    The payment of the change, or without one the newest open payment, else the booking's own.
    """
    row = await tx.fetchrow(_TELLING, booking_id, change_id, list(OPEN))
    if row is None:
        return None
    return Telling(
        payment_of(row),
        row["client_secret"],
        row["publishable_key"],
        tuple(row["billing_countries"]),
    )


def payment_of(row: Record) -> Payment:
    """A payment from a row with `COLUMNS`."""
    captured: Any = row["captured_minor"]
    code: str | None = row["failure_code"]
    return Payment(
        id=row["id"],
        org_id=row["org_id"],
        booking_id=row["booking_id"],
        account_id=row["account_id"],
        provider=row["provider"],
        provider_ref=row["provider_ref"],
        status=Status(row["status"]),
        amount=Money(row["amount_minor"], row["currency"]),
        captured=None if captured is None else Money(captured, row["captured_currency"]),
        refunded_minor=row["refunded_minor"],
        failure=None
        if code is None
        else Failure(code, row["failure_decline_code"], row["failure_occurrence"] or ""),
        closing=row["closing"],
        closing_at=row["closing_at"],
        expires_at=row["expires_at"],
        locale=row["locale"],
        version=row["version"],
        change_id=row["change_id"],
        method=row["method"],
        money_ref=row["money_ref"],
        venue_id=row["venue_id"],
        saves_card=row["saves_card"],
        customer_ref=row["customer_ref"],
        method_ref=row["method_ref"],
        no_show_fee=row["no_show_fee"],
    )


def _first(rows: list[Record]) -> Payment | None:
    return payment_of(rows[0]) if rows else None
