"""Organisations' accounts at the platform's provider, and what the platform keeps of charges."""

import json
from uuid import UUID

from asyncpg import Record

from chassis.db import Database, Transaction
from payments.domain.connections import Connection, ConnectionSnapshot, Split
from payments.domain.money import Money

_COLUMNS = """
    id, org_id, country, body, called_at, version, tries, look_first, active, provider_ref,
    charges_enabled, payouts_enabled, transfers_enabled, requirements, disabled_reason,
    activated_at, left_at, refusal"""

_INSERT = """
INSERT INTO connections (id, org_id, country, body, tries, called_at, version, created_at,
                         updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $6)
"""

_SAVE = """
UPDATE connections SET
    country = $2, body = $3, tries = $4, called_at = $5, version = $6, active = $7,
    look_first = $8, provider_ref = $9, charges_enabled = $10, payouts_enabled = $11,
    transfers_enabled = $12, requirements = $13, disabled_reason = $14, activated_at = $15,
    left_at = $16, refusal = $17, updated_at = messaging.now()
WHERE id = $1
"""


async def lock_org(tx: Transaction, org_id: UUID) -> None:
    """Let one transaction at a time decide whether an organisation gets its account."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('connection:' || $1::text, 0))", str(org_id)
    )


async def of_org(tx: Transaction, org_id: UUID, *, lock: bool = False) -> Connection | None:
    """The organisation's connection."""
    return await _one(tx, "org_id", org_id, lock=lock)


async def find(tx: Transaction, connection_id: UUID) -> Connection | None:
    """A connection, unlocked."""
    return await _one(tx, "id", connection_id, lock=False)


async def lock(tx: Transaction, connection_id: UUID) -> Connection | None:
    """A connection, locked until the transaction ends."""
    return await _one(tx, "id", connection_id)


async def lock_by_ref(tx: Transaction, ref: str) -> Connection | None:
    """The connection that the provider knows by `ref`, locked."""
    return await _one(tx, "provider_ref", ref)


async def _one(
    tx: Transaction, column: str, value: object, *, lock: bool = True
) -> Connection | None:
    row = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM connections "  # noqa: S608  # our own column names
        f"WHERE {column} = $1 {'FOR UPDATE' if lock else ''}",
        value,
    )
    return _connection(row) if row else None


async def insert(tx: Transaction, connection: Connection) -> None:
    """Write a new connection; the caller holds the organisation's lock."""
    await tx.execute(
        _INSERT,
        connection.id,
        connection.org_id,
        connection.country,
        json.dumps(connection.body),
        connection.tries,
        connection.called_at,
        connection.version,
    )


async def save(tx: Transaction, connection: Connection) -> None:
    """Write a changed connection; the caller holds its lock."""
    shown = connection.shown
    await tx.execute(
        _SAVE,
        connection.id,
        connection.country,
        json.dumps(connection.body),
        connection.tries,
        connection.called_at,
        connection.version,
        connection.active,
        connection.look_first,
        shown.ref if shown else None,
        bool(shown and shown.charges_enabled),
        bool(shown and shown.payouts_enabled),
        bool(shown and shown.transfers_enabled),
        json.dumps(list(shown.requirements) if shown else []),
        shown.disabled_reason if shown else None,
        connection.activated_at,
        connection.left_at,
        connection.refusal,
    )


async def step_back(tx: Transaction, org_id: UUID) -> None:
    """The organisation uses keys of its own from now on."""
    await tx.execute(
        """UPDATE connections SET active = false, version = version + 1,
                                  updated_at = messaging.now()
           WHERE org_id = $1 AND active""",
        org_id,
    )


async def org_of(db: Database, ref: str) -> UUID | None:
    """Whose account it is that the provider knows by `ref`."""
    [row] = await db.statement("SELECT org_of_connection($1) AS org_id", ref)
    org_id: UUID | None = row["org_id"]
    return org_id


async def set_fee(tx: Transaction, org_id: UUID, basis_points: int, set_by: str) -> None:
    """The organisation's fee for charges from now on, in hundredths of a percent."""
    await tx.execute(
        """INSERT INTO platform_fees (org_id, basis_points, set_by, set_at)
           VALUES ($1, $2, $3, messaging.now())
           ON CONFLICT (org_id) DO UPDATE SET
               basis_points = $2, set_by = $3, set_at = messaging.now()""",
        org_id,
        basis_points,
        set_by,
    )


async def fee_of(tx: Transaction, org_id: UUID) -> int | None:
    """The fee that was set for an organisation, in hundredths of a percent."""
    found: int | None = await tx.fetchval(
        "SELECT basis_points FROM platform_fees WHERE org_id = $1", org_id
    )
    return found


async def keep_split(tx: Transaction, payment_id: UUID, split: Split) -> None:
    """Freeze how a new payment is shared."""
    await tx.execute(
        """INSERT INTO splits (payment_id, org_id, destination, fee_minor, currency,
                               fee_basis_points, fee_returned)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        payment_id,
        tx.org_id,
        split.destination,
        split.fee.amount_minor,
        split.fee.currency,
        split.fee_basis_points,
        split.fee_returned,
    )


async def split_of(tx: Transaction, payment_id: UUID) -> Split | None:
    """How a payment is shared; None: it is the account's own."""
    row = await tx.fetchrow(
        """SELECT destination, fee_minor, currency, fee_basis_points, fee_returned
           FROM splits WHERE payment_id = $1""",
        payment_id,
    )
    if row is None:
        return None
    return Split(
        destination=row["destination"],
        fee=Money(row["fee_minor"], row["currency"]),
        fee_basis_points=row["fee_basis_points"],
        fee_returned=row["fee_returned"],
    )


def _connection(row: Record) -> Connection:
    ref = row["provider_ref"]
    shown = ConnectionSnapshot(
        ref=ref,
        charges_enabled=row["charges_enabled"],
        payouts_enabled=row["payouts_enabled"],
        transfers_enabled=row["transfers_enabled"],
        requirements=tuple(json.loads(row["requirements"])),
        disabled_reason=row["disabled_reason"],
    )
    return Connection(
        id=row["id"],
        org_id=row["org_id"],
        country=row["country"],
        body=json.loads(row["body"]),
        called_at=row["called_at"],
        version=row["version"],
        tries=row["tries"],
        look_first=row["look_first"],
        active=row["active"],
        shown=shown if ref else None,
        activated_at=row["activated_at"],
        left_at=row["left_at"],
        refusal=row["refusal"],
    )
