"""API keys. Not tenant tables: a key is looked up before anyone knows whose it is."""

from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.db import Transaction
from customers.domain.keys import ApiKey


async def add(tx: Transaction, key: ApiKey, *, created_by: str) -> None:
    await tx.execute(
        """INSERT INTO messaging.api_keys
               (id, org_id, kind, name, prefix, digest, scopes, created_at, created_by, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, messaging.now(), $8, $9)""",
        key.id,
        key.org_id,
        key.kind,
        key.name,
        key.prefix,
        key.digest,
        list(key.scopes),
        created_by,
        key.expires_at,
    )


async def by_prefix(tx: Transaction, prefix: str) -> tuple[ApiKey, datetime] | None:
    """The key with this prefix, and the time it is now."""
    row = await tx.fetchrow(
        "SELECT *, messaging.now() AS now FROM messaging.api_keys WHERE prefix = $1", prefix
    )
    return None if row is None else (_key(row), row["now"])


async def revoke(tx: Transaction, prefix: str, org_id: UUID | None) -> bool:
    """Revoke an organisation's key, or with None any key; whether there was one to revoke."""
    tag = await tx.execute(
        """UPDATE messaging.api_keys SET revoked_at = messaging.now()
           WHERE prefix = $1 AND ($2::uuid IS NULL OR org_id = $2) AND revoked_at IS NULL""",
        prefix,
        org_id,
    )
    return tag == "UPDATE 1"


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        org_id=row["org_id"],
        kind=row["kind"],
        name=row["name"],
        prefix=row["prefix"],
        digest=row["digest"],
        scopes=tuple(row["scopes"]),
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
