"""Tell the gateway whose an API key is."""

from chassis.db import Transaction
from customers.domain.keys import ApiKey, split
from customers.problems import UnknownKey
from customers.store import api_keys


async def verify_key(tx: Transaction, text: str) -> ApiKey:
    """The key with this text.

    Raises:
        UnknownKey: never made, expired, revoked, or not a key at all; the four look alike.
    """
    parts = split(text)
    found = await api_keys.by_prefix(tx, parts[0]) if parts else None
    if parts is None or found is None:
        raise UnknownKey
    key, now = found
    if not key.opens_with(parts[1], now):
        raise UnknownKey
    return key
