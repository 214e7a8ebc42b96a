"""Keep a provider's catalogue like ours (PAY-16)."""

from collections.abc import Mapping
from uuid import UUID

from chassis.db import Transaction
from chassis.ids import uuid7
from payments.domain.products import Product
from payments.store import products


async def keep_product(tx: Transaction, product: Product) -> None:
    """Take over an offering; one that is older than what is known changes nothing (F-37)."""
    if await products.keep(tx, product):
        intend_sync(tx, product.offering_id)


async def publish_all(tx: Transaction) -> None:
    """Have a new account's catalogue say what the organisation sells on its provider's page."""
    for offering_id in await products.sold_on_pages(tx):
        intend_sync(tx, offering_id)


def intend_sync(tx: Transaction, offering_id: UUID) -> None:
    """Have the worker tell the provider how the offering is by then."""
    tx.intend(
        "sync_product",
        subject=f"{offering_id}:{uuid7()}",
        lane="catalogue",
        payload={"offering_id": str(offering_id)},
    )


async def record_synced(
    tx: Transaction, told: Product, account_id: str, refs: Mapping[str, str]
) -> None:
    """Note the prices; an offering that changed meanwhile may have been told before: once more."""
    now = await products.read(tx, told.offering_id, lock=True)
    if now is None:
        return
    if now.sequence != told.sequence:
        intend_sync(tx, told.offering_id)
        return
    await products.synced(tx, told, account_id, refs)
