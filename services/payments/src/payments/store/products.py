"""Offerings that are sold on a provider's page, and the provider's prices that stand for them."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from uuid import UUID

from chassis.db import Transaction
from payments.domain.products import Product, Tier

_COLUMNS = (
    """offering_id, org_id, venue_id, title, description, currency, tiers, active, sequence"""
)

_KEEP = f"""
INSERT INTO products AS p ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (offering_id) DO UPDATE SET
    title = $4, description = $5, currency = $6, tiers = $7, active = $8, sequence = $9
WHERE p.sequence < $9
RETURNING active OR synced_sequence IS NOT NULL
"""  # noqa: S608  # our own column names


async def keep(tx: Transaction, product: Product) -> bool:
    """Take over an offering's present state, unless a newer one is here.

    True: a provider has to be told, because it is sold there or was.
    """
    return bool(
        await tx.fetchval(
            _KEEP,
            product.offering_id,
            product.org_id,
            product.venue_id,
            product.title,
            product.description,
            product.currency,
            json.dumps([asdict(tier) for tier in product.tiers]),
            product.active,
            product.sequence,
        )
    )


async def read(tx: Transaction, offering_id: UUID, *, lock: bool = False) -> Product | None:
    """An offering as it was told last."""
    row = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM products "  # noqa: S608  # our own column names
        f"WHERE offering_id = $1 {'FOR UPDATE' if lock else ''}",
        offering_id,
    )
    if row is None:
        return None
    tiers = tuple(Tier(**tier) for tier in json.loads(row["tiers"]))
    return Product(**{**dict(row), "tiers": tiers})


async def sold_on_pages(tx: Transaction) -> list[UUID]:
    """The organisation's offerings that a provider's page may sell now."""
    rows = await tx.fetch("SELECT offering_id FROM products WHERE active ORDER BY offering_id")
    return [row["offering_id"] for row in rows]


async def synced(
    tx: Transaction, product: Product, account_id: str, refs: Mapping[str, str]
) -> None:
    """Note which prices stand for a locked offering's tiers (`refs` by key) at an account."""
    await tx.execute(
        "DELETE FROM prices WHERE account_id = $1 AND offering_id = $2",
        account_id,
        product.offering_id,
    )
    for tier in product.tiers:
        if tier.key in refs:
            await tx.execute(
                """INSERT INTO prices (account_id, offering_id, key, org_id, price_ref,
                                       amount_minor, currency)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)""",
                account_id,
                product.offering_id,
                tier.key,
                product.org_id,
                refs[tier.key],
                tier.amount_minor,
                product.currency,
            )
    await tx.execute(
        "UPDATE products SET synced_sequence = $2 WHERE offering_id = $1",
        product.offering_id,
        product.sequence,
    )


async def price_refs(
    tx: Transaction, account_id: str, offering_id: UUID, currency: str
) -> dict[tuple[str, int], str]:
    """The prices that an account has for an offering, by key and amount in minor units."""
    rows = await tx.fetch(
        """SELECT key, amount_minor, price_ref FROM prices
           WHERE account_id = $1 AND offering_id = $2 AND currency = $3""",
        account_id,
        offering_id,
        currency,
    )
    return {(row["key"], row["amount_minor"]): row["price_ref"] for row in rows}
