"""Revoke an API key; the gateway forgets it within 60 seconds."""

from uuid import UUID

from chassis.db import Transaction
from customers.problems import UnknownKey
from customers.store import api_keys


async def revoke_key(tx: Transaction, prefix: str, *, org_id: UUID | None) -> None:
    """`org_id` None (an operator) revokes any key.

    Raises:
        UnknownKey: no such key, already revoked, or another organisation's.
    """
    if not await api_keys.revoke(tx, prefix, org_id):
        raise UnknownKey
