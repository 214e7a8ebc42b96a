"""Customers and their counters."""

from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.db import Transaction
from customers.domain.customer import Customer, Name, Status
from customers.domain.matching import Kind
from customers.domain.standing import Money, Tally

_GET = """
SELECT c.*,
       ARRAY(SELECT ROW(i.kind, i.sealed) FROM identifiers i
             WHERE i.customer_id = c.id ORDER BY i.kind, i.created_at) AS identifiers,
       ARRAY(SELECT ROW(s.currency, s.amount_minor) FROM spend s
             WHERE s.customer_id = c.id ORDER BY s.currency) AS spend
FROM customers c WHERE c.id = $1
"""

# Counters and spend in one statement; the customer's row lock orders rivals.
_COUNT = """
WITH counted AS (
    UPDATE customers SET
        total_bookings = total_bookings + $2,
        cancellations = cancellations + $3,
        visits = visits + $8,
        completed = completed + $9,
        no_shows = no_shows + $10,
        first_booking_at = least(first_booking_at, $4),
        last_booking_at = greatest(last_booking_at, $4),
        last_activity_at = greatest(last_activity_at, $5)
    WHERE id = $1
    RETURNING id, org_id, status
), spent AS (
    INSERT INTO spend (customer_id, org_id, currency, amount_minor)
    SELECT counted.id, counted.org_id, added.currency, added.amount
    FROM counted, unnest($6::text[], $7::bigint[]) AS added (currency, amount)
    ON CONFLICT (customer_id, currency)
    DO UPDATE SET amount_minor = spend.amount_minor + EXCLUDED.amount_minor
)
SELECT status FROM counted
"""

# Taken back, the latest visit is the one before it: so it is looked up, not raised. By then the
# counting has locked the customer, so of two bookings noted at once the second sees both.
_LATEST_VISITS = """
UPDATE customers SET
    last_visit_at = (SELECT max(starts_at) FROM bookings_seen
                     WHERE customer_id = $1 AND confirmed_at IS NOT NULL AND visited),
    last_no_show_at = (SELECT max(starts_at) FROM bookings_seen
                       WHERE customer_id = $1 AND confirmed_at IS NOT NULL AND missed)
WHERE id = $1
"""

_DECIDE = """
UPDATE customers SET status = $2, notes = $3, version = version + 1 WHERE id = $1 RETURNING version
"""


async def create(tx: Transaction, customer_id: UUID, name: Name) -> None:
    await tx.execute(
        """INSERT INTO customers (id, org_id, given, family, display, created_at)
           VALUES ($1, $2, $3, $4, $5, messaging.now())""",
        customer_id,
        tx.org_id,
        name.given,
        name.family,
        name.display,
    )


async def count(
    tx: Transaction,
    customer_id: UUID,
    added: Tally,
    *,
    booked_at: datetime | None,
    active_at: datetime | None,
) -> Status:
    """Add a tally to a customer's counters, and lock the customer; returns how they stand.

    Spend that goes back is a negative amount.
    """
    status = await tx.fetchval(
        _COUNT,
        customer_id,
        added.bookings,
        added.cancellations,
        booked_at,
        active_at,
        list(added.spend),
        list(added.spend.values()),
        added.visits,
        added.completed,
        added.no_shows,
    )
    if added.visits or added.no_shows:
        await tx.execute(_LATEST_VISITS, customer_id)
    return Status(status)


async def lock(tx: Transaction, customer_id: UUID) -> Customer | None:
    """The customer, locked until the transaction ends."""
    found = await tx.fetchval("SELECT id FROM customers WHERE id = $1 FOR UPDATE", customer_id)
    return None if found is None else await get(tx, customer_id)


async def decide(tx: Transaction, customer_id: UUID, status: Status, notes: str) -> int:
    """Write what staff decided about a locked customer; returns the new version."""
    version: int = await tx.fetchval(_DECIDE, customer_id, status, notes)
    return version


async def next_version(tx: Transaction, customer_id: UUID) -> int:
    """A version for something more to tell about a locked customer."""
    version: int = await tx.fetchval(
        "UPDATE customers SET version = version + 1 WHERE id = $1 RETURNING version", customer_id
    )
    return version


async def get(tx: Transaction, customer_id: UUID) -> Customer | None:
    row = await tx.fetchrow(_GET, customer_id)
    return None if row is None else _customer(row)


async def find(tx: Transaction, kind: Kind, digest: bytes) -> Customer | None:
    """The customer with this identifier, by its keyed hash."""
    owner = await tx.fetchval(
        "SELECT customer_id FROM identifiers WHERE org_id = $1 AND kind = $2 AND hash = $3",
        tx.org_id,
        kind,
        digest,
    )
    return None if owner is None else await get(tx, owner)


async def queue_merge(
    tx: Transaction, customer_id: UUID, rival_id: UUID, booking_id: UUID, reason: str
) -> None:
    """Ask staff whether two customers are one person; asking again changes nothing."""
    await tx.execute(
        """INSERT INTO merge_queue (org_id, customer_id, rival_id, booking_id, reason, created_at)
           VALUES ($1, $2, $3, $4, $5, messaging.now()) ON CONFLICT DO NOTHING""",
        tx.org_id,
        customer_id,
        rival_id,
        booking_id,
        reason,
    )


def _customer(row: asyncpg.Record) -> Customer:
    return Customer(
        id=row["id"],
        name=Name(given=row["given"], family=row["family"], display=row["display"]),
        identifiers=tuple((kind, sealed) for kind, sealed in row["identifiers"]),
        total_bookings=row["total_bookings"],
        status=Status(row["status"]),
        notes=row["notes"],
        version=row["version"],
        cancellations=row["cancellations"],
        visits=row["visits"],
        completed=row["completed"],
        no_shows=row["no_shows"],
        spend=tuple(Money(amount, currency) for currency, amount in row["spend"]),
        first_booking_at=row["first_booking_at"],
        last_booking_at=row["last_booking_at"],
        last_visit_at=row["last_visit_at"],
        last_no_show_at=row["last_no_show_at"],
        last_activity_at=row["last_activity_at"],
        created_at=row["created_at"],
    )
