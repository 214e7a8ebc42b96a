"""Settings of the customers service."""

from chassis.settings import LongSecret, RawKeys, ServiceSettings


class Settings(ServiceSettings):
    """What the chassis needs, and the keys to guests' contact data."""

    CONTACT_KEYS: RawKeys
    COLUMN_KEYS: RawKeys
    HASH_KEY: LongSecret
