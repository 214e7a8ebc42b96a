"""What this service is told by its environment."""

from chassis.settings import LongSecret, RawKeys, SecretKeys, ServiceSettings


class Settings(ServiceSettings):
    """What the chassis needs, and the keys to guests' contact data."""

    PAYMENTS_ENABLED: bool = True
    """False: only what costs nothing can be booked, all else is refused with FEATURE_OFF."""
    COLUMN_KEYS: RawKeys
    """Seal guests' contacts in rows. Each service may have its own."""
    CONTACT_KEYS: RawKeys
    """Seal guests' contacts in messages. The same in all four services."""
    HASH_KEY: LongSecret
    """Makes the hashes by which a guest's address and number are found. It cannot be rotated."""
    MANAGE_TOKEN_KEYS: SecretKeys
    """Sign manage tokens. The same in booking, notifications and gateway."""
