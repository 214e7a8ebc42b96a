"""Settings of the customers service."""

from chassis.settings import LongSecret, RawKeys, ServiceSettings


class Settings(ServiceSettings):
    """What the chassis needs, and the keys to guests' contact data."""

    CONTACT_KEYS: RawKeys
    """Open guests' contacts in messages. The same in all four services."""
    COLUMN_KEYS: RawKeys
    """Seal guests' contacts in rows. Each service may have its own."""
    HASH_KEY: LongSecret
    """Makes the hashes by which a guest's address and number are found. It cannot be rotated."""
